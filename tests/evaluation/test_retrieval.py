"""FAISS search against plain sorting, ties, mix-ups, recall and precision against loops."""

from __future__ import annotations

import numpy as np
import pytest

from clipforget.errors import StaleIndex
from clipforget.evaluation.retrieval import Index, nearest, precision_at_k, recall_at_k
from clipforget.soup.path import unit

RNG = np.random.default_rng(0)


def random_unit(*shape: int) -> np.ndarray:
    return unit(RNG.normal(size=shape))


@pytest.mark.parametrize(("count", "k"), [(500, 24), (30, 24), (24, 24), (7, 24), (1, 1)])
def test_search_is_a_full_sort(count: int, k: int) -> None:
    features, queries = random_unit(count, 32), random_unit(9, 32)
    ids, cosines = Index(features, "a").search(queries, "a", k)
    expected = np.argsort(-(queries @ features.T), axis=1, kind="stable")[:, :k]
    assert ids.shape == cosines.shape == (9, min(k, count))
    assert np.array_equal(ids, expected)
    np.testing.assert_allclose(cosines, np.take_along_axis(queries @ features.T, expected, axis=1), atol=2e-6)


@pytest.mark.parametrize("copies", [3, 61])
def test_equal_cosines_come_in_the_order_of_their_ids(copies: int) -> None:
    features = np.tile(random_unit(5, 16), (copies, 1))
    ids, _ = Index(features, "a").search(features[2], "a", 24)
    mine = np.arange(2, 5 * copies, 5)
    assert np.array_equal(ids[0, : len(mine)], mine[:24])
    found, cosines = nearest(features @ features[2], min(24, 5 * copies))
    assert np.array_equal(found, ids[0]) and np.all(np.diff(cosines) <= 0)


def test_empty_gallery_no_query_and_k_zero() -> None:
    empty = Index(np.zeros((0, 8), np.float32), "a")
    assert empty.search(random_unit(2, 8), "a", 24)[0].shape == (2, 0)
    index = Index(random_unit(4, 8), "a")
    assert index.search(np.zeros((0, 8)), "a", 3)[0].shape == (0, 3)
    assert index.search(random_unit(1, 8), "a", 0)[1].shape == (1, 0)


def test_a_query_of_other_weights_raises() -> None:
    index = Index(random_unit(4, 8), "aaaa")
    with pytest.raises(StaleIndex, match=r"weights bbbb, the index by aaaa\.$"):
        index.search(random_unit(1, 8), "bbbb", 2)
    with pytest.raises(StaleIndex, match="dimensions"):
        index.search(random_unit(1, 9), "aaaa", 2)


def test_recall_and_precision_against_a_loop() -> None:
    relevant = RNG.random((6, 40)) < 0.3
    relevant[5] = False
    ids = np.stack([RNG.permutation(40)[:15] for _ in range(6)])
    for k in (1, 10, 15, 99):
        for query in range(6):
            hits = sum(bool(relevant[query, i]) for i in ids[query][:k])
            total = relevant[query].sum()
            found = recall_at_k(ids, relevant, k)[query]
            assert found == hits / total if total else np.isnan(found)
            assert precision_at_k(ids, relevant, k)[query] == hits / min(k, 15)
    np.testing.assert_array_equal(precision_at_k(ids, relevant[0], 5), precision_at_k(ids, relevant[[0] * 6], 5))
