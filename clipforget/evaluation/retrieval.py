"""Search over image features: an index that knows whose features it holds, and how good a ranking is.

N images, Q queries, D embedding, K neighbours. Cosines closer than 1e-6 count as equal and are ordered by id, so that
results are the same on every machine.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from clipforget.errors import StaleIndex
from clipforget.soup.path import Floats

MARGIN = 16  # more neighbours than asked for, to settle ties at the end of the list
EQUAL = 6  # decimals to which cosines are compared


class Index:
    """An exact inner-product index over N x D unit features (FAISS IndexFlatIP) with the fingerprint of its weights."""

    def __init__(self, features: NDArray[Any], fingerprint: str) -> None:
        rows = np.ascontiguousarray(features, dtype=np.float32)
        if rows.ndim != 2:
            raise ValueError(f"features must be N x D, not of shape {rows.shape}")
        self.fingerprint, self.size = fingerprint, len(rows)
        self._index = faiss.IndexFlatIP(rows.shape[1])
        self._index.add(rows)

    def search(self, query: NDArray[Any], fingerprint: str, k: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the k nearest of each of Q x D unit queries: ids and cosines Q x K, best first, K = min(k, N).

        fingerprint names the weights that made the query. Raises StaleIndex where they are not the index's own.
        """
        if fingerprint != self.fingerprint:
            raise StaleIndex(f"The query was made by the weights {fingerprint}, the index by {self.fingerprint}.")
        rows = np.ascontiguousarray(np.atleast_2d(query), dtype=np.float32)
        if rows.shape[1] != self._index.d:
            raise StaleIndex(f"The query has {rows.shape[1]} dimensions, the index {self._index.d}.")
        k = max(min(k, self.size), 0)
        if k == 0 or len(rows) == 0:
            return np.zeros((len(rows), k), np.int64), np.zeros((len(rows), k), np.float32)
        fetched = min(k + MARGIN, self.size)
        while True:
            cosines, ids = self._index.search(rows, fetched)
            cosines = np.round(cosines, EQUAL)
            if fetched == self.size or not (cosines[:, -1] == cosines[:, k - 1]).any():
                break
            fetched = min(fetched * 4, self.size)  # a tie goes on beyond what was fetched
        order = np.lexsort((ids, -cosines), axis=1)[:, :k]
        return np.take_along_axis(ids, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def neighbours(index: Index, features: NDArray[Any], queries: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return the k nearest other images of each of Q images of the index: ids Q x K, best first, K = min(k, N - 1).

    features are the N x D that the index holds. An image is never its own neighbour, also where others equal it.
    """
    found, _ = index.search(features[queries], index.fingerprint, k + 1)
    others = found != queries[:, None]
    others[others.all(axis=1), -1] = False  # more than k others are as near as the image is to itself
    nearest_others: NDArray[np.int64] = found[others].reshape(len(queries), -1)
    return nearest_others


def nearest(cosines: NDArray[Any], k: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the k largest of N cosines as `Index.search` orders them: ids K and cosines K, best first; k in 1..N.

    For rankings along alpha, whose cosines `SoupPath.cosines_along` gives: an index of one dimension ranks them, where
    one of the interpolated features, made anew for each of 101 alphas, would take several times as long.
    """
    [ids], [values] = Index(cosines[:, None], "").search(np.ones((1, 1)), "", k)
    return ids, values


def recall_at_k(ids: NDArray[Any], relevant: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Return the share of each query's relevant images among its first k results, Q values in 0..1.

    ids Q x K best first; relevant: Q x N booleans, or N for all queries. A query without relevant images has the
    recall nan.
    """
    hits, totals = _hits(ids, relevant, k)
    shares = np.full(len(hits), np.nan)
    np.divide(hits, totals, out=shares, where=totals > 0)
    return shares


def precision_at_k(ids: NDArray[Any], relevant: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Return the share of relevant images among each query's first k results (or all, if fewer), Q values in 0..1."""
    hits, _ = _hits(ids, relevant, k)
    shares: NDArray[np.float64] = hits / max(min(k, np.shape(ids)[1]), 1)
    return shares


def _hits(ids: NDArray[Any], relevant: NDArray[np.bool_], k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first = np.asarray(ids)[:, :k]
    masks = np.broadcast_to(relevant, (len(first), relevant.shape[-1]))
    hits = np.take_along_axis(masks, first, axis=1).sum(axis=1)
    return hits.astype(np.float64), masks.sum(axis=1).astype(np.float64)
