"""What features tell of groups of images: their nearest words, clusters, siblings, copies. numpy and FAISS, no torch.

Letters: N images, V words, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipforget.runs.feature_work import Features
from clipforget.soup.path import Floats

WORDS = 6  # names proposed for a group
UNDER = 2 / 3  # of the way from an image's usual cosine to the caption to that of what is chosen: the bar for siblings
SIBLINGS = 3  # times as many as are chosen are proposed at most
FEWEST_SIBLINGS = 24
SEED = 0


@dataclass(frozen=True)
class Sibling:
    """An image that is proposed to stay, with its cosines to the caption and to the mean of what is chosen."""

    image: int
    to_caption: float
    to_chosen: float


def nearest_words(features: Features, images: Sequence[int], count: int = WORDS, kinds: bool = False) -> list[str]:
    """Return the words nearest to the mean of images, best first; with `kinds` those that may hold several groups.

    What all images have in common is taken off, and so is what all words have: some words are near to everything.
    """
    if not len(images) or not features.words:
        return []
    mean, common = features.images[images].mean(axis=0), features.images.mean(axis=0)
    words = features.word_features - features.word_features.mean(axis=0)
    scores = words @ (mean - common if len(images) < len(features.images) else mean)
    best = np.argsort(-scores, kind="stable")
    return [features.words[i] for i in best if features.kinds[i] or not kinds][:count]


def clusters(features: Floats, count: int) -> NDArray[np.int64]:
    """Group N images into `count` clusters of features by spherical k-means (FAISS); N numbers, the largest first."""
    import faiss

    count = max(1, min(count, len(features)))
    means = faiss.Kmeans(
        features.shape[1], count, niter=25, nredo=4, seed=SEED, spherical=True, min_points_per_centroid=1
    )
    means.train(np.ascontiguousarray(features, dtype=np.float32))
    _, ids = means.index.search(np.ascontiguousarray(features, dtype=np.float32), 1)
    order = np.argsort(-np.bincount(ids[:, 0], minlength=count), kind="stable")
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    return np.asarray(place[ids[:, 0]])


def siblings(features: Features, caption: Floats, chosen: Sequence[int], known: Iterable[int] = ()) -> list[Sibling]:
    """Return the images that are most like what is chosen and under the same caption (D numbers), best first.

    The bar is a cosine to the caption that lies UNDER of the way from the median of all images to that of the chosen.
    Those in `known`, which are of the class by their labels, are taken whatever their cosines.
    """
    rest = np.setdiff1d(np.arange(len(features.images)), chosen)
    if not len(chosen) or not len(rest):
        return []
    mean = features.images[chosen].mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-12)
    to_caption, to_chosen = features.images @ caption, features.images @ mean
    usual = float(np.median(to_caption))
    bar = usual + UNDER * (float(np.median(to_caption[chosen])) - usual)
    own = np.intersect1d(rest, np.fromiter(known, np.int64))
    if len(own):
        picked = own[np.argsort(-to_chosen[own], kind="stable")]
    else:
        under = rest[to_caption[rest] >= bar]
        most = max(SIBLINGS * len(chosen), FEWEST_SIBLINGS)
        picked = under[np.argsort(-to_chosen[under], kind="stable")][:most]
    return [Sibling(int(i), round(float(to_caption[i]), 3), round(float(to_chosen[i]), 3)) for i in picked]


def copies(features: Features, chosen: Iterable[int]) -> list[int]:
    """Return the images beside the chosen ones that nearly repeat one of them, and what repeats these; sorted."""
    inside = start = set(chosen)
    while True:
        pairs = [pair for pair in features.repeats.tolist() if (pair[0] in inside) != (pair[1] in inside)]
        if not pairs:
            return sorted(inside - start)
        inside = inside.union(*pairs)


def plane(features: Floats) -> NDArray[np.float64]:
    """Project N images onto the two directions in which they differ most, N x 2, each from 0 to 1."""
    centred = features - features.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, :-3:-1]
    points = centred @ (axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])]))
    spread = np.ptp(points, axis=0)
    return np.asarray((points - points.min(axis=0)) / np.where(spread > 0, spread, 1), np.float64)
