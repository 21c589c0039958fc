"""Anchored forgetting on a tiny CLIP: it forgets, repeats by seed, and leaves everything else alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from conftest import build_clip
from tasks import task_for

from clipforget.errors import BadData
from clipforget.methods import METHODS
from clipforget.methods.anchored.settings import MODES, PAPER, AnchoredSettings
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.settings import parse
from clipforget.unlearning.fisher import candidates
from clipforget.unlearning.task import ImageSet, Step, Task

SHORT: dict = {
    "forget_steps": 8,
    "remind_steps": 2,
    "fisher_samples": 2,
    "batch_size": 4,
    "check_every": 4,
    "precision": "float32",
}
VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}


def run(task: Task, **values: object) -> list[Step]:
    method = METHODS.load()["anchored"]
    return list(method.run(task, parse(method.settings, {**SHORT, **values})))


def cosine(clip: Clip, images: ImageSet, class_embeddings: torch.Tensor) -> float:
    return float((clip.embed(images.pixels) * class_embeddings[images.labels]).sum(dim=1).mean())


@pytest.mark.parametrize("tower", ["resnet", "vit"])
@pytest.mark.parametrize("mode", MODES)
def test_forgets_and_leaves_the_rest_alone(tower: str, mode: str, tiny_clip: Clip) -> None:
    original = tiny_clip if tower == "resnet" else build_clip(VIT)
    task = task_for(original)
    # an untrained tower knows no better
    nearest = (original.embed(task.forget.pixels) @ task.class_embeddings.T).argmax(dim=1)
    task = dataclasses.replace(task, forget=ImageSet(task.forget.pixels, nearest))
    before = {name: value.clone() for name, value in original.model.state_dict().items()}
    free = {"retain_weight": 0, "distill_weight": 0, "balance": False, "margin": 2.0}
    run(task, mode=mode, forget_learning_rate=1e-2, ema_decay=0.1, **free)
    assert cosine(task.clip, task.forget, task.class_embeddings) < cosine(original, task.forget, task.class_embeddings)
    after = task.clip.model.state_dict()
    assert list(after) == list(before) and not task.clip.model.training
    assert all(torch.equal(value, before[name]) for name, value in original.model.state_dict().items())
    names = set(changed(before, after))
    assert names and all(name.startswith("visual.") for name in names) and len(names) <= AnchoredSettings().layers
    assert not any("running" in name or "num_batches" in name for name in names)
    assert not hasattr(task.clip.model, "parametrizations") and not any(
        hasattr(module, "parametrizations") for module in task.clip.model.modules()
    )


def test_records(tiny_clip: Clip) -> None:
    steps = run(task_for(tiny_clip), layers=3)
    stages = list(dict.fromkeys(step.stage for step in steps))
    assert stages == ["select", "forget", "remind"] == list(METHODS.load()["anchored"].stages)
    layers = [step for step in steps if "layers" in step.data][-1].data["layers"]
    assert set(layers[0]) == {"name", "relative", "forget", "retain", "chosen", "eligible"}
    assert sum(layer["chosen"] for layer in layers) == 3
    assert all(1 <= step.step <= step.total for step in steps)
    assert set(steps[-1].steer) == {"forget", "retain", "others"}
    last = steps[-1].data
    left = 0.7**2 if last["average_kept"] else 0.0
    assert last["original_share"] == pytest.approx(1 - 1.5 * (1 - left))


def test_same_seed_same_weights(tiny_clip: Clip) -> None:
    prints = []
    for seed in (0, 0, 1):
        task = task_for(tiny_clip, seed)
        run(task)
        prints.append(task.clip.fingerprint())
    assert prints[0] == prints[1] != prints[2] and tiny_clip.fingerprint() not in prints


@pytest.mark.parametrize("stage", ["select", "forget", "remind"])
def test_closing_midway_leaves_a_plain_model(stage: str, tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    keys = list(task.clip.model.state_dict())
    method = METHODS.load()["anchored"]
    records = method.run(task, parse(method.settings, SHORT))
    next(step for step in records if step.stage == stage)
    records.close()
    assert list(task.clip.model.state_dict()) == keys
    assert task.clip.embed(task.forget.pixels).isfinite().all()


def test_the_papers_form_stops_at_chance_and_keeps_the_average(tiny_clip: Clip) -> None:
    steps = run(task_for(tiny_clip), **{**PAPER, "forget_steps": 40, "forget_learning_rate": 3e-2, "check_every": 1})
    forgetting = [step for step in steps if step.stage == "forget"]
    assert forgetting[-1].steer["forget"] <= 1 / 3 or len(forgetting) == 40
    assert steps[-1].data["average_kept"]


def test_nothing_to_forget_is_said(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    empty = ImageSet(task.forget.pixels[:0], task.forget.labels[:0])
    with pytest.raises(BadData, match="no training image to forget"):
        run(dataclasses.replace(task, forget=empty))


@pytest.mark.parametrize("alignment", ["recorded", "distillation", "none"])
def test_other_alignments_for_comparison(alignment: str, tiny_clip: Clip) -> None:
    task, other = task_for(tiny_clip), task_for(tiny_clip)
    steps = run(task, alignment=alignment, balance=False)
    run(other, balance=False)
    assert task.clip.fingerprint() != other.clip.fingerprint()
    courses = [step.data["alignment"] for step in steps if step.stage == "remind"]
    assert all(bool(course) == (alignment == "recorded") for course in courses)


def test_all_layers_that_depth_allows(tiny_clip: Clip) -> None:
    steps = run(task_for(tiny_clip), selection="all", depth=0.4)
    layers = next(step.data["layers"] for step in steps if "layers" in step.data)
    chosen = [layer["name"] for layer in layers if layer["chosen"]]
    assert chosen == candidates(tiny_clip.model, 0.4)


def test_extrapolation_lengthens_the_change(tiny_clip: Clip) -> None:
    start, found = tiny_clip.model.state_dict(), []
    for extrapolation in (1.0, 1.5):
        task = task_for(tiny_clip)
        run(task, extrapolation=extrapolation)
        found.append(changed(start, task.clip.model.state_dict()))
    assert found[0].keys() == found[1].keys() and found[0]
    for name, trained in found[0].items():
        assert torch.allclose(found[1][name] - start[name], 1.5 * (trained - start[name]), atol=1e-6)


def test_distillation_keeps_the_features_of_others_in_place(tiny_clip: Clip) -> None:
    """By what it does to the weights: without the term both runs are one."""
    moved = []
    for weight in (0.0, 100.0):
        task = task_for(tiny_clip)
        run(task, distill_weight=weight, balance=False, forget_learning_rate=1e-2, forget_steps=20, remind_steps=0)
        before, after = (clip.embed(task.others.pixels) for clip in (tiny_clip, task.clip))
        moved.append(float((1 - (before * after).sum(dim=1)).mean()))
    assert moved[1] < 0.7 * moved[0]


@pytest.mark.parametrize("decay", [0.2, 0.9])
def test_the_average_keeps_the_originals_share(decay: float, tiny_clip: Clip) -> None:
    """Where reminding leaves the weights in place, 1 - decay^T of what forgetting did is left."""
    start, deltas = tiny_clip.model.state_dict(), []
    for steps in (0, 3):
        task = task_for(tiny_clip)
        still = {"remind_learning_rate": 1e-7, "ema_decay": decay, "balance": False, "extrapolation": 1.0}
        run(task, remind_steps=steps, **still)
        after = changed(start, task.clip.model.state_dict())
        deltas.append({name: value - start[name] for name, value in after.items()})
    whole, part = deltas
    assert whole.keys() == part.keys() and whole
    for name, value in whole.items():
        torch.testing.assert_close(part[name], (1 - decay**3) * value, rtol=1e-2, atol=1e-5)
