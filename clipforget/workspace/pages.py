"""A page of a query's results. numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipforget.errors import BadQuery
from clipforget.soup.path import TOP_K, Floats
from clipforget.workspace.documents import Hits

LONGEST_PAGE = 48  # hits at each of the A alphas in one pack


@dataclass(frozen=True)
class Page:
    """Which hits of a query are wanted: `count` of them from number `first` on, of one role alone where it is named.

    Raises BadQuery unless count is 1 to 48 and first at least 0.
    """

    first: int = 0
    count: int = TOP_K
    role: str = ""

    def __post_init__(self) -> None:
        if not (1 <= self.count <= LONGEST_PAGE and self.first >= 0):
            raise BadQuery(f"count must be 1 to {LONGEST_PAGE}, and first 0 or more.")

    def cut(self, ids: NDArray[np.int64], cosines: Floats, images: NDArray[np.bool_] | None) -> Hits:
        """Return this page of a ranking, best first; of the images of a mask alone each hit keeps its `rank` in all."""
        order = np.arange(len(ids)) if images is None else np.flatnonzero(images[ids])
        order = order[self.first : self.first + self.count]
        hits = Hits(ids=ids[order].tolist(), cosines=[round(float(cosine), 3) for cosine in cosines[order]])
        return hits if images is None else {**hits, "ranks": (order + 1).tolist()}


FIRST_PAGE = Page()
