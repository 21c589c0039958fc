"""DELETE: the masked divergence by hand, what it needs, and where it takes the images."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from batches import CLASS_EMBEDDINGS, FEATURES, LABELS, SCALE, batch_of
from tasks import task_for
from torch import Tensor
from torch.nn import functional as F

from clipforget.methods import METHODS
from clipforget.methods.delete import DeleteSettings, delete, masked_divergence
from clipforget.models.clip import Clip

OLD = {
    "forget": torch.tensor([[0.6, 0.8, 0.0], [0.8, 0.36, 0.48]]),
    "retain": torch.tensor([[0.6, 0.0, 0.8], [0.8, 0.6, 0.0]]),
}


def distribution(image: Tensor, masked: int | None = None) -> list[float]:
    """Softmax of an image's logits, one name at a time; the masked one has none of it."""
    powers = [math.exp(SCALE * sum(a * b for a, b in zip(image.tolist(), name.tolist(), strict=True)))
              for name in CLASS_EMBEDDINGS]  # fmt: skip
    powers = [0.0 if place == masked else power for place, power in enumerate(powers)]
    return [power / sum(powers) for power in powers]


def divergence(wanted: list[float], now: list[float]) -> float:
    return sum(p * math.log(p / q) for p, q in zip(wanted, now, strict=True) if p > 0)


def test_the_losses_by_hand() -> None:
    found = delete(batch_of(OLD), DeleteSettings(retain_weight=3.0))
    forget = sum(
        divergence(distribution(old, masked=0), distribution(now)) / 2
        for now, old in zip(FEATURES["forget"], OLD["forget"], strict=True)
    )
    kept = sum(
        divergence(distribution(old), distribution(now)) / 4
        for kind in ("retain", "others")
        for now, old in zip(FEATURES[kind], {**FEATURES, **OLD}[kind], strict=True)
    )
    assert LABELS["forget"].tolist() == [0, 0]
    assert found["forget"].item() == pytest.approx(forget, rel=1e-5)
    assert found["retain"].item() == pytest.approx(3 * kept, rel=1e-5)


def test_two_numbers_worked_out_by_hand() -> None:
    teacher = torch.tensor([[5.0, math.log(3.0), 0.0]])  # without the first class: 3/4 and 1/4
    even = masked_divergence(torch.zeros(1, 3), teacher, torch.tensor([0]))
    assert even.item() == pytest.approx(0.75 * math.log(0.75 * 3) + 0.25 * math.log(0.25 * 3))
    reached = masked_divergence(torch.tensor([[-80.0, math.log(3.0), 0.0]]), teacher, torch.tensor([0]))
    assert reached.item() == pytest.approx(0, abs=1e-6)


def test_the_paper_needs_forget_images_only() -> None:
    method = METHODS.load()["delete"]
    settings = DeleteSettings(**method.presets["paper"])
    assert method.tier == method.tier_of(settings) == 1 and method.title_of(settings) == method.title
    held = DeleteSettings(retain_weight=3.0)
    assert method.tier_of(held) == 3 and method.title_of(held) == f"{method.title}, our form that holds the rest"
    batch = batch_of(OLD)
    for kind in ("retain", "others"):
        del batch.images[kind], batch._features[kind, False], batch._features[kind, True]
    assert list(delete(batch, settings)) == ["forget"]


def test_the_gradient_is_finite_where_the_teacher_is_certain() -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    masked_divergence(logits, torch.tensor([[500.0, 0.0, -500.0]]), torch.tensor([0])).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.tensor([[1 / 3, 1 / 3 - 1, 1 / 3]]))


def test_each_image_ends_with_its_own_next_guess(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    forget = tiny_clip.embed(task.forget.pixels)
    generator = torch.Generator().manual_seed(0)
    near, far = forget.mean(dim=0) + 0.1 * torch.randn(2, 16, generator=generator)
    names = F.normalize(torch.stack([forget.mean(dim=0), near, far]), dim=-1)  # the first is everybody's best
    task = replace(task, class_embeddings=names)
    assert (forget @ names.T).argmax(dim=1).tolist() == [0] * len(forget)
    guesses = (forget @ names.T)[:, 1:].argmax(dim=1) + 1
    settings = DeleteSettings(steps=100, learning_rate=1e-3, batch_size=8, retain_weight=0.0)
    steps = list(METHODS.load()["delete"].run(task, settings))
    assert torch.equal((task.clip.embed(task.forget.pixels) @ names.T).argmax(dim=1), guesses)
    assert steps[-1].losses["forget"] < 0.5 * steps[0].losses["forget"]
