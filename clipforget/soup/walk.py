"""The walk along the soup path: embed every image at alphas where that is needed, measure the error in between.

Exact nodes at 1 and 0, then the middle of the interval whose measured error is the largest, until the error of every
interval is within the tolerance.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from clipforget.models.clip import Clip
from clipforget.models.pixels import AnyPixels
from clipforget.models.precision import FLOAT32, choose_precision, workers
from clipforget.soup.activations import Activations
from clipforget.soup.bisection import UNKNOWN, Bisection
from clipforget.soup.error import ErrorMeter
from clipforget.soup.model import SoupModel
from clipforget.soup.path import EXACT, Bound, Floats, Node, SoupPath, quantize_features, soup_fingerprint, unit

CACHE, GPU_CACHE = 2**28, 3 * 2**29  # bytes of memory that the activations before the first changed stage may take
SPILL = 2**32  # bytes that they may take on the disk
TOLERANCE = Bound(agreement=0.99, accuracy=0.5)
Prompts = Tensor | NDArray[Any] | Sequence[str]


@dataclass(frozen=True)
class PathStep:
    """Progress of a walk: `step` of about `total` batches (an estimate until the end), `seconds` since its start.

    `nodes` are complete; `alpha` is being embedded. `error` is what was measured at the last complete node, if any.
    """

    step: int
    total: int
    seconds: float
    nodes: int
    alpha: float
    error: Bound | None = None


def walk_path(
    clip: Clip,
    delta: Mapping[str, Tensor],
    pixels: AnyPixels,
    labels: Tensor | NDArray[Any],
    class_embeddings: Prompts,
    queries: Prompts,
    *,
    tolerance: Bound = TOLERANCE,
    max_nodes: int = 17,
    gallery: NDArray[Any] | None = None,
    sets: Mapping[str, NDArray[Any]] | None = None,
    precision: str | None = None,
    cache: int | None = None,
    folder: Path | None = None,
) -> Generator[PathStep, None, SoupPath]:
    """Embed N images along the soup path and return (as the generator's value) a SoupPath.

    clip is the original, delta the unlearned values of what changed. pixels N x 3 x H x W; labels N indices into the
    class names (-1: not part of the accuracy). class_embeddings (C x D) and queries (Q x D) are unit text features, or
    the prompts themselves, which is required where the delta changes the text tower, because they then move with alpha.

    An interval is accepted once its error, measured in the middle (see Bound), agrees in the top 24 by at least
    tolerance.agreement and in the pooled accuracy over all labelled images within tolerance.accuracy points; `sets`
    (name to a mask of N) are measured beside it and carried, not required, since in a set of 48 images a single flip
    is two points. gallery (a mask of N) says which images rankings are made of; all without it. At most max_nodes
    (>= 3) alphas are embedded; then the path carries the errors it has, within tolerance or not. An empty delta
    needs no node but the two ends, and every alpha between them is exact.

    precision: "float32"; "bfloat16" for the stages before the first changed one; or None for the latter where it is
    measured to save time worth speaking of. All nodes share it. cache: bytes of memory that the activations kept from
    before the first changed stage may take; more go to a file without a name in the folder, where one is given and has
    room. Closing the generator leaves nothing behind.
    Raises BadQuery, StaleIndex as soup does, ValueError where shapes do not fit.
    """
    started = time.perf_counter()
    soup_model = SoupModel(clip, delta, precision or FLOAT32)
    if precision is None and soup_model.first > 0:
        soup_model.precision = choose_precision(soup_model.clip, pixels, len(pixels))
    texts = (_Texts(soup_model, class_embeddings), _Texts(soup_model, queries))
    meter = ErrorMeter(*_masks(len(pixels), labels, gallery, sets))
    on_cpu = clip.device.type == "cpu"
    cache = cache if cache is not None else CACHE if on_cpu else GPU_CACHE
    images = StagedImages(soup_model, pixels, cache, folder if on_cpu else None)
    plan = Bisection(tolerance, max_nodes, intervals={(0, 100): UNKNOWN if delta else EXACT})
    step, hundredths, error = 0, 100, None
    with closing(images.kept):
        while (upcoming := plan.next()) is not None:
            hundredths, rows = upcoming, []
            alpha = hundredths / 100
            for part in images.embed(alpha):
                rows.append(part)
                step += 1
                remaining = max(plan.nodes_to_come() * len(images.chunks) - len(rows), 0)
                yield PathStep(step, step + remaining, time.perf_counter() - started, len(plan.nodes), alpha, error)
            name = soup_fingerprint(soup_model.original, soup_model.unlearned, alpha)
            node = Node(alpha, name, quantize_features(np.concatenate(rows)), texts[0].features(alpha))
            ends = plan.add(hundredths, node)
            if ends is not None:
                low, high = ends
                query_features = (texts[1].features(low.alpha), texts[1].features(high.alpha), texts[1].features(alpha))
                error = meter.error(low, high, node, query_features)
                plan.cut(hundredths, error)
    seconds = time.perf_counter() - started
    yield PathStep(step, step, seconds, len(plan.nodes), hundredths / 100, error)
    return SoupPath(*plan.result(), soup_model.original, soup_model.unlearned, soup_model.precision, seconds)


class StagedImages:
    """The images of a walk: embedded at any alpha, with the stages before the first changed one run only once."""

    def __init__(self, soup_model: SoupModel, pixels: AnyPixels, cache: int, folder: Path | None = None) -> None:
        self.soup_model, self.pixels = soup_model, pixels
        size = soup_model.clip.batch_size
        self.chunks = [slice(start, start + size) for start in range(0, len(pixels), size)]
        room = min(SPILL, shutil.disk_usage(folder).free // 2) if folder is not None else 0
        self.cut, size_of_all = self._cut(len(pixels), max(cache, room))
        self.kept = Activations(folder if size_of_all > cache else None, size_of_all // max(len(pixels), 1) * size)

    def _cut(self, count: int, most: int) -> tuple[int, int]:
        """The last stage boundary before the first change whose activations of all images fit, and their bytes."""
        x, cut = self.pixels[:1], (0, 0)
        for i in range(self.soup_model.first):
            x = self.soup_model.run(x, i, i + 1)
            if x.nbytes * count <= most:
                cut = i + 1, x.nbytes * count
        return cut

    def embed(self, alpha: float) -> Iterator[Floats]:
        """Yield the raw features of batch after batch, B x D."""
        self.soup_model.set_alpha(alpha)
        with ThreadPoolExecutor(workers(self.soup_model.clip)) as pool:
            yield from pool.map(self._embed_chunk, range(len(self.chunks)))

    def _embed_chunk(self, i: int) -> Floats:
        def before() -> Tensor:
            return self.soup_model.run(self.pixels[self.chunks[i]], 0, self.cut)

        x = self.kept.get(i, before) if self.cut else self.pixels[self.chunks[i]]
        return self.soup_model.run(x, self.cut, len(self.soup_model.parts)).float().cpu().numpy()


class _Texts:
    """Text features along the path: given ones are the same everywhere, prompts are embedded as often as needed."""

    def __init__(self, soup_model: SoupModel, prompts: Prompts) -> None:
        self.soup_model, self._embedded = soup_model, dict[float, Floats]()
        self._prompts: list[str] = []
        if isinstance(prompts, Tensor):
            prompts = prompts.detach().float().cpu().numpy()
        if not isinstance(prompts, np.ndarray):
            self._prompts = list(prompts)
        elif soup_model.text_changed:
            raise ValueError("the change touches the text tower: give the prompts, not their features")
        else:
            self._embedded[1.0] = unit(prompts)

    def features(self, alpha: float) -> Floats:
        """Return the M x D unit features at alpha."""
        alpha = alpha if self.soup_model.text_changed else 1.0
        if alpha not in self._embedded:
            self._embedded[alpha] = self.soup_model.text(alpha, self._prompts)
        return self._embedded[alpha]


def _masks(
    count: int, labels: Tensor | NDArray[Any], gallery: NDArray[Any] | None, sets: Mapping[str, NDArray[Any]] | None
) -> tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Labels, gallery and sets as numpy arrays of N, checked."""
    arrays = {"labels": np.asarray(labels), "gallery": np.ones(count, bool) if gallery is None else np.asarray(gallery)}
    arrays |= {f"the set {name}": np.asarray(mask) for name, mask in (sets or {}).items()}
    for name, array in arrays.items():
        if array.shape != (count,):
            raise ValueError(f"{name} must have one entry for each of the {count} images, not the shape {array.shape}")
    checked = [array if name == "labels" else array.astype(bool) for name, array in arrays.items()]
    return checked[0], checked[1], dict(zip(sets or {}, checked[2:], strict=True))
