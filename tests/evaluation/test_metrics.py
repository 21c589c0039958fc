"""Scores against their definitions written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clipforget.evaluation import metrics
from clipforget.soup.path import ALPHAS, unit

RNG = np.random.default_rng(0)


def test_accuracy_is_the_share_of_right_nearest_names() -> None:
    features, bank = unit(RNG.normal(size=(50, 8))), unit(RNG.normal(size=(5, 8)))
    labels = RNG.integers(0, 5, 50)
    right = 0
    for image, label in zip(features, labels, strict=True):
        right += max(range(5), key=lambda c: float(image @ bank[c])) == label
    assert metrics.accuracy(features, labels, bank) == right / 50
    assert math.isnan(metrics.accuracy(features[:0], labels[:0], bank))


def test_interval_is_the_bootstrap_over_images() -> None:
    correct = RNG.random(200) < 0.7
    means = np.sort([correct[RNG.integers(0, 200, 200)].mean() for _ in range(4000)])
    low, high = metrics.interval(correct)
    assert low == pytest.approx(means[100], abs=0.011)
    assert high == pytest.approx(means[3900], abs=0.011)
    assert low < correct.mean() < high
    assert metrics.interval(correct) == (low, high)
    assert all(isinstance(value, float) for value in (low, high))


def test_interval_at_the_edges() -> None:
    assert metrics.interval(np.ones(48, bool)) == (1.0, 1.0)
    assert metrics.interval(np.zeros(48, bool)) == (0.0, 0.0)
    assert all(math.isnan(value) for value in metrics.interval(np.zeros(0, bool)))


def test_ratio() -> None:
    assert metrics.ratio(0.3, 0.6) == 0.5
    assert metrics.ratio(0.9, 0.6) == 1.0
    assert metrics.ratio(0.0, 0.0) == 1.0


def test_h_and_score() -> None:
    assert metrics.Tradeoff(1.0, (0.5, 0.7)).h == pytest.approx(200 / 3)
    assert metrics.Tradeoff(0.0, (1.0,)).h == metrics.Tradeoff(0.0, (0.0,)).h == metrics.Tradeoff(1.0, (0.0,)).h == 0.0
    assert metrics.Tradeoff(0.9, (0.5, 1.0)).score == pytest.approx(80.0)
    assert metrics.Tradeoff(0.0, (1.0,) * 6).score == pytest.approx(85.714, abs=1e-3), "doing nothing"
    assert metrics.Tradeoff(1.0, ()).score == metrics.Tradeoff(1.0, ()).h == 100.0


def test_h_and_score_of_accuracies_by_set() -> None:
    before = {"forget": 0.8, "siblings": 0.5, "others": 0.4, "eval:rain": 0.0, "styles": 0.1}
    found = metrics.Tradeoff.of(before, {"forget": 0.2, "siblings": 0.45, "others": 0.6, "eval:rain": 0.0})
    assert (found.forgotten, found.ratios) == (0.75, (0.9, 1.0, 1.0)) and found.retained == 0.9
    assert found.h == pytest.approx(100 * 2 * 0.75 * 0.9 / 1.65) and found.score == pytest.approx(91.25)
    assert metrics.Tradeoff.of(before, {"others": 0.1}) == metrics.Tradeoff(0.0, (0.25,)), (
        "no target, nothing forgotten"
    )
    rows = {"forget", "siblings", "others", "eval:rain", "eval-forget:rain", "subgroups", "styles"}
    assert {key for key in rows if metrics.is_retained(key)} == {"siblings", "others", "eval:rain"}


def test_alpha_is_the_largest_within_the_limit() -> None:
    curve = [0.0] * 30 + [0.1] * 20 + list(np.linspace(0.1, 1, 51))
    assert metrics.choose_alpha(ALPHAS, curve, chance=0.05) == 0.29
    assert metrics.choose_alpha(ALPHAS, curve, chance=0.05, tolerance=0.1) == 0.50
    assert metrics.choose_alpha(ALPHAS, curve, chance=1.0) == 1.0
    assert metrics.choose_alpha(ALPHAS, [0.5] * 101, chance=0.1) == 0.0
    assert metrics.choose_alpha(ALPHAS, [float("nan")] * 101, chance=0.1) == 0.0
    dip = [0.0] * 10 + [0.5] * 10 + [0.0] + [0.9] * 80
    assert metrics.choose_alpha(ALPHAS, dip, chance=0.1) == 0.20


def test_smooth_accuracy_lies_near_the_count_and_sees_near_misses() -> None:
    clear, near = np.linspace(-3, -2, 20), np.linspace(-0.3, -0.01, 20)
    assert metrics.smooth_accuracy(clear) < 0.01 < metrics.smooth_accuracy(near)
    assert metrics.smooth_accuracy(-clear) > 0.99
    assert metrics.smooth_accuracy(np.array([0.2])) == 1.0 and np.isnan(metrics.smooth_accuracy(np.array([])))


def test_cautious_reading_of_no_hit_at_all_is_the_exact_bound() -> None:
    far = np.full(32, -0.5) - np.linspace(0, 0.01, 32)  # nowhere near a hit, so that the smooth reading is 0
    none = metrics.cautious_accuracy(far > 0, far)
    assert (1 - none) ** 32 == pytest.approx(0.05), "with that accuracy 32 misses in a row come once in twenty times"
    one = np.append(far[1:], 0.5)
    assert metrics.cautious_accuracy(one > 0, one) >= metrics.interval(one > 0)[1] > 1 / 32
    assert math.isnan(metrics.cautious_accuracy(far[:0] > 0, far[:0]))
