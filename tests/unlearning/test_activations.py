"""The tower cut in two gives what the whole tower gives, and runs what lies before the cut only once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import build_clip
from tasks import task_for

from clipforget.models.clip import Clip
from clipforget.models.precision import FLOAT32
from clipforget.unlearning import activations
from clipforget.unlearning.activations import ActivationCache, TowerTail, cut
from clipforget.unlearning.task import Task

LATE = ("visual.layer2.0.conv1.weight", "visual.attnpool.c_proj.weight")


@pytest.fixture
def task(tiny_clip: Clip) -> Task:
    """A task whose images to forget are noise, so that an augmentation shows."""
    task = task_for(tiny_clip)
    noise = torch.randn(task.forget.pixels.shape, generator=torch.Generator().manual_seed(1))
    return replace(task, forget=replace(task.forget, pixels=noise))


def flow(task: Task, first: int, strength: float = 0.0) -> ActivationCache:
    return ActivationCache(
        task.original, first, task.forget, FLOAT32, torch.Generator().manual_seed(0), strength=strength
    )


def test_both_parts_together_are_the_tower(task: Task, tiny_clip: Clip) -> None:
    first = cut(tiny_clip, LATE)
    found = flow(task, first).activations(torch.arange(len(task.forget)))
    assert first > 0 and found.shape != task.forget.pixels.shape
    whole = tiny_clip.encode_image(task.forget.pixels)
    assert torch.allclose(TowerTail(tiny_clip, first).encode_image(found), whole, atol=1e-5)


def test_a_tower_that_changes_at_once_is_not_cut(task: Task) -> None:
    clip = build_clip({"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32})
    assert cut(clip, ["visual.conv1.weight"]) == 0
    assert torch.equal(flow(task, 0).activations(torch.tensor([2])), task.forget.pixels[2:3])


@pytest.mark.parametrize(
    ("strength", "room", "kept"),
    [(0.0, activations.CACHE_BYTES, True), (0.0, 10, False), (0.5, activations.CACHE_BYTES, False)],
)
def test_what_is_plain_and_small_enough_is_made_once(
    strength: float, room: int, kept: bool, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activations, "CACHE_BYTES", room)
    some, made = flow(task, cut(task.original, LATE), strength), []
    through = activations._run
    monkeypatch.setattr(activations, "_run", lambda parts, x: made.append(len(x)) or through(parts, x))
    first, again = some.activations(torch.tensor([1, 2])), some.activations(torch.tensor([2, 0]))
    assert made == ([2, 1] if kept else [2, 2])
    assert torch.allclose(first[1], again[0], atol=1e-6) == (strength == 0)
