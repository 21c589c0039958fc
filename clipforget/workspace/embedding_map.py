"""The gallery as points on a plane, the same plane at every alpha, so that a point moves only as its image does.

numpy only. Letters: N gallery images, L nodes of the soup path, D embedding.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.errors import UnknownName
from clipforget.soup.path import SoupPath
from clipforget.workspace.documents import EmbeddingMap

DIRECTIONS = ("names", "images")  # whose spread the plane shows: of the means of the groups, or of all images
STEPS = 2**16 - 1  # of a coordinate


def embedding_map(path: SoupPath, groups: NDArray[np.int64], by: str = "names") -> EmbeddingMap:
    """Project the N images at all L nodes onto the two principal components of all nodes together.

    by "names" takes the components of the means of the groups (N numbers) at the nodes, by "images" those of every
    image: single images differ most in style, groups in what they show. Raises UnknownName for any other.
    """
    if by not in DIRECTIONS:
        raise UnknownName("map", by[:80], DIRECTIONS)
    features = [node.features for node in path.nodes]
    rows = features if by == "images" else [_means(each, groups) for each in features]
    axes = _principal(rows)
    points = np.stack([each @ axes for each in features])
    centre = np.mean([each.mean(axis=0) for each in features], axis=0)
    spread = sum(float(((each - centre) ** 2).sum()) for each in features)
    low, size = points.min(axis=(0, 1)), np.ptp(points, axis=(0, 1))
    steps = np.rint((points - low) / np.where(size > 0, size, 1) * STEPS).astype("<u2")
    return {
        "by": by,
        "alphas": list(path.alphas),
        "points": base64.b64encode(steps.tobytes()).decode(),
        "share": round(float(((points - centre @ axes) ** 2).sum()) / max(spread, 1e-12), 4),
    }


def _means(features: NDArray[Any], groups: NDArray[np.int64]) -> NDArray[Any]:
    """The mean of each group that has images, G x D."""
    return np.stack([features[groups == group].mean(axis=0) for group in np.unique(groups)])


def _principal(rows: list[NDArray[Any]]) -> NDArray[Any]:
    """The two directions along which the rows of all nodes differ most, D x 2; their signs are the same everywhere."""
    centre = np.mean([each.mean(axis=0) for each in rows], axis=0)
    covariance = sum((each - centre).T @ (each - centre) for each in rows)
    _, vectors = np.linalg.eigh(covariance)
    axes: NDArray[Any] = vectors[:, :-3:-1]
    signed: NDArray[Any] = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    return signed
