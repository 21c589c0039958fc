"""How well scores tell two groups apart, and linear probes that make such scores out of features. numpy only.

N images, D dimensions of a feature. Areas under the ROC curve (AUC) and rates are shares, 0 to 1; .5 is chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.evaluation.metrics import Z

Probe = Callable[[NDArray[Any], NDArray[np.bool_], NDArray[Any]], NDArray[np.float64]]
RIDGE = 1.0  # of the logistic regression on standardised features: scikit-learn's default, C = 1
NEWTON_STEPS = 30
SMALL = 1e-6  # a Newton step whose largest entry is below it ends the fit


def auc(positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """Return the chance that a score of the first group (P) exceeds one of the second (M), ties counting half.

    nan where one of the groups is empty. Mann and Whitney, Annals of Mathematical Statistics 18 (1947).
    """
    if not (len(positive) and len(negative)):
        return math.nan
    ordered = np.sort(np.asarray(negative, dtype=np.float64))
    below, not_above = (np.searchsorted(ordered, positive, side=side) for side in ("left", "right"))
    return float((below + not_above).mean() / (2 * len(negative)))


def auc_interval(area: float, positives: int, negatives: int) -> tuple[float, float]:
    """Return a 95 % interval of an AUC over so many scores of each group: (low, high), both 0 to 1.

    It has a width at 0 and at 1 too, as Wilson's has. (nan, nan) where there is no area.
    Newcombe, Statistics in Medicine 25 (2006), method 5: the areas whose own standard error reaches the one measured.
    """
    if math.isnan(area):
        return math.nan, math.nan
    half = (positives + negatives) / 2 - 1

    def standard_error(x: float) -> float:
        spread = 1 + half * (1 - x) / (2 - x) + half * x / (1 + x)
        return math.sqrt(x * (1 - x) * spread / (positives * negatives))

    def end(outer: float) -> float:
        inside, outside = area, outer
        for _ in range(50):
            middle = (inside + outside) / 2
            if abs(middle - area) <= Z * standard_error(middle):
                inside = middle
            else:
                outside = middle
        return inside

    return end(0.0), end(1.0)


def true_positives(positive: NDArray[Any], negative: NDArray[Any], rate: float) -> int:
    """Count the scores of the first group above the threshold that at most `rate` (0 to 1) of the second exceed.

    With fewer than 1 / rate scores in the second group none of them may exceed it.
    """
    threshold = np.sort(negative)[::-1][math.floor(rate * len(negative))]
    return int((np.asarray(positive) > threshold).sum())


def class_means(features: NDArray[Any], wanted: NDArray[np.bool_], others: NDArray[Any]) -> NDArray[np.float64]:
    """Fit the difference of the class means on N x D standardised features; return scores of M x D others, M."""
    features, others = standardize(features, others)
    direction = features[wanted].mean(axis=0) - features[~wanted].mean(axis=0)
    scores: NDArray[np.float64] = others @ direction
    return scores


def logistic(features: NDArray[Any], wanted: NDArray[np.bool_], others: NDArray[Any]) -> NDArray[np.float64]:
    """Fit a logistic regression on N x D standardised features; return logits of M x D others, M.

    Minimises the sum of the log losses plus RIDGE/2 |w|^2 (the intercept is free) by Newton's method. Where N < D it
    works in the span of the images, where the solution lies.
    """
    features, others = standardize(features, others)
    if len(features) < features.shape[1]:
        basis = np.linalg.qr(features.T)[0]
        features, others = features @ basis, others @ basis
    design = np.column_stack([features, np.ones(len(features))])
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[-1, -1] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        chance = 0.5 + 0.5 * np.tanh(design @ weights / 2)
        gradient = design.T @ (chance - wanted) + penalty @ weights
        curvature = (design * np.maximum(chance * (1 - chance), 1e-9)[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < SMALL:
            break
    scores: NDArray[np.float64] = others @ weights[:-1] + weights[-1]
    return scores


def standardize(features: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shift and scale each dimension so that the first (N x D) have mean 0 and deviation 1, and others (M x D) alike.

    A dimension that does not vary becomes 0 everywhere.
    """
    features, others = features.astype(np.float64), others.astype(np.float64)
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    varies = deviation > 1e-12 * np.maximum(np.abs(mean), 1)
    scale = np.where(varies, 1 / np.where(varies, deviation, 1), 0)
    return (features - mean) * scale, (others - mean) * scale


def linear_cka(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return how alike two representations of the same N images are (N x D and N x E): linear CKA, at most 1.

    1 where one is a rotated, shifted or scaled copy of the other, about 0 where they share nothing: the unbiased
    estimate, as with fewer images than dimensions the plain one is near 1 for any two. nan below 4 images or where
    either does not vary.
    Kornblith et al. 2019 (arXiv 1905.00414) with the HSIC estimate of Nguyen et al. 2020 (arXiv 2010.15327, eq. 3).
    """
    if len(first) < 4:
        return math.nan
    one, two = (_off_diagonal_gram(np.asarray(x, dtype=np.float64)) for x in (first, second))
    scale = _hsic(one, one) * _hsic(two, two)
    return min(_hsic(one, two) / math.sqrt(scale), 1.0) if scale > 1e-24 else math.nan


def _off_diagonal_gram(features: NDArray[Any]) -> NDArray[Any]:
    """Inner products of the centred rows, scaled to a mean square norm of 1, without each row's own."""
    centred = features - features.mean(axis=0)
    size = np.square(centred).sum(axis=1).mean()
    gram = centred @ centred.T / max(size, 1e-24)
    np.fill_diagonal(gram, 0)
    return np.asarray(gram)


def _hsic(one: NDArray[Any], two: NDArray[Any]) -> float:
    """The unbiased estimate of HSIC from two Gram matrices N x N with zero diagonals."""
    n = len(one)
    total = (one * two).sum() + one.sum() * two.sum() / ((n - 1) * (n - 2)) - 2 * one.sum(0) @ two.sum(0) / (n - 2)
    return float(total / (n * (n - 3)))
