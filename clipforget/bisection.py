"""Where along the soup path to embed next, and how far interpolation is off in the middle. numpy only.

N images, D embedding, C classes, Q queries. Alphas are counted in hundredths here, so that nodes are slider stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from clipforget.souppath import EXACT, Bound, Floats, Node, unit

K = 24  # neighbours whose agreement is measured: what one grid shows
IMAGE_QUERIES = 32  # gallery images that serve as queries beside the texts
FINEST_AGREEMENT, FINEST_IMAGES = 0.0025, 4  # no bound is stated more finely: below lies chance
UNKNOWN = Bound(agreement=0.0, accuracy=100.0, worst=0.0, images=0.0, sets=100.0)


@dataclass
class Bisection:
    """The nodes so far and the intervals between them with the error each inherits from the one it was cut from."""

    tolerance: Bound
    max_nodes: int = 17
    nodes: dict[int, Node] = field(default_factory=dict)
    intervals: dict[tuple[int, int], Bound] = field(default_factory=lambda: {(0, 100): UNKNOWN})

    def __post_init__(self) -> None:
        if self.max_nodes < 3:
            raise ValueError("a path needs at least three nodes: both ends and a measured middle")

    def next(self) -> int | None:
        """The alpha to embed next, in hundredths: 100, 0, then the middle of the worst interval; None when done."""
        for end in (100, 0):
            if end not in self.nodes:
                return end
        open_ones = [span for span in self.intervals if self._open(span)]
        if not open_ones or len(self.nodes) >= self.max_nodes:
            return None
        low, high = max(open_ones, key=lambda span: (self.excess(self.intervals[span]), span[1] - span[0], -span[0]))
        return (low + high) // 2

    def add(self, hundredths: int, node: Node) -> tuple[Node, Node] | None:
        """Enter a node; returns the two between which it was the middle, None for the ends of the path."""
        self.nodes[hundredths] = node
        span = next((s for s in self.intervals if s[0] < hundredths < s[1]), None)
        return None if span is None else (self.nodes[span[0]], self.nodes[span[1]])

    def cut(self, hundredths: int, error: Bound) -> None:
        """Replace the interval around the node by its halves, which inherit the error measured at the node."""
        low, high = next(s for s in self.intervals if s[0] < hundredths < s[1])
        del self.intervals[low, high]
        self.intervals[low, hundredths] = self.intervals[hundredths, high] = error

    def excess(self, error: Bound) -> float:
        """The error in units of the tolerance; at most 1 where the interval is accepted."""
        agreement = (1.0 - error.agreement) / max(1.0 - self.tolerance.agreement, 1e-9)
        return max(agreement, error.accuracy / max(self.tolerance.accuracy, 1e-9))

    def expected(self) -> int:
        """About how many nodes are still to come, if each halving brings the error down to a third."""
        ends = sum(end not in self.nodes for end in (0, 100))
        middles = sum(
            self._needed(64.0 if error is UNKNOWN else self.excess(error), high - low)
            for (low, high), error in self.intervals.items()
        )
        return min(ends + middles, self.max_nodes - len(self.nodes))

    def result(self) -> tuple[tuple[Node, ...], tuple[Bound, ...]]:
        """Nodes and the bounds of the segments between them, in ascending alpha."""
        nodes = tuple(self.nodes[i] for i in sorted(self.nodes))
        points = 100.0 * FINEST_IMAGES / max(len(nodes[0].features), FINEST_IMAGES)
        return nodes, tuple(self._stated(self.intervals[span], points) for span in sorted(self.intervals))

    @staticmethod
    def _stated(error: Bound, points: float) -> Bound:
        if error is EXACT:  # known beforehand, not measured
            return error
        agreement, images = (min(share, 1.0 - FINEST_AGREEMENT) for share in (error.agreement, error.images))
        return replace(
            error,
            agreement=agreement,
            images=images,
            worst=min(error.worst, agreement),
            accuracy=max(error.accuracy, points),
            sets=max(error.sets, points),
        )

    def _open(self, span: tuple[int, int]) -> bool:
        return span[1] - span[0] >= 2 and self.excess(self.intervals[span]) > 1.0

    def _needed(self, excess: float, width: int) -> int:
        return 0 if excess <= 1.0 or width < 2 else 1 + 2 * self._needed(excess / 3, width // 2)


@dataclass(frozen=True)
class Meter:
    """Measures interpolation against exact features: labels N (-1: none), gallery a mask of N, sets name to mask."""

    labels: NDArray
    gallery: NDArray
    sets: Mapping[str, NDArray]

    def error(self, low: Node, high: Node, exact: Node, queries: tuple[Floats, Floats, Floats]) -> Bound:
        """The error at `exact` of interpolating between low and high; queries are the Q x D at the three."""
        t = np.float32((exact.alpha - low.alpha) / (high.alpha - low.alpha))

        def between(start: Floats, end: Floats) -> Floats:
            return start if start is end else unit((1 - t) * start + t * end)

        features = between(low.features, high.features)
        texts = self._shares(features, between(queries[0], queries[1]), exact.features, queries[2])
        images = self._image_shares(features, exact.features)
        pooled, sets = self._accuracy_errors(features, between(low.bank, high.bank), exact)
        return Bound(_mean(texts), pooled, float(texts.min(initial=1.0)), _mean(images), sets)

    def _shares(self, features: Floats, queries: Floats, exact: Floats, exact_queries: Floats) -> NDArray:
        rows = self.gallery
        return overlap(top_sets(queries @ features[rows].T, K), top_sets(exact_queries @ exact[rows].T, K))

    def _image_shares(self, features: Floats, exact: Floats) -> NDArray:
        """Shares for gallery images as queries, each left out of its own result."""
        rows = np.flatnonzero(self.gallery)
        own = np.unique(np.linspace(0, len(rows) - 1, min(IMAGE_QUERIES, len(rows))).astype(int))
        if len(rows) < 2:
            return np.ones(0)
        found = []
        for matrix in (features[rows], exact[rows]):
            cosines = matrix[own] @ matrix.T
            cosines[np.arange(len(own)), own] = -np.inf
            found.append(top_sets(cosines, min(K, len(rows) - 1)))
        return overlap(*found)

    def _accuracy_errors(self, features: Floats, bank: Floats, exact: Node) -> tuple[float, float]:
        """The pooled difference and the largest within one set, in points."""
        known = self.labels >= 0
        interpolated = np.argmax(features @ bank.T, axis=1) == self.labels
        truth = np.argmax(exact.features @ exact.bank.T, axis=1) == self.labels
        change = interpolated.astype(np.float64) - truth

        def points(mask: NDArray) -> float:
            return 100.0 * abs(float(change[mask].mean())) if mask.any() else 0.0

        return points(known), max((points(mask & known) for mask in self.sets.values()), default=0.0)


def top_sets(scores: NDArray, k: int) -> NDArray:
    """Q x N scores to a Q x N mask of each row's k largest."""
    k = min(k, scores.shape[1])
    mask = np.zeros(scores.shape, dtype=bool)
    if k:
        np.put_along_axis(mask, np.argpartition(-scores, k - 1, axis=1)[:, :k], True, axis=1)
    return mask


def overlap(first: NDArray, second: NDArray) -> NDArray:
    """Two Q x N masks of equally many entries a row to the Q shares they have in common."""
    return (first & second).sum(axis=1) / np.maximum(first.sum(axis=1), 1)


def _mean(shares: NDArray) -> float:
    return float(shares.mean()) if len(shares) else 1.0
