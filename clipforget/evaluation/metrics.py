"""Figures that say how well something was forgotten and how much else was retained. numpy only.

N images, C classes, D embedding, A alphas. Accuracies and ratios are shares, 0 to 1; H and Score are percent, 0 to 100.
Score is that of "Targeted Forgetting of Image Subgroups in CLIP Models" (arXiv 2506.03117).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054  # the normal distribution's 97.5 % point
FEW = 30  # test images of a target; with fewer, none found still means up to 11 %
PLATEAU = 1.0  # points of H below the highest that still belong to the plateau


def accuracy(features: NDArray[Any], labels: NDArray[Any], classifier: NDArray[Any]) -> float:
    """Return zero-shot accuracy: the share of N images (N x D, unit) whose nearest class name (C x D, unit) is theirs.

    labels: N indices into the classifier. nan where there is no image. The first of several equally near names counts.
    """
    if len(labels) == 0:
        return float("nan")
    return float(np.mean(np.argmax(features @ classifier.T, axis=1) == labels))


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of hits among count images: (low, high), both 0 to 1.

    It has a width at 0 and at 1 too: 0 of 50 reads as 0 to 7.1 %. (nan, nan) where there is no image.
    Wilson, JASA 22 (1927), equation 8; recommended by Brown, Cai and DasGupta, Statistical Science 16 (2001).
    """
    if count == 0:
        return math.nan, math.nan
    share, square = hits / count, Z**2 / count
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return max(middle - half, 0.0) if hits else 0.0, min(middle + half, 1.0) if hits < count else 1.0


def few_images_note(count: int) -> str:
    """Say what so many test images of a target can show, in a sentence; empty where there are FEW or more."""
    if count >= FEW:
        return ""
    what = f"With {count} test image{'s' * (count != 1)} of the target"
    return f"{what}, an interval runs from 0 to {wilson(0, count)[1]:.0%} even where none is found: read it with care."


def bootstrap(values: Sequence[float] | NDArray[Any], rounds: int = 1000) -> tuple[float, float]:
    """Return the 95 % interval of a mean over images, from resampling them with a fixed seed; nan without values.

    Efron, The Annals of Statistics 7 (1979): the percentile bootstrap.
    """
    cases = np.asarray(values, dtype=np.float64)
    if len(cases) == 0:
        return math.nan, math.nan
    draws = np.random.default_rng(0).integers(len(cases), size=(rounds, len(cases)))
    low, high = np.quantile(cases[draws].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def ratio(after: float, before: float) -> float:
    """Return what is left of an accuracy, min(1, after / before), 0 to 1; 1 where there was nothing to lose."""
    return min(1.0, after / before) if before > 0 else 1.0


def is_retained(key: str) -> bool:
    """Return whether a row of the scores counts as retained in H and Score: siblings, others, every evaluation set."""
    return key in ("siblings", "others") or key.startswith(("eval:", "eval-target:"))


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


@dataclass(frozen=True)
class Choice:
    """The alpha at `index`, and why. Accuracies are those of the calibrate images to be forgotten, 0 to 1.

    `accuracy` at that alpha, with `at_most` the upper end of its 95 % interval over `images` images; `within` says
    whether that accuracy and those of all smaller alphas lie within `limit`; `plateau` are the first and last alpha of
    the plateau. `reason` is the sentence that people read.
    """

    alpha: float
    index: int
    limit: float
    images: int
    accuracy: float
    at_most: float
    within: bool
    plateau: tuple[float, float]
    reason: str


def choose_alpha(
    alphas: Sequence[float], accuracies: Mapping[str, Sequence[float] | NDArray[Any]], limit: float, images: int
) -> Choice:
    """Choose alpha on calibrate images: the middle of the plateau of highest H, among those that have forgotten.

    accuracies: A entries for each set ("forget" and what is to be retained), the last ones those of the original.
    alphas ascend from 0. Forgotten means that the accuracy of `forget` is at most `limit` there and at every smaller
    alpha: beyond a violation nothing is accepted. Where no alpha has, or keeps nothing, the highest H counts alone; so
    it does with too few images to show the limit, of which a single one would decide whether an alpha passes.
    The plateau is the widest run of alphas whose H is within PLATEAU of the highest. Where H is 0 everywhere, alpha 0
    shows what the method did. images: how many of `forget` there are.
    """
    before = {name: float(values[-1]) for name, values in accuracies.items()}
    h = [
        Tradeoff.of(before, {name: float(values[i]) for name, values in accuracies.items()}).h
        for i in range(len(alphas))
    ]
    forget = accuracies["forget"]
    within = next((i for i, value in enumerate(forget) if not value <= limit + 1e-9), len(alphas))
    passed = h[:within] if _enough(images, limit) else h
    low, high = _plateau(passed if max(passed, default=0) > 0 else h)
    index = (low + high) // 2
    accuracy = float(forget[index])
    at_most = wilson(round(accuracy * images), images)[1]
    plateau = (alphas[low], alphas[high])
    choice = Choice(alphas[index], index, limit, images, accuracy, at_most, index < within, plateau, "")
    return replace(choice, reason=_reason(choice, h[index]))


def _enough(images: int, limit: float) -> bool:
    """Whether so many images can show that an accuracy is within the limit, by finding none."""
    return wilson(0, images)[1] <= limit


def _plateau(h: list[float]) -> tuple[int, int]:
    """The first and last index of the widest run of H within PLATEAU of the highest; the first one where that is 0."""
    top = max(h)
    if top <= 0:
        return 0, 0
    runs, start = [], None
    for i, value in enumerate([*h, -math.inf]):
        if value >= top - PLATEAU and start is None:
            start = i
        elif value < top - PLATEAU and start is not None:
            runs.append((start, i - 1))
            start = None
    return max(runs, key=lambda run: run[1] - run[0])  # the first of several as wide: forgotten more surely


def _reason(choice: Choice, h: float) -> str:
    """Say in one or two short sentences why an alpha was chosen, and what the calibrate images can show of it."""
    alpha, limit, low, high = choice.alpha, choice.limit, *choice.plateau
    if h <= 0:
        return "No alpha both forgets and keeps something; alpha 0 shows the model as the method left it."
    where = f"Alpha {alpha:.2f} is the middle of the plateau of highest H on calibrate images ({low:.2f} to {high:.2f})"
    beyond = _enough(choice.images, limit) or wilson(round(choice.accuracy * choice.images), choice.images)[0] > limit
    if not choice.within and beyond:
        return f"It did not forget to {limit:.1%}: {choice.accuracy:.1%} are left. {where}."
    if choice.at_most <= limit:
        return f"{where}, where at most {limit:.1%} of the target are still found."
    return f"{where}. {limit:.1%} cannot be shown with {choice.images} images; at most {choice.at_most:.1%}."
