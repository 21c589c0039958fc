"""Several changes of one original at once, each with an alpha of its own, and the lines through such a point.

theta(alpha_1, ..., alpha_k) = theta_0 + sum_i (1 - alpha_i) (theta_i - theta_0). A line moves one alpha and holds the
others: it is a SoupPath, of exact nodes with the measured error between them, or of approximate ones for the start.

N images, D embedding, C classes, M texts.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from clipforget.models.clip import Clip
from clipforget.models.pixels import AnyPixels
from clipforget.soup.arithmetic import merge
from clipforget.soup.bisection import UNKNOWN, Bisection
from clipforget.soup.error import ErrorMeter
from clipforget.soup.model import SoupModel
from clipforget.soup.path import Bound, Floats, Node, SoupPath, quantize_features
from clipforget.soup.walk import CACHE, TOLERANCE, StagedImages

Point = tuple[float, ...]
MOST_NODES, FEWEST_NODES, SECONDS = 9, 3, 2.0  # of a line, and what its nodes may take together, if that can be kept
STEPS = (0, 25, 50, 75, 100)  # hundredths at which an approximate line has nodes


class MixtureModel:
    """A working copy of the original that can be put at any point. Safe across threads; the original is untouched.

    `changes` are the unlearned weights of what each of k runs changed, `seconds` what the last embedding took.
    """

    def __init__(self, clip: Clip, changes: Sequence[Mapping[str, Tensor]]) -> None:
        self._start, self._changes = clip.model.state_dict(), list(changes)
        self._model = SoupModel(clip, merge(self._start, [(1.0, change) for change in self._changes]))
        self.original, self.text_changed = self._model.original, self._model.text_changed
        self.seconds = 0.0
        self._images: StagedImages | None = None

    def hold(self, pixels: AnyPixels) -> None:
        """Take the N images that `embed` is asked for; what lies before the first change is computed with the first."""
        self._images = StagedImages(self._model, pixels, CACHE)

    @property
    def holds(self) -> bool:
        """Tell whether there are images to embed."""
        return self._images is not None

    def embed(self, point: Point) -> Floats:
        """Return the N x D unit features of the held images at a point, as a path holds them."""
        if self._images is None:
            raise ValueError("hold images first")
        with self._model.lock:
            started = time.perf_counter()
            self._put(point)
            features = quantize_features(np.concatenate(list(self._images.embed(0.0))))
            self.seconds = time.perf_counter() - started
        return features

    def texts(self, point: Point, texts: Sequence[str]) -> Floats:
        """Return the M x D unit features of texts at a point."""
        with self._model.lock:
            self._put(point)
            return self._model.text(0.0, texts)

    def _put(self, point: Point) -> None:
        """Make the point the unlearned end of the model, which stands at alpha 0."""
        shares = [1 - alpha for alpha in point]
        self._model.delta = merge(self._start, list(zip(shares, self._changes, strict=True)))


def moved(point: Point, slider: int, alpha: float) -> Point:
    """Return the point with one alpha moved."""
    return (*point[:slider], alpha, *point[slider + 1 :])


def point_fingerprint(original: str, unlearned: Sequence[str], point: Point) -> str:
    """Name the weights at a point, 16 hex digits, from the fingerprints of the original and of the runs."""
    text = "\0".join(["mixture", original, *unlearned, *(f"{alpha:.6f}" for alpha in point)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def nodes_within(seconds: float) -> int:
    """Return how many nodes a line may have where each takes so many seconds."""
    return min(max(int(SECONDS / max(seconds, 1e-3)), FEWEST_NODES), MOST_NODES)


def exact_line(
    point: Point, slider: int, node_of: Callable[[Point], Node], meter: ErrorMeter, max_nodes: int = MOST_NODES
) -> SoupPath:
    """Return the line through a point along one slider: exact nodes, chosen as `walk_path` does, and the point itself.

    node_of gives the exact node of a point, of whatever alpha. Rankings are measured by the class embeddings.
    """
    plan = Bisection(TOLERANCE, max_nodes)

    def enter(hundredths: int) -> None:
        alpha = hundredths / 100
        node = replace(node_of(moved(point, slider, alpha)), alpha=alpha)
        ends = plan.add(hundredths, node)
        if ends is not None:
            queries = (ends[0].class_embeddings, ends[1].class_embeddings, node.class_embeddings)
            plan.cut(hundredths, meter.error(*ends, node, queries))

    while (upcoming := plan.next()) is not None:
        enter(upcoming)
    if (own := round(100 * point[slider])) not in plan.nodes:
        enter(own)
    return _path(*plan.result())


def approximate_line(paths: Sequence[SoupPath], point: Point, slider: int) -> SoupPath:
    """Return the same from the runs' own paths, without the model: each moves the features as it does alone.

    f(alphas) is about f_0 + sum_i (f_i(alpha_i) - f_0), of unit length again; class embeddings stay those of the
    original. How far that is off is not known: its segments say UNKNOWN.
    """
    start = paths[0].nodes[-1]
    held = start.features + sum(
        path.features(alpha) - path.nodes[-1].features
        for i, (path, alpha) in enumerate(zip(paths, point, strict=True))
        if i != slider
    )
    own, nodes = paths[slider], []
    for hundredths in sorted({*STEPS, round(100 * point[slider])}):
        alpha = hundredths / 100
        features = quantize_features(held + own.features(alpha) - own.nodes[-1].features)
        name = point_fingerprint("approximate", [path.unlearned for path in paths], moved(point, slider, alpha))
        nodes.append(Node(alpha, name, features, start.class_embeddings))
    return _path(tuple(nodes), (UNKNOWN,) * (len(nodes) - 1))


def _path(nodes: tuple[Node, ...], segments: tuple[Bound, ...]) -> SoupPath:
    return SoupPath(nodes, segments, nodes[-1].fingerprint, nodes[0].fingerprint)
