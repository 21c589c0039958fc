"""Every loss against figures worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from clipforget.unlearning import losses

CLASS_EMBEDDINGS = torch.eye(3)
FEATURES = torch.tensor([[0.8, 0.6, 0.0], [0.6, 0.0, 0.8]])
LABELS = torch.tensor([0, 0])


def test_caption_cosine_unbounded_and_hinged() -> None:
    assert losses.caption_cosine(FEATURES, LABELS, CLASS_EMBEDDINGS).item() == pytest.approx(0.7)
    assert losses.caption_cosine(FEATURES, LABELS, CLASS_EMBEDDINGS, 0.7).item() == pytest.approx(0.05)
    below = FEATURES.clone().requires_grad_(True)
    losses.caption_cosine(below, LABELS, CLASS_EMBEDDINGS, 0.9).backward()
    assert below.grad is not None and not below.grad.any()  # what lies below the floor is left alone


def test_zero_shot_cross_entropy() -> None:
    wanted = -math.log(math.exp(1.6) / (math.exp(1.6) + math.exp(1.2) + 1))
    assert losses.zero_shot_cross_entropy(FEATURES[:1], LABELS[:1], CLASS_EMBEDDINGS, 2.0).item() == pytest.approx(
        wanted
    )


def test_distances_to_the_original_vanish_on_itself() -> None:
    assert losses.feature_distance(FEATURES, FEATURES).item() == pytest.approx(0, abs=1e-6)
    assert losses.feature_distance(FEATURES[:1], FEATURES[1:]).item() == pytest.approx(1 - 0.48)


def test_lipschitz_ratio_against_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    outputs, noisy = torch.randn(2, 3, generator=generator), torch.randn(4, 2, 3, generator=generator)
    noise = torch.randn(4, 2, 3, 5, 5, generator=generator)
    total = 0.0
    for copy in range(4):
        for image in range(2):
            moved = math.sqrt(sum((a - b) ** 2 for a, b in zip(outputs[image], noisy[copy, image], strict=True)))
            total += moved / math.sqrt(sum(float(e) ** 2 for e in noise[copy, image].flatten()))
    assert losses.lipschitz_ratio(outputs, noisy, noise).item() == pytest.approx(total / 8, rel=1e-5)


def test_similarity_divergence() -> None:
    now, original = torch.tensor([[0.0, 0.0], [1.0, 3.0]]), torch.tensor([[math.log(3.0), 0.0], [1.0, 3.0]])
    first = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)  # the second image has not moved
    assert losses.similarity_divergence(now, original).item() == pytest.approx(first / 2)
