"""What is known along the soup path: exact features at nodes, interpolated ones between them. numpy only.

N images, D embedding, C classes, M texts. alpha is the share of the original: 0 unlearned, 1 original.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.errors import BadQuery

TOP_K = 24  # neighbours whose agreement is measured: what one grid shows

ALPHAS = tuple(round(i / 100, 2) for i in range(101))  # the slider's stops
EVERY = slice(None)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Node:
    """Exact features at one alpha: `features` N x D and `class_embeddings` C x D, float32, rows of unit length.

    `fingerprint` names the souped weights that made them. The values are those that float16 can hold, brought back to
    unit length, so that a path read from disk is bit for bit the path that was written.
    """

    alpha: float
    fingerprint: str
    features: Floats
    class_embeddings: Floats


@dataclass(frozen=True)
class Bound:
    """How far interpolated figures may be from exact ones; 1.0 and 0.0 at a node.

    What is measured is the middle of an interval, which then becomes a node itself: the two halves carry the figures
    of the interval they were cut from, an upper estimate, since the error falls about fourfold with each halving. No
    guarantee: where hardly anything was measured, chance decides, so a path states no bound finer than 0.25 % of
    agreement and four images of accuracy.

    agreement: share of the top 24 that interpolated and exact ranking have in common, mean over the text queries.
    worst: the same for the worst query. images: the same for gallery images as queries, mean.
    accuracy: difference of the zero-shot accuracy over all evaluated images, in points. sets: the largest difference
    within one set (forget, siblings, ...), in points; in a set of 48 images one image is two points.
    """

    agreement: float = 1.0
    accuracy: float = 0.0
    worst: float = 1.0
    images: float = 1.0
    sets: float = 0.0


EXACT = Bound()


def check_alpha(alpha: float) -> float:
    """Return alpha as a float, rounded to 1e-9. Raises BadQuery unless it lies in 0 to 1."""
    try:
        value = float(alpha)
    except (TypeError, ValueError):
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise BadQuery(f"alpha must be a number from 0 (unlearned) to 1 (original); it is '{alpha}'.")
    return round(value, 9)


def index_of(alpha: float, alphas: Sequence[float] = ALPHAS) -> int:
    """Return the index of the nearest of some alphas, the slider's stops if not named; the first of two as near."""
    return min(range(len(alphas)), key=lambda i: abs(alphas[i] - alpha))


def soup_fingerprint(original: str, unlearned: str, alpha: float) -> str:
    """Name the weights at alpha, 16 hex digits, from the fingerprints of both ends; the ends keep their own."""
    alpha = check_alpha(alpha)
    if alpha in (0.0, 1.0):
        return original if alpha == 1.0 else unlearned
    return hashlib.sha256(f"soup\0{original}\0{unlearned}\0{alpha!r}".encode()).hexdigest()[:16]


def unit(rows: NDArray[Any]) -> Floats:
    """Bring rows to unit length, float32; a row of zeros stays one."""
    values: Floats = np.asarray(rows, dtype=np.float32, order="C")
    norms = np.sqrt(np.einsum("...d,...d->...", values, values))[..., None]
    lengths: Floats = np.maximum(norms, np.float32(1e-12))
    return values / lengths


def quantize_features(rows: NDArray[Any]) -> Floats:
    """Round rows to float16 and bring them back to unit length, as a path holds them (cosines move by about 2e-5)."""
    return unit(unit(rows).astype(np.float16))


@dataclass(frozen=True)
class SoupPath:
    """Nodes in ascending alpha, the first at 0 and the last at 1, and the bound of each segment between them.

    `original` and `unlearned` are the fingerprints of the two ends, `precision` the number format in which every node
    was computed ("float32" or "bfloat16"), `seconds` what the walk took. Every method may be called from many threads.
    """

    nodes: tuple[Node, ...]
    segments: tuple[Bound, ...]
    original: str
    unlearned: str
    precision: str = "float32"
    seconds: float = 0.0

    def __post_init__(self) -> None:
        alphas = [node.alpha for node in self.nodes]
        if len(alphas) < 2 or alphas != sorted(set(alphas)) or alphas[0] != 0.0 or alphas[-1] != 1.0:
            raise ValueError(f"a path goes from 0 to 1 in ascending nodes, not {alphas}")
        if len(self.segments) != len(alphas) - 1:
            raise ValueError(f"{len(alphas)} nodes have {len(alphas) - 1} segments, not {len(self.segments)}")

    def __len__(self) -> int:
        """Count the images, N."""
        return len(self.nodes[0].features)

    @cached_property
    def alphas(self) -> tuple[float, ...]:
        """Return the alphas of the nodes."""
        return tuple(node.alpha for node in self.nodes)

    @cached_property
    def segment_cosines(self) -> tuple[Floats, ...]:
        """Return for each segment the N cosines between an image's features at its two ends."""
        pairs = zip(self.nodes[:-1], self.nodes[1:], strict=True)
        return tuple(np.einsum("nd,nd->n", a.features, b.features) for a, b in pairs)

    def exact(self, alpha: float) -> bool:
        """Tell whether alpha is a node."""
        return check_alpha(alpha) in self.alphas

    def bound(self, alpha: float) -> Bound:
        """Return the measured bound at this alpha; EXACT at a node."""
        return EXACT if self.exact(alpha) else self.segments[self.segment_of(alpha)[0]]

    def segment_of(self, alpha: float) -> tuple[int, float]:
        """Return segment i and position t in 0..1: features at alpha are (1 - t) of nodes[i] and t of nodes[i + 1]."""
        alpha = check_alpha(alpha)
        i = min(bisect_right(self.alphas, alpha), len(self.alphas) - 1) - 1
        low, high = self.alphas[i], self.alphas[i + 1]
        return i, (alpha - low) / (high - low)

    def norms(self, i: int, t: float) -> Floats:
        """Return the N lengths of the interpolated, not yet renormalised features at position t of segment i."""
        squares: Floats = np.float32((1 - t) ** 2 + t**2) + np.float32(2 * t * (1 - t)) * self.segment_cosines[i]
        return np.sqrt(squares)

    def features(self, alpha: float) -> Floats:
        """Return the N x D unit features: exact at a node (its own array, not to be written to), else interpolated."""
        i, t = self.segment_of(alpha)
        if t in (0.0, 1.0):
            return self.nodes[i + int(t)].features
        norms = self.norms(i, t)[:, None]
        mixed = self.nodes[i].features * (np.float32(1 - t) / norms)
        mixed += self.nodes[i + 1].features * (np.float32(t) / norms)
        return mixed

    def class_embeddings(self, alpha: float) -> Floats:
        """Return the class embeddings at this alpha, C x D, unit."""
        return self.texts(np.stack([node.class_embeddings for node in self.nodes]), alpha)

    def texts(self, features: NDArray[Any], alpha: float) -> Floats:
        """Interpolate text features: M x D, unit, at this alpha, from their values at the nodes.

        features is nodes x M x D; M x D or 1 x M x D where they are the same everywhere (the text tower is unchanged).
        """
        stack: Floats = np.asarray(features, dtype=np.float32)
        if stack.ndim == 2 or len(stack) == 1:
            return stack if stack.ndim == 2 else stack[0]
        if len(stack) != len(self.nodes):
            raise ValueError(f"{len(stack)} sets of text features for {len(self.nodes)} nodes")
        i, t = self.segment_of(alpha)
        if t in (0.0, 1.0):
            exact: Floats = stack[i + int(t)]
            return exact
        return unit(np.float32(1 - t) * stack[i] + np.float32(t) * stack[i + 1])

    def cosines_along(self, stack: NDArray[Any], images: NDArray[np.bool_] | slice = EVERY) -> Iterator[Floats]:
        """Yield the cosines of some images (a mask of N, or a slice) with M queries at each of ALPHAS: images x M.

        stack is nodes x M x D unit features, or 1 x M x D where they are the same everywhere. What is interpolated are
        the cosines at the nodes, which equals interpolating and renormalising the features of both sides.
        """

        @lru_cache(maxsize=6)  # alphas ascend, so a segment's own are all that is asked for again
        def cosines(node: int, query: int) -> Floats:
            values: Floats = self.nodes[node].features[images] @ stack[query].T
            return values

        for alpha in ALPHAS:
            i, t = self.segment_of(alpha)
            norms = self.norms(i, t)[images, None]
            ends = (0,) if len(stack) == 1 else (i + int(t),) if t in (0.0, 1.0) else (i, i + 1)
            mixed = [cosines(i, end) * ((1 - t) / norms) + cosines(i + 1, end) * (t / norms) for end in ends]
            if len(ends) == 1:
                yield mixed[0]
            else:
                lengths = np.linalg.norm((1 - t) * stack[i] + t * stack[i + 1], axis=1)
                yield ((1 - t) * mixed[0] + t * mixed[1]) / lengths

    def fingerprint(self, alpha: float) -> str:
        """Name what features(alpha) holds: the node's weights, or the interpolation between two of them."""
        i, t = self.segment_of(alpha)
        if t in (0.0, 1.0):
            return self.nodes[i + int(t)].fingerprint
        text = f"between\0{self.nodes[i].fingerprint}\0{self.nodes[i + 1].fingerprint}\0{check_alpha(alpha)!r}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]
