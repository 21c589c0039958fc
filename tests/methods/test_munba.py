"""MUNBa: the bargaining solution against its equation and the paper's form, and a step that serves both losses."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from conftest import build_clip
from tasks import task_for
from torch import Tensor

from clipforget.methods.munba import MunbaSettings, bargain, munba
from clipforget.models.clip import Clip
from clipforget.unlearning import losses
from clipforget.unlearning.task import Task


def gradients(scale: float = 1.0) -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    first, second = ([torch.randn(3, 4, generator=generator), torch.randn(5, generator=generator)] for _ in range(2))
    return first, [scale * part for part in second]


def flat(gradient: list[Tensor]) -> Tensor:
    return torch.cat([part.flatten() for part in gradient]).double()


@pytest.mark.parametrize("scale", [1.0, 1e-3, 200.0, -1.0])
def test_the_shares_solve_the_equation(scale: float) -> None:
    first, second = gradients(scale)
    shares, cosine = bargain(first, second)
    columns = torch.stack([flat(first), flat(second)])
    k, a = columns @ columns.T, torch.tensor(shares, dtype=torch.float64)
    assert (a > 0).all()
    torch.testing.assert_close(a * (k @ a), torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-6)
    assert (a @ columns).norm().item() == pytest.approx(math.sqrt(2))
    for share, gradient in zip(shares, (first, second), strict=True):  # as printed, with the angle between the two
        printed = math.sqrt((1 - cosine) / math.sin(math.acos(cosine)) ** 2) / flat(gradient).norm().item()
        assert share == pytest.approx(printed)


def test_two_gradients_worked_out_by_hand() -> None:
    shares, cosine = bargain([torch.tensor([2.0, 0.0])], [torch.tensor([0.0, 5.0])])
    assert (*shares, cosine) == pytest.approx((0.5, 0.2, 0.0))
    shares, cosine = bargain([torch.tensor([2.0])], [torch.tensor([4.0])])  # of one mind: half of each unit vector
    assert (*shares, cosine) == pytest.approx((0.5 / math.sqrt(2), 0.25 / math.sqrt(2), 1.0))


def test_opposed_gradients_give_next_to_no_step_and_a_zero_one_no_infinity() -> None:
    first, _ = gradients()
    shares, _ = bargain(first, [-3 * part for part in first])
    assert (shares[0] * flat(first) - shares[1] * 3 * flat(first)).norm() < 1e-3
    shares, _ = bargain(first, [0 * part for part in first])
    assert all(map(math.isfinite, shares))


def both_losses(task: Task, wrong: Tensor) -> list[float]:
    def loss(pixels: Tensor, labels: Tensor) -> float:
        scale = task.clip.logit_scale
        return float(losses.zero_shot_cross_entropy(task.clip.embed(pixels), labels, task.class_embeddings, scale))

    kept, labels = (
        torch.cat([getattr(images, part) for images in (task.retain, task.others)]) for part in ("pixels", "labels")
    )
    return [loss(task.forget.pixels, wrong), loss(kept, labels)]


def test_one_small_step_lowers_both_losses_by_as_much_as_their_shares_say(tiny_clip: Clip) -> None:
    task = dataclasses.replace(task_for(tiny_clip), names=("car", "dog"))  # of two names one is the wrong one
    wrong = torch.ones(len(task.forget), dtype=torch.long)
    before = both_losses(task, wrong)
    (step,) = munba(task, MunbaSettings(steps=1, batch_size=8, learning_rate=1e-4, momentum=0.0))
    fallen = [old - new for old, new in zip(before, both_losses(task, wrong), strict=True)]
    assert list(step.losses.values()) == pytest.approx(before, rel=1e-4)

    task = dataclasses.replace(task_for(tiny_clip), names=("car", "dog"))
    weights = [p.requires_grad_() for n, p in task.clip.model.named_parameters() if n.startswith("visual.")]
    oracle = []
    for pixels, labels in (
        (task.forget.pixels, wrong),
        (torch.cat([task.retain.pixels, task.others.pixels]), torch.cat([task.retain.labels, task.others.labels])),
    ):
        logits = task.clip.logit_scale * task.clip.encode_image(pixels) @ task.class_embeddings.T
        oracle.append(list(torch.autograd.grad(torch.nn.functional.cross_entropy(logits, labels), weights)))
    shares, cosine = bargain(*oracle)
    assert step.data["cosine"] == pytest.approx(cosine, abs=1e-3)
    for fall, share in zip(fallen, shares, strict=True):  # g_i . d = 1 / a_i
        assert fall > 0 and fall == pytest.approx(1e-4 / share, rel=0.1)


def test_the_weights_move_by_the_length_of_the_direction(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    list(munba(task, MunbaSettings(steps=1, batch_size=4, learning_rate=1e-3, momentum=0.0)))
    before, after = (dict(clip.model.named_parameters()) for clip in (tiny_clip, task.clip))
    moved = math.sqrt(sum(float((after[name] - before[name]).detach().square().sum()) for name in before))
    assert moved == pytest.approx(1e-3 * math.sqrt(2), rel=1e-2)


def test_closed_early_it_leaves_no_gradients() -> None:
    task = task_for(build_clip({"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}))
    asked = {name: p.requires_grad for name, p in task.clip.model.named_parameters()}
    run = munba(task, MunbaSettings(steps=5, batch_size=4))
    next(run)
    run.close()  # type: ignore[attr-defined]
    assert all(p.grad is None for p in task.clip.model.parameters()) and not task.clip.model.training
    assert asked == {name: p.requires_grad for name, p in task.clip.model.named_parameters()}
