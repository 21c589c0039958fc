"""Accuracies read off a run's curves over alpha where methods have forgotten equally much. numpy only.

    curve = Curve.of(scores["rows"])
    reading = curve.read(0.1)  # where a tenth of the target's images is still recognised
    reading.kept["siblings"], curve.area()

Every method reads its curve where it likes; two methods can be compared only at the same forget accuracy. A curve may
cross a level several times. It is read at the largest alpha at *and below* which the forget accuracy stays within the
level, so a dip that does not last does not count. Between two alphas everything is interpolated linearly.

Letters: A alphas, 0 first; D draws. Accuracies and shares are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipforget.evaluation.documents import Collapse, ScoreRow
from clipforget.evaluation.metrics import is_retained

Floats = NDArray[np.float64]
LEVEL = 0.1  # forget accuracy; the other level at which curves are read is chance
ROUNDING = 5e-5  # scores are stored with four digits
LEAST = "least"  # beside the keys of the retained sets: the smallest share of them
HALF = 0.5
ALIKE = 0.1  # of the original's spread of cosines


@dataclass(frozen=True)
class Reading:
    """A curve where the forget accuracy has come down to a level: alpha, and the share that each set has kept."""

    alpha: float
    kept: dict[str, float]


@dataclass(frozen=True, eq=False)  # told apart by identity, so that figures of it can be remembered
class Curve:
    """Forget accuracy and kept shares of a run over alpha.

    `forget` A: the accuracy of n = `images` images of the target, `before` that of the original. `kept` A each: the
    ratios of the retained sets, and under LEAST the smallest of them (1 where nothing is retained). `recognised`: how
    many images of a set the original recognised, so the n of its kept share. `coarse` A: as `forget`, but under the
    class's name alone, as the paper reads it; None as if never seen, which that name tells nothing of.
    """

    alphas: Floats
    forget: Floats
    before: float
    images: int
    kept: dict[str, Floats]
    recognised: dict[str, int]
    coarse: Floats | None = None

    @classmethod
    def of(cls, alphas: Sequence[float], rows: Sequence[ScoreRow]) -> Curve:
        """Build the curve of a run from the alphas and rows of its scores.json. A missing forget row reads as 0."""
        forget = next((row for row in rows if row["key"] == "forget"), None)
        kept, recognised = {}, {}
        for row in rows:
            if is_retained(row["key"]):
                before = row["before"]["value"]
                after = np.array(row["after"], dtype=float)
                kept[row["key"]] = np.minimum(after / before, 1.0) if before > 0 else np.ones(len(after))
                recognised[row["key"]] = round(before * row["n"])
        kept[LEAST] = np.min([*kept.values(), np.ones(len(alphas))], axis=0)
        accuracy = np.zeros(len(alphas)) if forget is None else np.array(forget["after"], dtype=float)
        before, images = (0.0, 0) if forget is None else (forget["before"]["value"], forget["n"])
        named = next((np.array(row["after"], dtype=float) for row in rows if row["key"] == "forget-coarse"), accuracy)
        coarse = named if forget is not None and forget["level"] != "subgroup" else None
        return cls(np.array(alphas, dtype=float), accuracy, before, images, kept, recognised, coarse)

    def only(self, index: int) -> Curve:
        """Return the curve of one alpha, by its index, at each of the A places: as if there were no other."""
        kept = {key: np.full(len(shares), shares[index]) for key, shares in self.kept.items()}
        alphas, forget = (np.full(len(self.alphas), values[index]) for values in (self.alphas, self.forget))
        coarse = None if self.coarse is None else np.full(len(self.alphas), self.coarse[index])
        return replace(self, alphas=alphas, forget=forget, kept=kept, coarse=coarse)

    def by_class_name(self) -> Curve | None:
        """Return the curve whose forget accuracy is that under the class's name alone; None without it."""
        return None if self.coarse is None else replace(self, forget=self.coarse, before=float(self.coarse[-1]))

    @property
    def worst(self) -> Floats:
        """The largest forget accuracy at or below each alpha, A: what may be relied on from there down."""
        return np.maximum.accumulate(self.forget)

    @property
    def forgotten(self) -> Floats:
        """The forgotten share at each alpha, A: 1 - ratio of the target; 0 where there was nothing to forget."""
        if self.before <= 0:
            return np.zeros(len(self.forget))
        return 1 - np.minimum(self.forget / self.before, 1.0)

    def level(self, accuracy: float) -> float:
        """Return an accuracy as a level that n images can tell from 0: at least one image of them."""
        return max(accuracy, 1 / self.images) if self.images else accuracy

    def positions(self, levels: Floats) -> Floats:
        """Return where the curve is read for each level (D), as fractional indices into alphas; nan: never reached."""
        worst = self.worst
        left = np.searchsorted(worst, levels + ROUNDING, side="right") - 1
        right = np.minimum(left + 1, len(worst) - 1)
        start = worst[np.maximum(left, 0)]
        rise = worst[right] - start
        share = np.divide(levels - start, rise, out=np.zeros(len(levels)), where=rise > 0)
        return np.where(left < 0, np.nan, left + np.clip(share, 0.0, 1.0))

    def kept_at(self, key: str, positions: Floats) -> Floats:
        """Return the kept share of a set at fractional indices (D); 0 at nan: a level never reached."""
        shares = np.interp(positions, np.arange(len(self.alphas)), self.kept[key])
        return np.where(np.isnan(positions), 0.0, shares)

    def read(self, accuracy: float) -> Reading | None:
        """Read the curve at a forget accuracy; None where it did not forget: it does not stay within it at alpha 0."""
        positions = self.positions(np.array([self.level(accuracy)]))
        if np.isnan(positions[0]):
            return None
        alpha = float(np.interp(positions[0], np.arange(len(self.alphas)), self.alphas))
        return Reading(alpha, {key: float(self.kept_at(key, positions)[0]) for key in self.kept})

    def area(self) -> float:
        """Return the area under the least kept share against the forgotten share, 0 to 1; doing nothing has 0.

        The forgotten share is 1 - worst / before; what is never forgotten counts as 0.
        """
        if self.before <= 0:
            return 0.0
        forgotten = 1 - np.minimum(self.worst / self.before, 1.0)
        least = self.kept[LEAST]
        return float(np.sum((forgotten[:-1] - forgotten[1:]) * (least[:-1] + least[1:]) / 2))


def collapse_of(cosines: NDArray[np.float32]) -> tuple[float, float, float]:
    """Measure n retained images against C names: n x C cosines. See `Collapse` for the three figures."""
    takes = np.bincount(np.argmax(cosines, axis=1)).max() / len(cosines)
    return float(takes), float(cosines.max(axis=1).mean()), float(cosines.std(axis=0).mean())


def collapsed(index: int, siblings: float | None, collapse: Collapse | None) -> list[str]:
    """Say why a model has collapsed, whatever its H: no entry where it has not.

    index: of its alpha, where `siblings` is the share that siblings kept (None without any). Of runs that were made
    before `collapse` was stored only the siblings tell.
    """
    reasons = ["siblings under half"] if siblings is not None and siblings < HALF else []
    if collapse is None:
        return reasons
    takes, nearest, spread = (collapse[name] for name in ("takes", "nearest", "spread"))
    if takes[index] >= HALF and takes[index] >= 2 * takes[-1]:
        reasons.append("one class takes all")
    if nearest[index] <= -HALF:
        reasons.append("cosines near -1")
    if spread[index] <= ALIKE * spread[-1]:
        reasons.append("all images look alike")
    return reasons
