"""Random labels: the loss by hand, that no image is taught its own name, and what it does to the model."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from batches import FEATURES, LABELS, batch_of, cross_entropy
from tasks import task_for

from clipforget.methods import METHODS
from clipforget.methods.random_labels import RandomLabelsSettings, random_labels
from clipforget.models.clip import Clip


def test_the_loss_by_hand() -> None:
    drawn = batch_of().wrong_labels("forget")  # the same seed draws the same
    found = random_labels(batch_of(), RandomLabelsSettings(retain_weight=3.0))
    kept = torch.cat([FEATURES["retain"], FEATURES["others"]])
    own = cross_entropy(kept, torch.cat([LABELS["retain"], LABELS["others"]]))
    assert found["forget"].item() == pytest.approx(cross_entropy(FEATURES["forget"], drawn))
    assert found["retain"].item() == pytest.approx(3 * own)


def test_every_wrong_name_is_drawn_as_often_as_another_and_the_own_one_never() -> None:
    batch, images = batch_of(), FEATURES["forget"]
    possible = {cross_entropy(images, torch.tensor(pair)): pair for pair in ((1, 1), (1, 2), (2, 1), (2, 2))}
    drawn: Counter[tuple[int, int]] = Counter()
    for _ in range(800):
        loss = random_labels(batch, RandomLabelsSettings())["forget"].item()
        nearest = min(possible, key=lambda value: abs(value - loss))
        assert loss == pytest.approx(nearest, abs=1e-5)
        drawn[possible[nearest]] += 1
    assert all(150 <= count <= 250 for count in drawn.values()) and len(drawn) == 4


def test_it_ends_with_forget_images_under_other_names_and_the_rest_under_their_own(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    list(METHODS.load()["random_labels"].run(task, RandomLabelsSettings(steps=60, learning_rate=1e-3, batch_size=8)))
    for kind, own in (("forget", False), ("retain", True), ("others", True)):
        images = getattr(task, kind)
        cosines = task.clip.embed(images.pixels) @ task.class_embeddings.T
        hits = (cosines.argmax(dim=1) == images.labels).float().mean().item()
        assert hits >= 0.75 if own else hits <= 0.25, kind
