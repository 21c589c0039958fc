"""MultiDelete: its three losses by hand, and the cosines that it moves."""

from __future__ import annotations

import pytest
import torch
from batches import CLASS_EMBEDDINGS, FEATURES, LABELS, batch_of, cosine
from tasks import task_for

from clipforget.methods import METHODS
from clipforget.methods.multidelete import MultiDeleteSettings, multidelete
from clipforget.models.clip import Clip

MOVED = torch.tensor([[0.6, 0.8, 0.0], [0.0, 1.0, 0.0], [0.0, 0.6, 0.8]])  # the class embeddings after some training
OLD = {"retain": torch.tensor([[0.6, 0.0, 0.8], [0.8, 0.6, 0.0]])}
SETTINGS = MultiDeleteSettings(multimodal_weight=2.0, unimodal_weight=3.0)


def test_decoupling_moves_pairs_to_mismatched_ones() -> None:
    batch = batch_of(OLD, MOVED)
    wrong = batch_of(OLD, MOVED).wrong_labels("retain", "others")  # the same seed draws the same
    assert (wrong != torch.cat([LABELS["retain"], LABELS["others"]])).all()
    total = 0.0
    for i, image in enumerate(FEATURES["forget"]):
        total += (cosine(image, MOVED[0]) - cosine(OLD["retain"][i], CLASS_EMBEDDINGS[wrong[i]])) ** 2 / 2
    assert multidelete(batch, SETTINGS)["decoupling"].item() == pytest.approx(total)


def test_the_rest_stays_in_place() -> None:
    found = multidelete(batch_of(OLD, MOVED), SETTINGS)
    multimodal = distance = 0.0
    for kind in ("retain", "others"):
        for now, old, label in zip(FEATURES[kind], {**FEATURES, **OLD}[kind], LABELS[kind], strict=True):
            multimodal += (cosine(now, MOVED[label]) - cosine(old, CLASS_EMBEDDINGS[label])) ** 2 / 4
            distance += (1 - cosine(now, old)) / 4
    distance += sum(1 - cosine(now, old) for now, old in zip(MOVED, CLASS_EMBEDDINGS, strict=True)) / 3
    assert found["multimodal"].item() == pytest.approx(2 * multimodal)
    assert found["unimodal"].item() == pytest.approx(3 * distance)
    still = multidelete(batch_of(), SETTINGS)
    assert still["multimodal"].item() == 0 and still["unimodal"].item() == pytest.approx(0, abs=1e-5)


def test_it_ends_with_pairs_like_mismatched_ones(tiny_clip: Clip) -> None:
    steps = list(
        METHODS.load()["multidelete"].run(task_for(tiny_clip), MultiDeleteSettings(steps=60, learning_rate=1e-3))
    )
    assert steps[-1].losses["decoupling"] < 0.5 * steps[0].losses["decoupling"]
