"""Figures that say how well something was forgotten and how much else was retained. numpy only.

N images, C classes, D embedding, A alphas. Accuracies and ratios are shares, 0 to 1; H and Score are percent, 0 to 100.
Score is that of "Targeted Forgetting of Image Subgroups in CLIP Models" (arXiv 2506.03117).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def accuracy(features: NDArray[Any], labels: NDArray[Any], classifier: NDArray[Any]) -> float:
    """Return zero-shot accuracy: the share of N images (N x D, unit) whose nearest class name (C x D, unit) is theirs.

    labels: N indices into the classifier. nan where there is no image. The first of several equally near names counts.
    """
    if len(labels) == 0:
        return float("nan")
    return float(np.mean(np.argmax(features @ classifier.T, axis=1) == labels))


def smooth_accuracy(margins: NDArray[Any]) -> float:
    """Read an accuracy, 0 to 1, from a smooth curve through the margins (N) rather than by counting (ours).

    margins: cosine with the own caption less the best other one. A normal kernel of Silverman's width is put on each,
    so that with twenty images, whose count moves in steps of 5 %, near misses are seen too. nan where there is none.
    """
    if len(margins) < 2:
        return float(np.mean(margins > 0)) if len(margins) else float("nan")
    width = max(1.06 * float(np.std(margins, ddof=1)) * len(margins) ** -0.2, 1e-6)
    return float(np.mean([0.5 * math.erfc(-margin / width / math.sqrt(2)) for margin in margins]))


def margins(cosines: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
    """Subtract from the cosine with the own caption the best other one: N, from N x C cosines and N labels."""
    others, rows = cosines.copy(), np.arange(len(labels))
    others[rows, labels] = -np.inf
    difference: NDArray[Any] = cosines[rows, labels] - others.max(axis=1)
    return difference


def cautious_accuracy(correct: NDArray[Any], margin: NDArray[Any], seed: int = 0) -> float:
    """Read an accuracy from above, 0 to 1 (ours): the larger of its interval's upper end and the smooth accuracy.

    correct and margin are of the same N images. A few dozen images meet a limit by luck too often for the plain share
    to decide whether something is forgotten. Where none is right the bootstrap has no width, and the exact bound
    stands in for it: 1 - 0.05^(1/N), about 3 / N (Hanley and Lippman-Hand, JAMA 1983).
    """
    upper = interval(correct, seed)[1] if np.any(correct) or not len(correct) else 1 - 0.05 ** (1 / len(correct))
    return max(upper, smooth_accuracy(margin))


def interval(correct: NDArray[Any], seed: int = 0, draws: int = 4000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval (percentiles) of an accuracy, over images: (low, high), both 0 to 1.

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
    """Return what is left of an accuracy, min(1, after / before), 0 to 1; 1 where there was nothing to lose."""
    return min(1.0, after / before) if before > 0 else 1.0


def is_retained(key: str) -> bool:
    """Return whether a row of the scores counts as retained in H and Score: siblings, others, every evaluation set."""
    return key in ("siblings", "others") or key.startswith("eval:")


@dataclass(frozen=True)
class Tradeoff:
    """What a change of the weights forgot of the target, 0 to 1, against the ratios of the retained sets.

    Doing nothing has H 0 and Score 100 (n - 1) / n of n sets, 85.7 with seven, so print it beside a Score.
    """

    forgotten: float
    ratios: tuple[float, ...]

    @classmethod
    def of(cls, before: Mapping[str, float], after: Mapping[str, float]) -> Tradeoff:
        """Compare accuracies (0 to 1) by set; every set but "forget" counts as retained. `after` names the sets."""
        ratios = {name: ratio(value, before[name]) for name, value in after.items()}
        return cls(1 - ratios.pop("forget", 1.0), tuple(ratios.values()))

    @property
    def retained(self) -> float:
        """The smallest ratio of a retained set, 0 to 1; 1 where there is none."""
        return min(self.ratios, default=1.0)

    @property
    def h(self) -> float:
        """H in percent: the harmonic mean of what is forgotten and of the smallest ratio; 0 where one of them is."""
        product, total = self.forgotten * self.retained, self.forgotten + self.retained
        return 100 * 2 * product / total if self.forgotten > 0 and self.retained > 0 else 0.0

    @property
    def score(self) -> float:
        """The paper's Score in percent: the mean of what is forgotten and of the ratios of all retained sets."""
        return 100.0 * (self.forgotten + sum(self.ratios)) / (1 + len(self.ratios))


def choose_alpha(
    alphas: Sequence[float], forget: Sequence[float] | NDArray[Any], chance: float, tolerance: float = 0.0
) -> float:
    """Return the largest alpha whose validation forget accuracy is at most max(chance, tolerance); 0 if there is none.

    alphas (A) and forget (A) go together. The plain maximum of accuracy over alpha would always be the original. An
    accuracy counts as at the limit when it is above it by less than 1e-9; nan (no validation image) never qualifies.
    """
    limit = max(chance, tolerance) + 1e-9
    return max((alpha for alpha, value in zip(alphas, forget, strict=True) if value <= limit), default=0.0)
