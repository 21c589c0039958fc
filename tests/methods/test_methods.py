"""What every registered method keeps to: it runs, repeats by seed, and leaves alone what it does not change."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import pytest
import torch
from conftest import build_clip
from tasks import QUICK, task_for

from clipforget.methods import METHODS
from clipforget.methods import method as register
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.settings import options, parse
from clipforget.unlearning.task import BOTH, IMAGE, KINDS, NOTHING, TEXT, ImageSet, Step, Task

NAMES = list(METHODS.load())
VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
BY_TOWER = {IMAGE: ("visual.",), TEXT: ("",), BOTH: ("",), NOTHING: ()}


def run(name: str, task: Task, values: Mapping[str, object] = MappingProxyType({})) -> list[Step]:
    method = METHODS[name]
    known = {option.name for option in options(method.settings)}
    quick = {k: v for k, v in QUICK.items() if k in known}
    quick |= {"epochs": 1.0} if values.get("epochs") else {}
    return list(method.run(task, parse(method.settings, {**values, **quick})))


@pytest.mark.parametrize("tower", ["resnet", "vit"])
@pytest.mark.parametrize("name", NAMES)
def test_runs_and_leaves_the_rest_alone(name: str, tower: str, tiny_clip: Clip) -> None:
    original = tiny_clip if tower == "resnet" else build_clip(VIT)
    task, method = task_for(original), METHODS[name]
    before = {key: value.clone() for key, value in original.model.state_dict().items()}
    steps = run(name, task)
    assert all(torch.equal(value, before[key]) for key, value in original.model.state_dict().items())
    after = task.clip.model.state_dict()
    assert list(after) == list(before) and not task.clip.model.training
    moved = set(changed(before, after))
    assert "logit_scale" not in moved and not any("running_" in key or "num_batches" in key for key in moved)
    assert all(key.startswith(BY_TOWER[method.changes]) for key in moved)
    if method.changes == TEXT:
        assert not any(key.startswith("visual.") for key in moved)
    assert bool(moved) == (method.changes != NOTHING), "it moved nothing" if not moved else f"it moved {moved}"
    assert not any(hasattr(module, "parametrizations") for module in task.clip.model.modules())
    assert {step.stage for step in steps} <= set(method.stages)
    assert all(1 <= step.step <= step.total for step in steps)


CHOOSING = ("slug", "task_vector")  # they choose by the last kind of images, which so few steps hardly feel
PRESETS = [(name, preset) for name in NAMES for preset in ("defaults", *METHODS[name].presets)]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_uses_what_its_tier_allows_and_no_more(name: str, preset: str, tiny_clip: Clip) -> None:
    """Images beyond the tier may be absent, or be others: the weights are the same. Those of the tier matter."""
    method = METHODS[name]
    values = method.presets.get(preset, {})
    tier = method.tier_of(parse(method.settings, dict(values)))
    assert preset != "defaults" or tier == method.tier

    def weights(change: Callable[[ImageSet], ImageSet], kinds: Sequence[str]) -> str:
        task = task_for(tiny_clip)
        train = {kind: change(getattr(task, kind)) for kind in kinds}
        steer = {k: change(images) if k in kinds else images for k, images in task.steer.items()}
        task = dataclasses.replace(task, steer=steer, **train)
        run(name, task, values)
        return task.clip.fingerprint()

    weights(lambda images: ImageSet(images.pixels[:0], images.labels[:0]), KINDS[tier:])
    usual = weights(lambda images: images, ())
    swapped = lambda images: ImageSet(images.pixels.flip(3) + 1, 2 - images.labels)  # noqa: E731
    assert weights(swapped, KINDS[tier:]) == usual
    feels = name not in CHOOSING and preset != "unlearn-sparse"  # whose noise is clamped everywhere
    assert not tier or not feels or weights(swapped, KINDS[tier - 1 : tier]) != usual


def test_a_variant_of_ours_says_so_in_its_title() -> None:
    for name in ("ssd", "fisher_noise", "task_vector", "slug"):
        method = METHODS[name]
        published = parse(method.settings, dict(method.presets["paper"]))
        assert method.title_of(published) == method.title
        assert method.title_of(method.settings()).startswith(f"{method.title}, our ")
    for name in ("delete", "salun", "nullspace", "selective_nullspace"):
        method = METHODS[name]
        assert method.title_of(method.settings()) == method.title
        ours = parse(method.settings, dict(method.presets["ours"]))
        assert method.title_of(ours).startswith(f"{method.title}, our ")


def test_a_tier_is_one_of_four() -> None:
    with pytest.raises(ValueError, match="from 0 to 3; it is 4"):
        register("nowhere", type, title="Nowhere", tier=4, source="A test")


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_weights(name: str, tiny_clip: Clip) -> None:
    prints = []
    for seed in (1, 1):
        task = task_for(tiny_clip, seed)
        run(name, task)
        prints.append(task.clip.fingerprint())
    assert prints[0] == prints[1]


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name: str) -> None:
    method = METHODS[name]
    assert method.title and method.source and method.summary.endswith(".") and len(method.summary) < 130
    assert not method.summary.split()[0].endswith("s"), "the summary is an imperative clause: Lower, not Lowers"
    no_paper = name in ("prompt_filter", "anchored", "separated", "unseen")
    assert method.reference_url.startswith("https://") or no_paper, "its source has an address"
    arxiv = re.fullmatch(r"https://arxiv.org/abs/(\d{4}\.\d{5})", method.reference_url)
    assert not arxiv or f"arXiv {arxiv[1]}" in method.source, "source and address are the same paper"
    assert all(note.endswith(".") for note in method.notes)
    defaults = parse(method.settings, {})
    for preset, values in method.presets.items():
        assert parse(method.settings, dict(values)) is not None, preset
    for option in options(method.settings):
        assert option.help, option.name
        for value in option.search:
            assert getattr(parse(method.settings, {option.name: value}), option.name) == value
        assert getattr(defaults, option.name) == option.default


@pytest.mark.parametrize("name", NAMES)
def test_saved_runs_and_presets_may_use_the_former_names(name: str) -> None:
    settings = METHODS[name].settings
    for option in options(settings):
        for former in option.former:
            value = option.high if option.kind is float else option.default
            assert getattr(parse(settings, {former: value}), option.name) == value, former


def test_the_notes_say_what_does_not_apply() -> None:
    assert METHODS["nullspace"].notes and not METHODS["selective_nullspace"].notes  # one form of it reads images
    for method in METHODS.values():
        never_images = method.tier == 0 and not hasattr(method.settings, "tier")
        assert bool(method.notes) == (method.changes != IMAGE or never_images or bool(method.note))
