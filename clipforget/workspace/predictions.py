"""What the gallery's images are called at every alpha, and one image's cosines with the names. numpy only.

Letters: N gallery images, L nodes of the soup path, C class names, D embedding, A = 101 alphas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.evaluation.evalset import ClassNames
from clipforget.evaluation.refusal import Refusal
from clipforget.soup.path import ALPHAS, EVERY, Floats, SoupPath
from clipforget.workspace.documents import ImageNames, NameCosines, PredictedNames

NEAREST = 3  # names of a level, beside an image's own, whose cosines are told


@dataclass(frozen=True)
class Level:
    """The names of a level with their classifier: L x C x D unit, or 1 x C x D where it is the same at every node.

    The labels of `names` are the N gallery images' own names. As in the scores, a refused name loses below alpha 1.
    """

    names: ClassNames
    classifier: Floats
    refusal: Refusal

    def cosines(self, path: SoupPath, images: slice = EVERY) -> Iterator[NDArray[Any]]:
        """Yield the cosines of some images with the names at each alpha: images x C."""
        for alpha, cosines in zip(ALPHAS, path.cosines_along(self.classifier, images), strict=True):
            yield self.refusal.allowed(cosines, self.names.names, alpha)


def predictions(path: SoupPath, level: Level) -> PredictedNames:
    """Return what each of the N images is called at every alpha among the names of a level."""
    called = np.stack([cosines.argmax(axis=1) for cosines in level.cosines(path)], axis=1)
    names, labels = list(level.names.names), level.names.labels.tolist()
    return {"names": names, "labels": labels, "called": [_stretches(row) for row in called]}


def image_names(path: SoupPath, image: int, name: str, level: Level) -> ImageNames:
    """Return one image's cosines with its own and the nearest names of a level, called `name`, at every alpha.

    The nearest are those that it is called by at most alphas, then those with the largest cosine at any.
    """
    names, own = level.names.names, int(level.names.labels[image])
    cosines = np.concatenate(list(level.cosines(path, slice(image, image + 1))))  # A x C
    called = cosines.argmax(axis=1)
    times = np.bincount(called, minlength=len(names))
    nearest = [int(i) for i in np.lexsort((-cosines.max(axis=0), -times)) if i != own][:NEAREST]
    lines: list[NameCosines] = [
        {"name": names[i], "own": i == own, "cosines": [round(float(value), 3) for value in cosines[:, i]]}
        for i in ([own] if own >= 0 else []) + nearest
    ]
    stretches = _stretches(called)
    changes = [(first, names[number]) for first, number in zip(stretches[::2], stretches[1::2], strict=True)]
    return {"level": name, "lines": lines, "called": changes}


def _stretches(row: NDArray[Any]) -> list[int]:
    """A numbers as first index, number, first index, number, ... of each stretch of equal ones."""
    starts = [0, *(np.flatnonzero(np.diff(row)) + 1)]
    return [int(value) for start in starts for value in (start, row[start])]
