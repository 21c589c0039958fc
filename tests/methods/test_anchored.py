"""Anchored forgetting: the direction, the regression by hand, and what each anchor does to the weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import build_clip
from tasks import task_for
from torch import Tensor

from clipforget.data.target import Target
from clipforget.errors import BadData
from clipforget.generators import finish
from clipforget.methods.anchored import anchored, embed
from clipforget.methods.anchored.regression import (
    FORGET,
    OTHERS,
    RETAIN,
    Captions,
    Views,
    change_of,
    changes_asked,
    ridge_regression,
)
from clipforget.methods.anchored.settings import AnchoredSettings
from clipforget.models.clip import Clip
from clipforget.models.projection import projection_weight
from clipforget.models.trunk import Trunk
from clipforget.models.weights import changed
from clipforget.unlearning.task import ImageSet, Task

VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
AXES = torch.eye(4, dtype=torch.float64)


def captions() -> Captions:
    """Three classes on the axes of four dimensions, the first to be forgotten; its fine name halfway to the fourth."""
    return Captions(AXES[:3], 0, torch.tensor([[0.6, 0.0, 0.0, 0.8]], dtype=torch.float64))


def test_the_direction_moves_the_targets_names_and_hardly_the_others() -> None:
    direction = captions().direction()
    coarse, fine = direction[0], captions().fine[0] @ direction
    assert coarse == pytest.approx(1.0) and fine > 0.5
    assert direction[1:3].abs().max() < 1e-9, "names at right angles stay"
    close = Captions(torch.stack([AXES[0], torch.tensor([0.8, 0.6, 0.0, 0.0]).double()]), 0, AXES[:0])
    assert (close.classes[1] @ close.direction()) < 0.8, "a close name moves less than along the caption itself"


def test_leads_by_hand() -> None:
    raw = 5 * torch.tensor([[0.6, 0.8, 0.0, 0.0], [0.6, 0.0, 0.0, 0.8]]).double()
    assert captions().leads(raw).tolist() == pytest.approx([-0.2, 0.6])
    assert captions().leads(raw, fine=True).tolist() == pytest.approx([-0.2, 1.0]), "own fine name is nearer"


def views(kinds: list[int], raw: Tensor, inputs: Tensor | None = None) -> Views:
    labels = torch.tensor([0 if kind != OTHERS else 1 for kind in kinds])
    return Views(raw if inputs is None else inputs, raw, torch.tensor(kinds), labels)


def test_what_is_asked_of_each_kind() -> None:
    raw = 2 * torch.tensor([[0.8, 0.6, 0, 0], [0.6, 0.8, 0, 0], [0.0, 1.0, 0, 0], [0.6, 0.0, 0, 0.8]]).double()
    kinds = [FORGET] * 4 + [RETAIN] * 4 + [OTHERS] * 4
    forget, retain, others = changes_asked(views(kinds, raw.repeat(3, 1)), captions(), 0.3, 0.5).split(4)
    assert forget.tolist() == pytest.approx([-1.0, -0.2, 0.0, -2.6]), "down to losing by .3, times the length 2"
    assert retain.tolist() == pytest.approx([0.6, 1.4, 3.0, 0.0]), "up to winning by .5"
    assert others.tolist() == pytest.approx([-0.4, 0.0, 0.0, -1.2]), "down only where the coarse name wins"


def test_the_regression_is_the_weighted_ridge_solution() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(12, 3, generator=generator).double()
    kinds, asked = [FORGET] * 2 + [RETAIN] * 6 + [OTHERS] * 4, torch.randn(12, generator=generator).double()
    found = ridge_regression(views(kinds, inputs), asked, (1.0, 0.5, 2.0), 0.1).requires_grad_(True)
    rows = torch.tensor([1 / 2] * 2 + [0.5 / 6] * 6 + [2 / 4] * 4, dtype=torch.float64)
    penalty = 0.1 * (rows[:, None] * inputs.square()).sum(dim=0).mean()
    loss = (rows * (inputs @ found - asked).square()).sum() + penalty * found.square().sum()
    loss.backward()
    assert found.grad is not None and found.grad.abs().max() < 1e-9, "the gradient vanishes at the minimum"
    left_out = ridge_regression(views(kinds, inputs), asked, (1.0, 0.0, 0.0), 0.1)
    alone = ridge_regression(views(kinds[:2], inputs[:2]), asked[:2], (1.0, 1.0, 1.0), 0.1)
    assert torch.allclose(left_out, alone), "a weight of 0 leaves a kind out"


def trained(task: Task, **values: object) -> Task:
    list(anchored(task, AnchoredSettings(**values)))  # type: ignore[arg-type]
    return task


def moves(task: Task, images: ImageSet) -> Tensor:
    """How far images move along the coarse caption's direction, in raw features."""
    direction = Captions(task.class_embeddings.double(), 0, torch.empty(0, 16).double()).direction()
    with torch.no_grad():
        raw = [clip.model.encode_image(images.pixels).double() for clip in (task.clip, task.original)]
    return (raw[0] - raw[1]) @ direction / direction.square().sum()


@pytest.fixture
def task(tiny_clip: Clip) -> Task:
    """A task whose images to forget are recognised, and whose names are the untrained model's own guesses."""
    task = task_for(tiny_clip)
    return replace(task, others=replace(task.others, labels=torch.full((8,), 1)))


def test_it_moves_the_target_down_and_siblings_not(task: Task) -> None:
    trained(task, ridge=1e-3)
    assert moves(task, task.forget).max() < 0 and moves(task, task.retain).mean() > moves(task, task.forget).mean() / 4


@pytest.mark.parametrize(("weight", "name"), [("retain_weight", "retain"), ("others_weight", "others")])
def test_without_an_anchor_its_images_drift(weight: str, name: str, task: Task, tiny_clip: Clip) -> None:
    images = getattr(task, name)
    held, free = (
        moves(trained(replace(task, clip=tiny_clip.clone()), ridge=1e-3, retain_margin=0.0, **{weight: value}), images)
        for value in (1.0, 0.0)
    )
    assert 2 * held.abs().mean() < free.abs().mean()


@pytest.mark.parametrize("tower", ["resnet", "vit"])
def test_only_the_last_map_changes_by_what_was_solved(tower: str, tiny_clip: Clip) -> None:
    original = tiny_clip if tower == "resnet" else build_clip(VIT)
    task = task_for(original)
    views = finish(embed(task, AnchoredSettings(), Trunk(task.original)))
    assert len(views.inputs) == 3 * 8 + 3 * 8 + 8, "three views of what is forgotten and retained, one of others"
    with torch.no_grad():
        raw = original.model.encode_image(task.forget.pixels).double()
    assert torch.allclose(views.raw[:8], raw, atol=1e-4), "what the last map reads, through it, is the tower's output"
    trained(task)
    moved = changed(original.model.state_dict(), task.clip.model.state_dict())
    last = {"resnet": "visual.attnpool.c_proj", "vit": "visual.proj"}[tower]
    assert moved and all(name.startswith(last) for name in moved)
    change = projection_weight(task.clip.model) - projection_weight(original.model)
    expected = change_of(task, 0, views, AnchoredSettings())
    if tower == "vit":
        expected = expected[:, :-1] @ torch.eye(expected.shape[1] - 1, expected.shape[1]).double()
    assert torch.allclose(change, expected, atol=1e-5) and torch.linalg.matrix_rank(change, tol=1e-4) == 1


def test_two_targets_give_a_direction_each(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    both = replace(task.forget, labels=torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]))
    owners = {"forget": both.labels.clone()}
    task = replace(task, forget=both, targets=(Target("car", "convertible"), Target("dog", "poodle")), target_of=owners)
    trained(task)
    change = projection_weight(task.clip.model) - projection_weight(tiny_clip.model)
    assert torch.linalg.matrix_rank(change, tol=1e-5) == 2


def test_without_anchors_their_images_need_not_be_there(task: Task) -> None:
    empty = ImageSet(task.others.pixels[:0], task.others.labels[:0])
    assert AnchoredSettings().tier == 3 and AnchoredSettings(others_weight=0.0).tier == 2
    trained(replace(task, others=empty), others_weight=0.0)
    with pytest.raises(BadData, match="no training image to compare"):
        trained(replace(task, others=empty))
