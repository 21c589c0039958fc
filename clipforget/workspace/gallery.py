"""The gallery of a finished run along its soup path, ready for queries. numpy only.

Letters: N gallery images, L nodes of the soup path, D embedding, A = 101 alphas, K = 24 neighbours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from clipforget.evaluation.refusal import LOWEST
from clipforget.evaluation.retrieval import Index, nearest
from clipforget.soup.path import ALPHAS, Floats, SoupPath
from clipforget.workspace.documents import HitsAlong, Ranking
from clipforget.workspace.pages import FIRST_PAGE, Page


class Gallery:
    """The gallery of a run along its soup path, ready for queries; `path` holds the N gallery images alone."""

    def __init__(self, path: SoupPath) -> None:
        self.path = path
        self.indexes = {node.alpha: Index(node.features, node.fingerprint) for node in path.nodes}

    def pack(
        self,
        query: Floats,
        leave_out: int | None = None,
        page: Page = FIRST_PAGE,
        images: NDArray[np.bool_] | None = None,
    ) -> Ranking:
        """Rank the images at each of the A alphas, and under the original (alpha 1): a page of the nearest.

        query is L x D unit features, one row a node, or 1 x D where they are the same everywhere. An image query
        leaves itself out of its results. images: N booleans, those that are shown, or None for all. Nodes are searched
        through their FAISS index; between two nodes the cosines of the interpolated features follow from those at both
        ends.
        """
        most = len(self.path) - (leave_out is not None)
        k = most if images is not None else min(page.first + page.count, most)
        hits = []
        for alpha, column in zip(ALPHAS, self.path.cosines_along(query[:, None]), strict=True):
            hits.append(page.cut(*self._nearest(alpha, query, column[:, 0], k, leave_out), images))
        total = most if images is None else int(images.sum()) - bool(leave_out is not None and images[leave_out])
        after = {name: [each[name] for each in map(dict, hits)] for name in hits[-1]}
        return {"k": len(hits[-1]["ids"]), "total": total, "before": hits[-1], "after": cast(HitsAlong, after)}

    def _nearest(
        self, alpha: float, query: Floats, cosines: Floats, k: int, leave_out: int | None
    ) -> tuple[NDArray[np.int64], Floats]:
        """The k nearest images: at a node through its index, else by their cosines with the query (N)."""
        if alpha in self.indexes:
            features = self.path.texts(query[:, None], alpha)
            [ids], [values] = self.indexes[alpha].search(features, self.path.fingerprint(alpha), k + 1)
            others = ids != leave_out
            return ids[others][:k], values[others][:k]
        if leave_out is not None:
            cosines[leave_out] = LOWEST
        return nearest(cosines, k)


def apply_refusal(ranking: Ranking, word: str) -> Ranking:
    """Return the ranking of a text that names a refused word: no image at any alpha below 1, and the word."""
    below = len(ALPHAS) - 1
    after = {name: [*[[]] * below, values] for name, values in ranking["before"].items()}
    return {**ranking, "after": cast(HitsAlong, after), "refused": word}


def part_of(path: SoupPath, start: int, stop: int) -> SoupPath:
    """Return the path of images start to stop alone; the arrays are shared."""
    nodes = tuple(replace(node, features=node.features[start:stop]) for node in path.nodes)
    return replace(path, nodes=nodes)
