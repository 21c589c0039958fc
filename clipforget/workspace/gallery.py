"""The gallery of a finished run along its soup path, ready for queries. numpy only.

Letters: N gallery images, L nodes of the soup path, D embedding, A = 101 alphas, K = 24 neighbours.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clipforget.evaluation.retrieval import Index, nearest
from clipforget.soup.path import ALPHAS, TOP_K, Floats, SoupPath
from clipforget.workspace.documents import Hits, HitsAlong, Ranking


class Gallery:
    """The gallery of a run along its soup path, ready for queries; `path` holds the N gallery images alone."""

    def __init__(self, path: SoupPath) -> None:
        self.path = path
        self.indexes = {node.alpha: Index(node.features, node.fingerprint) for node in path.nodes}

    def pack(self, query: Floats, leave_out: int | None = None) -> Ranking:
        """Rank the images at each of the A alphas, and under the original (alpha 1): the K nearest.

        query is L x D unit features, one row a node, or 1 x D where they are the same everywhere. An image query
        leaves itself out of its results. Nodes are searched through their FAISS index; between two nodes the cosines
        of the interpolated features follow from those at both ends.
        """
        k = min(TOP_K, len(self.path) - (leave_out is not None))
        ids, cosines = [], []
        for alpha, column in zip(ALPHAS, self.path.cosines_along(query[:, None]), strict=True):
            best, values = self._nearest(alpha, query, column[:, 0], k, leave_out)
            ids.append([int(i) for i in best])
            cosines.append([round(float(value), 3) for value in values])
        before = Hits(ids=ids[-1], cosines=cosines[-1])
        return {"k": k, "before": before, "after": {"ids": ids, "cosines": cosines}}

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
            cosines[leave_out] = -np.inf
        return nearest(cosines, k)


def apply_refusal(ranking: Ranking, word: str) -> Ranking:
    """Return the ranking of a text that names a refused word: no image at any alpha below 1, and the word."""
    before, below = ranking["before"], len(ALPHAS) - 1
    after: HitsAlong = {"ids": [*[[]] * below, before["ids"]], "cosines": [*[[]] * below, before["cosines"]]}
    return {**ranking, "after": after, "refused": word}


def part_of(path: SoupPath, start: int, stop: int) -> SoupPath:
    """Return the path of images start to stop alone; the arrays are shared."""
    nodes = tuple(replace(node, features=node.features[start:stop]) for node in path.nodes)
    return replace(path, nodes=nodes)
