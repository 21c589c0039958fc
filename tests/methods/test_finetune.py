"""Fine-tuning: its loss by hand; the forget images have no part in it."""

from __future__ import annotations

import pytest
from batches import FEATURES, LABELS, batch_of, cross_entropy
from tasks import task_for

from clipforget.methods import METHODS
from clipforget.methods.finetune import FinetuneSettings, finetune
from clipforget.models.clip import Clip


def test_the_loss_is_the_cross_entropy_of_the_retain_images() -> None:
    found = finetune(batch_of(forget=-FEATURES["forget"], others=-FEATURES["others"]), FinetuneSettings())
    wanted = pytest.approx(cross_entropy(FEATURES["retain"], LABELS["retain"]))
    assert {name: value.item() for name, value in found.items()} == {"retain": wanted}


def test_the_cross_entropy_falls(tiny_clip: Clip) -> None:
    settings = FinetuneSettings(steps=10, learning_rate=1e-3, batch_size=8)
    steps = list(METHODS.load()["finetune"].run(task_for(tiny_clip), settings))
    assert steps[-1].losses["retain"] < steps[0].losses["retain"] - 0.1
