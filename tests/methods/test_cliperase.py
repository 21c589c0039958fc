"""CLIPErase: its three losses against loops."""

from __future__ import annotations

import math

import pytest
import torch
from batches import CLASS_EMBEDDINGS, FEATURES, LABELS, SCALE, batch_of, cosine, cross_entropy

from clipforget.methods.cliperase import ClipEraseSettings, cliperase

MOVED = torch.tensor([[0.6, 0.8, 0.0], [0.0, 1.0, 0.0], [0.0, 0.6, 0.8]])  # the class embeddings after some training
OLD = {"retain": torch.tensor([[0.6, 0.0, 0.8], [0.8, 0.6, 0.0]])}
SETTINGS = ClipEraseSettings(forget_weight=1.0, retain_weight=3.0, consistency_weight=5.0)


def softmax(image: torch.Tensor, class_embeddings: torch.Tensor) -> list[float]:
    powers = [math.exp(SCALE * cosine(image, name)) for name in class_embeddings]
    return [power / sum(powers) for power in powers]


def test_the_three_losses() -> None:
    found = cliperase(batch_of(OLD, MOVED), SETTINGS)
    assert found["forget"].item() == pytest.approx((0.8 * 0.6 + 0.6 * 0.8 + 0.6 * 0.6) / 2)
    kept = torch.cat([FEATURES["retain"], FEATURES["others"]])
    labels = torch.cat([LABELS["retain"], LABELS["others"]])
    assert found["retain"].item() == pytest.approx(3 * cross_entropy(kept, labels, MOVED))
    divergence = 0.0
    for now, old in zip(kept, torch.cat([OLD["retain"], FEATURES["others"]]), strict=True):
        for p, q in zip(softmax(old, CLASS_EMBEDDINGS), softmax(now, MOVED), strict=True):
            divergence += p * math.log(p / q) / 4
    assert found["consistency"].item() == pytest.approx(5 * divergence)


def test_consistency_is_nothing_where_nothing_moved() -> None:
    assert cliperase(batch_of(), SETTINGS)["consistency"].item() == pytest.approx(0, abs=1e-6)
