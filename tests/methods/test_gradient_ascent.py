"""Gradient ascent: its loss by hand, and that it climbs."""

from __future__ import annotations

import math

import pytest
from batches import FEATURES, LABELS, SCALE, batch_of, cross_entropy
from tasks import task_for

from clipforget.methods import METHODS
from clipforget.methods.gradient_ascent import GradientAscentSettings, gradient_ascent
from clipforget.models.clip import Clip


def test_the_loss_is_minus_the_cross_entropy_of_the_forget_images() -> None:
    found = gradient_ascent(batch_of(), GradientAscentSettings())
    first = -math.log(math.exp(SCALE * 0.8) / (math.exp(SCALE * 0.8) + math.exp(SCALE * 0.6) + 1))
    second = -math.log(math.exp(SCALE * 0.6) / (math.exp(SCALE * 0.6) + math.exp(SCALE * 0.8) + 1))
    assert cross_entropy(FEATURES["forget"], LABELS["forget"]) == pytest.approx((first + second) / 2)
    assert {name: value.item() for name, value in found.items()} == {"forget": pytest.approx(-(first + second) / 2)}


def test_the_cross_entropy_rises(tiny_clip: Clip) -> None:
    settings = GradientAscentSettings(steps=10, learning_rate=1e-3, batch_size=8)
    steps = list(METHODS.load()["gradient_ascent"].run(task_for(tiny_clip), settings))
    assert -steps[-1].losses["forget"] > -steps[0].losses["forget"] + 0.1
