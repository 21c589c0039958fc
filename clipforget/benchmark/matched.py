"""Methods of a comparison at matched forgetting, with intervals: every curve is read at the same forget accuracy.

The unit is the target. Its figure is the mean over its seeds, whose runs share their test images; the figure of a row
is the mean over its targets. A run that never comes down to a level counts as keeping nothing there, since any model
that is destroyed comes down to it.

Intervals are those of a hierarchical bootstrap (percentiles, 95 %): targets are drawn with replacement, and the images
of each. Of images only counts along alpha are stored. Drawing the n images to be forgotten anew moves the level at
which a curve is read: just before one more than k of the n drawn images is recognised, so where a Beta(k + 1, n - k)
share of the observed ones is (the order statistic of that image). Those kept are drawn binomially among the images that
the original recognised. Rows are compared on the same draws of targets and forget images (paired). No torch. Letters: T
targets, D draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.benchmark.documents import BY_CLASS_NAME, Difference, MatchedStat
from clipforget.evaluation.curves import LEAST, LEVEL, Curve

Floats = NDArray[np.float64]
DRAWS = 1000
DIGITS = 4
LEVELS = ("10", "chance")  # forget accuracies: LEVEL, and that of guessing
LEAD = f"{LEAST}_10"  # by which rows are ranked and compared
AREA = "area"


@dataclass(frozen=True)
class TargetFigures:
    """The figures of a row on one target: means over its seeds, and the same on D draws of the target's images."""

    means: dict[str, float]
    draws: dict[str, Floats]


def figure_key(name: str, level: str) -> str:
    """Return the key of a set's kept share at a level, e.g. siblings_10."""
    return f"{name}_{level}"


def accuracy_of(level: str, chance: float) -> float:
    """Return the forget accuracy of one of LEVELS."""
    return chance if level == "chance" else LEVEL


@lru_cache(maxsize=256)  # the page asks for a summary every other second, and few of its runs are new
def on_target(curves: tuple[Curve, ...], chance: float, target: int, row: int) -> TargetFigures:
    """Return the figures of the runs of one row on one target; its forget images are drawn alike for every row."""
    forget_draws, kept_draws = np.random.default_rng([target]), np.random.default_rng([target, row])
    names = [name for name in curves[0].kept if all(name in curve.kept for curve in curves)]
    means, draws = dict[str, float](), dict[str, Floats]()

    def add(key: str, name: str, mean: float, shares: Floats) -> None:
        recognised = _recognised(curves[0], name, mean)
        means[key] = mean
        draws[key] = kept_draws.binomial(recognised, np.clip(shares, 0.0, 1.0)) / recognised if recognised else shares

    def kept(read: Sequence[Curve], level: str, keys: Mapping[str, str]) -> None:
        accuracy, images = read[0].level(accuracy_of(level, chance)), read[0].images
        hits = int(accuracy * images + 1e-9)  # that may be recognised
        drawn = forget_draws.beta(hits + 1, images - hits, DRAWS) if hits < images else np.full(DRAWS, accuracy)
        levels = np.concatenate([[accuracy], drawn])
        positions = [curve.positions(levels) for curve in read]
        for key, name in keys.items():
            shares = np.mean([c.kept_at(name, p) for c, p in zip(read, positions, strict=True)], axis=0)
            add(key, name, float(shares[0]), shares[1:])

    for level in LEVELS:
        kept(curves, level, {figure_key(name, level): name for name in names})
    area = float(np.mean([curve.area() for curve in curves]))
    add(AREA, LEAST, area, np.full(DRAWS, area))
    named = [read for curve in curves if (read := curve.by_class_name()) is not None]
    if len(named) == len(curves):
        kept(named, "10", {BY_CLASS_NAME: LEAST})
    return TargetFigures(means, draws)


def _recognised(curve: Curve, name: str, share: float) -> int:
    """The number of images behind a kept share; of the smallest share that of the smallest set."""
    if name == LEAST:
        return min(curve.recognised.values(), default=0)
    return curve.recognised[name]


def stats(targets: Iterable[TargetFigures]) -> dict[str, MatchedStat]:
    """Return the figures of a row over the targets that have them: mean, 95 % interval, and the worst target's."""
    every = list(targets)
    by_targets: dict[tuple[int, ...], list[str]] = {}  # keys by the targets that have them, which is mostly all
    for key in dict.fromkeys(key for figures in every for key in figures.means):
        by_targets.setdefault(tuple(i for i, figures in enumerate(every) if key in figures.means), []).append(key)
    found: dict[str, MatchedStat] = {}
    for indices, keys in by_targets.items():
        means = np.array([[every[i].means[key] for i in indices] for key in keys])
        intervals = _intervals(np.array([[every[i].draws[key] for i in indices] for key in keys]))
        for key, own, (low, high) in zip(keys, means, intervals, strict=True):
            found[key] = {"mean": _short(own.mean()), "low": low, "high": high, "worst": _short(own.min())}
    return found


def difference(
    row: Mapping[int, TargetFigures], rivals: Mapping[str, Mapping[int, TargetFigures]], key: str = LEAD
) -> Difference | None:
    """Compare a row with the best of its rivals, target by target, on the targets (their keys) that both have.

    rivals are rows by their labels; the best has the highest mean over what it shares with the row. None where no rival
    shares a target with it.
    """
    shared = {label: [t for t in row if t in rival] for label, rival in rivals.items()}
    means = {label: np.mean([rivals[label][t].means[key] for t in keys]) for label, keys in shared.items() if keys}
    if not means:
        return None
    label = max(means, key=lambda name: means[name])
    pairs = [(row[t], rivals[label][t]) for t in shared[label]]
    [(low, high)] = _intervals(np.array([[own.draws[key] - other.draws[key] for own, other in pairs]]))
    mean = np.mean([own.means[key] - other.means[key] for own, other in pairs])
    return {"rival": label, "mean": _short(mean), "low": low, "high": high}


def _intervals(draws: Floats) -> list[tuple[float, float]]:
    """The 95 % intervals of the mean over T targets, of each of K figures, from K x T x D draws of their images."""
    targets, images = _picks(draws.shape[1])
    lows, highs = np.percentile(draws[:, targets, images].mean(axis=1), [2.5, 97.5], axis=1)
    return [(_short(low), _short(high)) for low, high in zip(lows, highs, strict=True)]


@lru_cache(maxsize=64)
def _picks(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """T x D targets drawn with replacement, and which draw of its images each brings: the same for every row."""
    generator = np.random.default_rng(0)
    return generator.integers(0, count, (count, DRAWS)), generator.integers(0, DRAWS, (count, DRAWS))


def _short(value: float | np.floating[Any]) -> float:
    return round(float(value), DIGITS)
