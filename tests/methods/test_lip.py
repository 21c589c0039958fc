"""LIP: its loss against loops, and the ratio that it lowers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from batches import FEATURES, batch_of
from conftest import build_clip
from tasks import task_for
from torch import Tensor

from clipforget.methods import METHODS
from clipforget.methods.lip import LipSettings, lip
from clipforget.unlearning.task import Task

VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}


def test_the_losses_against_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    class_embeddings = torch.tensor([[0.6, 0.8, 0.0], [0.0, 1.0, 0.0]])
    batch, seen = batch_of(class_embeddings=class_embeddings), []

    def encode(pixels: Tensor, **_: Any) -> Tensor:
        seen.append(pixels)
        return pixels.flatten(1)[:, :3]

    monkeypatch.setattr(batch, "encode", encode)
    found = lip(batch, LipSettings(copies=3, sigma=0.7, similarity_weight=2.0))
    (noisy,) = seen
    assert noisy.shape == (6, 3, 4, 4) and 0.55 < float(noisy.std()) < 0.85  # the pixels are 0: this is the noise
    embeddings = similarities = 0.0
    for copy in range(3):
        for image in range(2):
            noise = noisy[2 * copy + image]
            moved = FEATURES["forget"][image] - noise.flatten()[:3]
            embeddings += float(moved.norm() / noise.norm()) / 6
            similarities += float((class_embeddings @ moved).norm() / noise.norm()) / 6
    assert found["embeddings"].item() == pytest.approx(embeddings)
    assert found["similarities"].item() == pytest.approx(2 * similarities)


@torch.no_grad()
def measured(task: Task) -> float:
    """Lipschitz ratio of the embeddings on the forget images, with noise of its own."""
    noise = 0.5 * torch.randn(task.forget.pixels.shape, generator=torch.Generator().manual_seed(99))
    moved = task.clip.embed(task.forget.pixels + noise) - task.clip.embed(task.forget.pixels)
    return float((moved.norm(dim=1) / noise.flatten(1).norm(dim=1)).mean())


def test_it_lowers_the_ratio_on_noise_it_never_saw() -> None:
    task = task_for(build_clip(VIT))
    before = measured(task)
    list(METHODS.load()["lip"].run(task, LipSettings(steps=20, learning_rate=3e-4, sigma=0.5)))
    assert before > 1e-4 and 0 < measured(task) < 0.5 * before
