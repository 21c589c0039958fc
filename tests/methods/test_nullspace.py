"""Projections by their properties and by hand, and what the method makes of the model's features."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from conftest import build_clip
from tasks import task_for
from torch.nn import functional as F

from clipforget.data.target import Target
from clipforget.errors import BadSetting
from clipforget.methods import METHODS
from clipforget.methods.nullspace import NullspaceSettings, coarse_captions, matrix, nullspace
from clipforget.models.clip import Clip
from clipforget.settings import parse
from clipforget.unlearning.directions import basis, orthogonal_part, projection_matrix, regression

VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double(), dim=-1)


def test_a_basis_leaves_out_what_repeats() -> None:
    a, b = unit(2, 6)
    found = basis(torch.stack([a, b, a + b, 2 * a]))
    assert found.shape == (6, 2)
    torch.testing.assert_close(found.T @ found, torch.eye(2).double())
    torch.testing.assert_close(found @ (found.T @ b), b)


def test_removal_by_hand() -> None:
    found = projection_matrix(basis(torch.tensor([[3.0, 4.0, 0.0]])), 0.5)
    wanted = torch.tensor([[1 - 0.18, -0.24, 0.0], [-0.24, 1 - 0.32, 0.0], [0.0, 0.0, 1.0]]).double()
    torch.testing.assert_close(found, wanted, atol=1e-7, rtol=0)


@pytest.mark.parametrize(("form", "strength"), [("partial", 1.0), ("residual", 1.0)])
def test_a_full_projection_is_symmetric_and_idempotent(form: str, strength: float) -> None:
    forget, retain = unit(2, 8), unit(3, 8, seed=1)
    found = matrix(forget, retain, NullspaceSettings(form=form, strength=strength))
    torch.testing.assert_close(found, found.T)
    torch.testing.assert_close(found @ found, found)
    assert torch.linalg.matrix_rank(found) == 6
    if form != "residual":
        assert (found @ forget.T).abs().max() < 1e-9


def test_partial_leaves_the_share_it_is_told_and_a_reflection_turns_it_round() -> None:
    forget, retain = unit(2, 8), unit(3, 8, seed=1)
    found = matrix(forget, retain, NullspaceSettings(form="partial", strength=0.7))
    torch.testing.assert_close(found @ forget.T, 0.3 * forget.T)
    found = matrix(forget, retain, NullspaceSettings(form="reflection"))
    torch.testing.assert_close(found @ forget.T, -forget.T)
    torch.testing.assert_close(found @ found, torch.eye(8).double())


def test_only_the_papers_form_bears_the_bare_title() -> None:
    method = METHODS.load()["nullspace"]
    assert method.title_of(method.settings()) == method.title
    assert method.title_of(NullspaceSettings(form="reflection")) == "Nullspace projection, our reflection"
    with pytest.raises(BadSetting, match="strength must be a number from 0"):
        parse(NullspaceSettings, {"strength": 2.0})


def test_residual_keeps_every_retained_name() -> None:
    forget, retain = unit(2, 8), unit(3, 8, seed=1)
    found = matrix(forget, retain, NullspaceSettings(form="residual", strength=1.0))
    torch.testing.assert_close(found @ retain.T, retain.T)
    assert ((found @ forget.T).norm(dim=0) < 0.95).all()
    left = orthogonal_part(forget, retain)
    assert (left @ retain.T).abs().max() < 1e-9 and (found @ left.T).abs().max() < 1e-9
    with pytest.raises(BadSetting, match="span"):
        matrix(retain[:1] + retain[1:2], retain, NullspaceSettings(form="residual"))


def test_ridge_is_its_formula_and_keeps_names_that_stand_apart() -> None:
    forget, retain = unit(2, 8), unit(3, 8, seed=1)
    settings = NullspaceSettings(form="ridge", forget_weight=7.0, ridge=0.3)
    inner = torch.zeros(8, 8).double()
    outer = torch.zeros(8, 8).double()
    for i in range(8):
        for j in range(8):
            inner[i, j] = sum(float(t[i] * t[j]) for t in retain) + (0.3 if i == j else 0.0)
            outer[i, j] = inner[i, j] + 7.0 * sum(float(t[i] * t[j]) for t in forget)
    torch.testing.assert_close(matrix(forget, retain, settings), inner @ outer.inverse())
    sharp = matrix(forget, retain, NullspaceSettings(form="ridge", forget_weight=100.0, ridge=1e-7))
    torch.testing.assert_close(sharp @ retain.T, retain.T, atol=1e-4, rtol=0)
    assert (sharp @ forget.T).norm(dim=0).max() < 1e-4


def test_the_regression_has_the_least_loss() -> None:
    forget, retain = unit(5, 6), unit(9, 6, seed=1)
    wanted = projection_matrix(basis(unit(1, 6, seed=2)), 2.0)
    start = regression(retain.T @ retain, forget.T @ forget, 0.7, 0.2, wanted)
    found = start.clone().requires_grad_(True)
    loss = (
        sum((found @ x - x).square().sum() for x in retain)
        + 0.7 * sum((found @ x - wanted @ x).square().sum() for x in forget)
        + 0.2 * (found - torch.eye(6)).square().sum()
    )
    (gradient,) = torch.autograd.grad(loss, found)
    assert gradient.abs().max() < 1e-9  # convex, so that is the minimum


@pytest.mark.parametrize("tower", ["resnet", "vit"])
def test_the_model_gives_projected_features(tower: str, tiny_clip: Clip) -> None:
    task = task_for(tiny_clip if tower == "resnet" else build_clip(VIT))
    (step,) = nullspace(task, NullspaceSettings())
    assert set(step.steer) == {"forget", "retain", "others"}
    with torch.no_grad():
        name = task.original.encode_text(task.forget_prompts)[0]
        raw = task.original.model.encode_image(task.forget.pixels)
        found = task.clip.encode_image(task.forget.pixels)
    wanted = F.normalize(raw - (raw @ name)[:, None] * name, dim=-1)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert (found @ name).abs().max() < 1e-5


def test_needs_no_images(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    nothing = dataclasses.replace(task.forget, pixels=task.forget.pixels[:0], labels=task.forget.labels[:0])
    bare = dataclasses.replace(task, forget=nothing, retain=nothing, others=nothing, steer={})
    (step,) = nullspace(bare, NullspaceSettings())
    assert step.steer == {}


def test_the_coarse_caption_is_protected_where_it_is_not_the_target(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    assert coarse_captions(task) == ["a photo of a car."]
    whole = dataclasses.replace(task, targets=(Target("car"),), forget_prompts=("a photo of a car.",))
    style = dataclasses.replace(task, targets=(Target("*", "*", "sketch"),), forget_prompts=("a sketch.",))
    assert coarse_captions(whole) == coarse_captions(style) == []
    list(nullspace(task, NullspaceSettings(form="residual", protect_coarse=True, strength=1.0)))
    with torch.no_grad():
        name = task.original.encode_text(["a photo of a car."])[0]
        raw, new = (clip.model.encode_image(task.forget.pixels) @ name for clip in (task.original, task.clip))
    torch.testing.assert_close(new, raw, rtol=1e-4, atol=1e-5)  # before normalising, its similarity is what it was
