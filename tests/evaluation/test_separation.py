"""AUC, its interval, linear probes and CKA, against slow oracles and where the answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipforget.evaluation import separation

RNG = np.random.default_rng(0)
SCORES = st.lists(st.integers(-3, 3), min_size=1, max_size=8)


@given(SCORES, SCORES)
def test_auc_counts_pairs(positive, negative):
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert separation.auc(np.array(positive), np.array(negative)) == pytest.approx(np.mean(pairs))


def test_auc_of_nothing_is_no_number():
    assert math.isnan(separation.auc(np.empty(0), np.ones(3)))
    assert all(math.isnan(end) for end in separation.auc_interval(math.nan, 0, 3))


def test_the_interval_of_an_area_holds_it_and_has_a_width_at_the_ends():
    for area in (0.0, 0.5, 0.9, 1.0):
        low, high = separation.auc_interval(area, 48, 96)
        assert 0 <= low <= area <= high <= 1 and high - low > 0.01
    assert separation.auc_interval(0.8, 400, 400)[0] > separation.auc_interval(0.8, 20, 20)[0]


def test_the_interval_covers_the_true_area():
    """Two normal distributions one deviation apart have an area of .7602; 95 % of the intervals should hold it."""
    held = 0
    for _ in range(300):
        area = separation.auc(RNG.normal(1, 1, 30), RNG.normal(0, 1, 40))
        low, high = separation.auc_interval(area, 30, 40)
        held += low <= 0.7602 <= high
    assert 0.91 <= held / 300 <= 0.99


def test_true_positives_at_a_rate():
    negative = np.arange(100.0)
    assert separation.true_positives(np.array([98.5, 99.5, 97.0]), negative, 0.01) == 2  # one of 100 may exceed
    assert separation.true_positives(np.array([98.5, 99.5]), negative[:50], 0.01) == 2
    assert separation.true_positives(np.array([48.5, 49.5]), negative[:50], 0.01) == 1  # none of 50 may


@pytest.mark.parametrize("dimensions", [3, 60])
def test_logistic_minimises_its_loss(dimensions):
    """The gradient of the penalised loss is zero at what it found, fewer images than dimensions or more."""
    features, wanted = RNG.normal(size=(30, dimensions)), np.arange(30) % 3 == 0
    scores = separation.logistic(features, wanted, np.vstack([features, np.zeros((1, dimensions)), np.eye(dimensions)]))
    logits, base = scores[:30], scores[30]
    weights = scores[31:] - base  # of the raw features
    scale = features.std(axis=0)
    standard = (features - features.mean(axis=0)) / scale
    residual = 1 / (1 + np.exp(-logits)) - wanted
    np.testing.assert_allclose(standard.T @ residual + separation.RIDGE * weights * scale, 0, atol=1e-5)
    assert abs(residual.sum()) < 1e-5


@pytest.mark.parametrize("probe", [separation.logistic, separation.class_means])
def test_probes_find_a_direction_and_nothing_in_noise(probe):
    features, wanted = RNG.normal(size=(400, 20)), np.arange(400) % 2 == 0
    features[:, 7] = 5.0  # what does not vary says nothing and breaks nothing
    told = features + 2 * wanted[:, None] * np.eye(20)[3]
    for data, low, high in ((told, 0.85, 1.0), (features, 0.35, 0.65)):
        scores = probe(data[:200], wanted[:200], data[200:])
        assert low <= separation.auc(scores[wanted[200:]], scores[~wanted[200:]]) <= high


def test_cka_knows_copies_and_strangers():
    features = RNG.normal(size=(40, 100))
    rotation = np.linalg.qr(RNG.normal(size=(100, 100)))[0]
    assert separation.linear_cka(features, 3 * features @ rotation + 7) == pytest.approx(1)
    assert abs(separation.linear_cka(features, RNG.normal(size=(40, 100)))) < 0.15  # the plain estimate gives .7
    noisy = separation.linear_cka(features, features + RNG.normal(size=(40, 100)))
    assert 0.3 < noisy < 0.9
    assert math.isnan(separation.linear_cka(features[:3], features[:3]))
    assert math.isnan(separation.linear_cka(features, np.ones((40, 5))))
