"""How far interpolated features are off, measured against exact ones. numpy only.

N images, D embedding, C classes, Q queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.soup.path import TOP_K, Bound, Floats, Node, unit

IMAGE_QUERIES = 32  # gallery images that serve as queries beside the texts


@dataclass(frozen=True)
class ErrorMeter:
    """Measures interpolation against exact features: labels N (-1: none), gallery a mask of N, sets name to mask."""

    labels: NDArray[Any]
    gallery: NDArray[Any]
    sets: Mapping[str, NDArray[Any]]

    def error(self, low: Node, high: Node, exact: Node, queries: tuple[Floats, Floats, Floats]) -> Bound:
        """Measure the error at `exact` of interpolating between low and high; queries are the Q x D at the three."""
        t = np.float32((exact.alpha - low.alpha) / (high.alpha - low.alpha))

        def between(start: Floats, end: Floats) -> Floats:
            return start if start is end else unit((1 - t) * start + t * end)

        features = between(low.features, high.features)
        texts = self._shares(features, between(queries[0], queries[1]), exact.features, queries[2])
        images = self._image_shares(features, exact.features)
        pooled, sets = self._accuracy_errors(features, between(low.class_embeddings, high.class_embeddings), exact)
        return Bound(_mean(texts), pooled, float(texts.min(initial=1.0)), _mean(images), sets)

    def _shares(self, features: Floats, queries: Floats, exact: Floats, exact_queries: Floats) -> NDArray[Any]:
        rows = self.gallery
        return overlap(top_sets(queries @ features[rows].T, TOP_K), top_sets(exact_queries @ exact[rows].T, TOP_K))

    def _image_shares(self, features: Floats, exact: Floats) -> NDArray[Any]:
        """Shares for gallery images as queries, each left out of its own result."""
        rows = np.flatnonzero(self.gallery)
        queries = np.unique(np.linspace(0, len(rows) - 1, min(IMAGE_QUERIES, len(rows))).astype(int))
        if len(rows) < 2:
            return np.ones(0)
        neighbours = []
        for matrix in (features[rows], exact[rows]):
            cosines = matrix[queries] @ matrix.T
            cosines[np.arange(len(queries)), queries] = -np.inf
            neighbours.append(top_sets(cosines, min(TOP_K, len(rows) - 1)))
        return overlap(*neighbours)

    def _accuracy_errors(self, features: Floats, class_embeddings: Floats, exact: Node) -> tuple[float, float]:
        """The pooled difference and the largest within one set, in points."""
        labelled = self.labels >= 0
        interpolated = np.argmax(features @ class_embeddings.T, axis=1) == self.labels
        truth = np.argmax(exact.features @ exact.class_embeddings.T, axis=1) == self.labels
        change = interpolated.astype(np.float64) - truth

        def points(mask: NDArray[Any]) -> float:
            return 100.0 * abs(float(change[mask].mean())) if mask.any() else 0.0

        return points(labelled), max((points(mask & labelled) for mask in self.sets.values()), default=0.0)


def top_sets(scores: NDArray[Any], k: int) -> NDArray[Any]:
    """Mark each row's k largest of Q x N scores: a Q x N mask."""
    k = min(k, scores.shape[1])
    mask = np.zeros(scores.shape, dtype=bool)
    if k:
        np.put_along_axis(mask, np.argpartition(-scores, k - 1, axis=1)[:, :k], True, axis=1)
    return mask


def overlap(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return the Q shares that two Q x N masks of equally many entries a row have in common."""
    shares: NDArray[Any] = (first & second).sum(axis=1) / np.maximum(first.sum(axis=1), 1)
    return shares


def _mean(shares: NDArray[Any]) -> float:
    return float(shares.mean()) if len(shares) else 1.0
