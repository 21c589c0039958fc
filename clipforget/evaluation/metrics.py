"""Figures that say how well something was forgotten and how much else was kept. numpy only.

N images, C classes, D embedding, A alphas. Accuracies and ratios are shares, 0 to 1; H and Score are percent, 0 to 100.
Score is that of "Targeted Forgetting of Image Subgroups in CLIP Models" (arXiv 2506.03117).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def accuracy(features: NDArray[Any], labels: NDArray[Any], classifier: NDArray[Any]) -> float:
    """Zero-shot accuracy: the share of N images (N x D, unit) whose nearest class name (C x D, unit) is theirs.

    labels: N indices into the classifier. nan where there is no image. The first of several equally near names counts.
    """
    if len(labels) == 0:
        return float("nan")
    return float(np.mean(np.argmax(features @ classifier.T, axis=1) == labels))


def smooth_accuracy(margins: NDArray[Any]) -> float:
    """Accuracy read from a smooth curve through the margins (N) rather than by counting, 0 to 1 (ours).

    margins: cosine with the own caption less the best other one. A normal kernel of Silverman's width is put on each,
    so that with twenty images, whose count moves in steps of 5 %, near misses are seen too. nan where there is none.
    """
    if len(margins) < 2:
        return float(np.mean(margins > 0)) if len(margins) else float("nan")
    width = max(1.06 * float(np.std(margins, ddof=1)) * len(margins) ** -0.2, 1e-6)
    return float(np.mean([0.5 * math.erfc(-margin / width / math.sqrt(2)) for margin in margins]))


def margins(cosines: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
    """Cosine with the own caption less the best other one: N, from N x C cosines with the class names and N labels."""
    others, places = cosines.copy(), np.arange(len(labels))
    others[places, labels] = -np.inf
    return cosines[places, labels] - others.max(axis=1)


def cautious_accuracy(correct: NDArray[Any], margin: NDArray[Any], seed: int = 0) -> float:
    """An accuracy read from above, 0 to 1 (ours): the larger of its interval's upper end and the smooth accuracy.

    correct and margin are of the same N images. A few dozen images meet a limit by luck too often for the plain share
    to decide whether something is forgotten. Where none is right the bootstrap has no width, and the exact bound
    stands in for it: 1 - 0.05^(1/N), about 3 / N (Hanley and Lippman-Hand, JAMA 1983).
    """
    upper = interval(correct, seed)[1] if np.any(correct) or not len(correct) else 1 - 0.05 ** (1 / len(correct))
    return max(upper, smooth_accuracy(margin))


def interval(correct: NDArray[Any], seed: int = 0, draws: int = 4000) -> tuple[float, float]:
    """95 % bootstrap interval (percentiles) of an accuracy, over images: (low, high), both 0 to 1.

    correct: N booleans. Resampling N of N right-or-wrong images draws the number of right ones from a binomial
    distribution, so that is what is drawn. Where every image is right, or none, the bootstrap knows no other outcome
    and the interval has no width. (nan, nan) where there is no image.
    """
    count = len(correct)
    if count == 0:
        return float("nan"), float("nan")
    share = float(np.mean(correct))
    hits = np.random.default_rng(seed).binomial(count, share, draws)
    low, high = np.percentile(hits / count, [2.5, 97.5])
    return float(low), float(high)


def ratio(after: float, before: float) -> float:
    """What is left of an accuracy, min(1, after / before), 0 to 1; 1 where there was nothing to lose."""
    return min(1.0, after / before) if before > 0 else 1.0


def harmonic(first: float, second: float) -> float:
    """The harmonic mean of two shares; 0 where one of them is.

    H is the one of 1 - ratio(target) and the smallest ratio of every other set; doing nothing scores 0.
    """
    return 2 * first * second / (first + second) if first > 0 and second > 0 else 0.0


def score(forgotten: float, ratios: Sequence[float]) -> float:
    """The paper's Score in percent: the mean of 1 - ratio of the target and the ratios of all other sets.

    Doing nothing scores do_nothing(len(ratios)), so print that beside it.
    """
    return 100.0 * (forgotten + sum(ratios)) / (1 + len(ratios))


def do_nothing(others: int) -> float:
    """Score of the untouched model with that many sets beside the target, percent: 85.7 with six."""
    return score(0.0, [1.0] * others)


def choose_alpha(
    alphas: Sequence[float], forget: Sequence[float] | NDArray[Any], chance: float, tolerance: float = 0.0
) -> float:
    """The largest alpha whose validation forget accuracy is at most max(chance, tolerance); 0 where there is none.

    alphas (A) and forget (A) go together. The plain maximum of accuracy over alpha would always be the original. An
    accuracy counts as at the limit when it is above it by less than 1e-9; nan (no validation image) never qualifies.
    """
    limit = max(chance, tolerance) + 1e-9
    return max((alpha for alpha, value in zip(alphas, forget, strict=True) if value <= limit), default=0.0)
