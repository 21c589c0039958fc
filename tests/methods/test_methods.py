"""What every registered method keeps to: it runs, repeats by seed, and leaves alone what it does not change."""

from __future__ import annotations

import re

import pytest
import torch
from conftest import build_clip
from tasks import task_for

from clipforget.methods import METHODS
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.settings import options, parse
from clipforget.unlearning.task import BOTH, IMAGE, NOTHING, TEXT, Step, Task

NAMES = list(METHODS.load())
QUICK = {  # settings of these names are cut to this, so that every method ends within a second
    "steps": 3, "forget_steps": 3, "remind_steps": 2, "fisher_samples": 2, "samples": 2, "batch_size": 4,
    "check_every": 2, "synthesis_steps": 2, "synthesis_images": 2, "precision": "float32",
}  # fmt: skip
VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
BY_TOWER = {IMAGE: ("visual.",), TEXT: ("",), BOTH: ("",), NOTHING: ()}


def run(name: str, task: Task) -> list[Step]:
    method = METHODS[name]
    known = {option.name for option in options(method.settings)}
    return list(method.run(task, parse(method.settings, {k: v for k, v in QUICK.items() if k in known})))


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
    assert method.reference_url.startswith("https://") or name == "prompt_filter", "its source has an address"
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
    for method in METHODS.values():
        assert bool(method.notes) == (method.changes != IMAGE or not method.images)
