"""Batches, augmentation, accuracies and shares."""

from __future__ import annotations

import pytest
import torch

from clipforget.models.clip import Clip
from clipforget.unlearning import batches
from clipforget.unlearning.task import ImageSet


def few(count: int) -> ImageSet:
    return ImageSet(torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 8, 8), torch.arange(count))


def test_batches_visit_every_image_once_an_epoch_and_repeat_by_seed() -> None:
    draw = lambda: batches.batches(few(6), 3, torch.Generator().manual_seed(1))  # noqa: E731
    first, second = draw(), draw()
    for _ in range(3):
        epoch = [next(first), next(first)]
        assert sorted(torch.cat([labels for _, labels in epoch]).tolist()) == list(range(6))
        assert all(torch.equal(a[1], next(second)[1]) for a in epoch)
    assert len(next(batches.batches(few(2), 16, torch.Generator()))[1]) == 2


def test_augment_keeps_shape_and_does_nothing_at_zero() -> None:
    pixels = torch.rand(4, 3, 8, 8)
    assert batches.augment(pixels, 0.0, torch.Generator()) is pixels
    changed = batches.augment(pixels, 0.5, torch.Generator().manual_seed(0))
    assert changed.shape == pixels.shape and not torch.equal(changed, pixels)
    assert changed.min() >= 0 and changed.max() <= 1


def test_margins_agree_with_zero_shot_accuracy(tiny_clip: Clip) -> None:
    images = ImageSet(torch.randn(9, 3, 32, 32), torch.arange(9) % 3)
    class_embeddings = tiny_clip.class_embeddings(["a", "b", "c"], "{}")
    margin = batches.margins(tiny_clip, images, class_embeddings)
    hits = (tiny_clip.embed(images.pixels) @ class_embeddings.T).argmax(dim=1) == images.labels
    assert margin.shape == (9,) and batches.accuracy(margin) == pytest.approx(hits.float().mean().item())


def test_the_originals_share_after_an_average() -> None:
    value, average, decay = 1.0, 0.0, 0.7  # the update; theta_0 is 0
    for _ in range(10):
        average = decay * average + (1 - decay) * value
    assert batches.original_share(decay, 10) == pytest.approx(1 - average)
    assert batches.original_share(decay, 10, extrapolation=1.5) == pytest.approx(1 - 1.5 * average)
