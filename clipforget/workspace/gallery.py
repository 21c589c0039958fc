"""The gallery of a finished run along its soup path, ready for queries. numpy only.

Letters: N gallery images, L nodes of the soup path, D embedding, A = 101 alphas, K = 24 neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from clipforget.evaluation.retrieval import Index, nearest
from clipforget.soup.path import ALPHAS, TOP_K, SoupPath


class Gallery:
    """The gallery of a run along its soup path, ready for queries; `path` holds the N gallery images alone."""

    def __init__(self, path: SoupPath) -> None:
        self.path = path
        self.indexes = {node.alpha: Index(node.features, node.fingerprint) for node in path.nodes}

    def pack(self, query: np.ndarray, leave_out: int | None = None) -> dict[str, Any]:
        """The K nearest images at each of the A alphas, and under the original (alpha 1).

        query is L x D unit features, one row a node, or 1 x D where they are the same everywhere. An image query
        leaves itself out of its results. Nodes are searched through their FAISS index; between two nodes the cosines
        of the interpolated features follow from those at both ends.
        """
        hits = [self._at(alpha, query, leave_out) for alpha in ALPHAS]
        ids = [[int(i) for i in found] for found, _ in hits]
        cosines = [[round(float(value), 3) for value in values] for _, values in hits]
        before = {"ids": ids[-1], "cosines": cosines[-1]}
        return {"k": len(ids[-1]), "before": before, "after": {"ids": ids, "cosines": cosines}}

    def _at(self, alpha: float, query: np.ndarray, leave_out: int | None) -> tuple[np.ndarray, np.ndarray]:
        count = min(TOP_K, len(self.path) - (leave_out is not None))
        wanted = self.path.texts(query[:, None, :], alpha)
        if alpha in self.indexes:
            found, near = self.indexes[alpha].search(
                wanted, self.path.fingerprint(alpha), min(TOP_K + 1, len(self.path))
            )
            keep = found[0] != (-1 if leave_out is None else leave_out)
            return found[0][keep][:count], near[0][keep][:count]
        i, t = self.path.where(alpha)
        ends = self.path.nodes[i].features @ wanted[0], self.path.nodes[i + 1].features @ wanted[0]
        similar = ((1 - t) * ends[0] + t * ends[1]) / self.path.norms(i, t)
        if leave_out is not None:
            similar[leave_out] = -np.inf
        return nearest(similar, count)


def apply_refusal(pack: Mapping[str, Any], word: str) -> dict[str, Any]:
    """The pack of a text that names a refused word: no image at any alpha below 1, and `refused` holds the word."""
    after = {
        name: [row if alpha == 1.0 else [] for alpha, row in zip(ALPHAS, rows, strict=True)]
        for name, rows in pack["after"].items()
    }
    return {**pack, "after": after, "refused": word}


def part_of(path: SoupPath, start: int, stop: int) -> SoupPath:
    """The path of images start to stop alone; the arrays are shared."""
    nodes = tuple(replace(node, features=node.features[start:stop]) for node in path.nodes)
    return replace(path, nodes=nodes)
