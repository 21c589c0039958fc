"""The tower cut in two gives what the whole tower gives, and runs what lies before the cut only once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import build_clip
from tasks import task_for

from clipforget import tail
from clipforget.clip import Clip
from clipforget.methods import Task
from clipforget.precision import FLOAT32
from clipforget.tail import Tail, Views, cut

LATE = ("visual.layer2.0.conv1.weight", "visual.attnpool.c_proj.weight")


@pytest.fixture
def task(tiny_clip: Clip) -> Task:
    """A task whose images to forget are noise, so that an augmentation shows."""
    task = task_for(tiny_clip)
    noise = torch.randn(task.forget.pixels.shape, generator=torch.Generator().manual_seed(1))
    return replace(task, forget=replace(task.forget, pixels=noise))


def views(task: Task, first: int, **how: object) -> Views:
    return Views(task.original, first, task.forget, FLOAT32, torch.Generator().manual_seed(0), **how)  # type: ignore[arg-type]


def test_both_parts_together_are_the_tower(task: Task, tiny_clip: Clip) -> None:
    first = cut(tiny_clip, LATE)
    flow = views(task, first).at(torch.arange(len(task.forget)))
    assert first > 0 and flow.shape != task.forget.pixels.shape
    found = Tail(tiny_clip, first).encode_image(flow)
    assert torch.allclose(found, tiny_clip.encode_image(task.forget.pixels), atol=1e-5)


def test_a_tower_that_changes_at_once_is_not_cut() -> None:
    clip = build_clip({"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32})
    assert cut(clip, ["visual.conv1.weight"]) == 0


def test_a_view_is_made_once(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    some = views(task, cut(task.original, LATE), strength=0.5, most=3)
    count = len(task.forget)
    assert len(some.labels) == 3 * count and torch.equal(some.labels[count:][:count], task.forget.labels)
    chosen = torch.tensor([1, count + 1])
    seen = some.at(chosen)
    assert not torch.equal(seen[0], seen[1])  # two views of one image
    monkeypatch.setattr(tail.train, "augment", lambda *_: pytest.fail("made again"))
    assert torch.equal(some.at(chosen), seen)


@pytest.mark.parametrize(("first", "room"), [(0, tail.KEPT), (None, 10)])
def test_what_may_not_be_kept_is_made_anew(
    first: int | None, room: int, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "KEPT", room)
    some = views(task, cut(task.original, LATE) if first is None else first, strength=0.5, most=3)
    assert first == 0 or len(some.labels) == len(task.forget)
    chosen = torch.tensor([0, 1])
    assert not torch.equal(some.at(chosen), some.at(chosen))
