"""Which alpha comes next, when the walk ends, and what the meter measures."""

from __future__ import annotations

import numpy as np
import pytest

from clipforget.soup.bisection import Bisection
from clipforget.soup.error import ErrorMeter, overlap, top_sets
from clipforget.soup.path import Bound, Node, quantize_features, unit

TOLERANCE = Bound(agreement=0.99, accuracy=0.5)
RNG = np.random.default_rng(0)


def node(hundredths: int) -> Node:
    return Node(hundredths / 100, str(hundredths), np.zeros((1000, 2), np.float32), np.zeros((2, 2), np.float32))


def walk(error, max_nodes: int = 17) -> tuple[Bisection, list[int], list[int]]:
    """Bisect with error(low, high) -> Bound; returns the plan, the order of the nodes, and what was expected before."""
    plan, order, expected = Bisection(TOLERANCE, max_nodes), [], []
    while (chosen := plan.next()) is not None:
        order.append(chosen)
        expected.append(plan.nodes_to_come())
        ends = plan.add(chosen, node(chosen))
        if ends:
            plan.cut(chosen, error(*(round(100 * end.alpha) for end in ends)))
    return plan, order, expected


def test_ends_first_then_the_middle_and_no_more_where_that_agrees() -> None:
    plan, order, _ = walk(lambda low, high: Bound())
    assert order == [100, 0, 50]
    nodes, segments = plan.result()
    assert [n.alpha for n in nodes] == [0.0, 0.5, 1.0]
    assert segments == (Bound(0.9975, 0.4, 0.9975, 0.9975, 0.4),) * 2  # no finer than four images of 1000


def test_a_smooth_error_is_halved_until_the_tolerance() -> None:
    def fourth(low: int, high: int) -> Bound:
        return Bound(agreement=1 - 0.16 * ((high - low) / 100) ** 2)

    plan, order, _ = walk(fourth)
    assert sorted(order) == [0, 12, 25, 37, 50, 62, 75, 87, 100]  # 16 %, 4 %, 1 %
    assert all(bound.agreement >= 0.99 - 1e-9 for bound in plan.result()[1])


def test_what_is_to_come_is_foreseen_where_each_halving_leaves_a_third() -> None:
    def third(low: int, high: int) -> Bound:
        return Bound(agreement=1 - 0.16 / 3 ** round(np.log2(100 / (high - low))))

    _, order, expected = walk(third)
    assert len(order) == 17
    assert expected[3:] == list(range(14, 0, -1))


def test_the_worst_interval_comes_first() -> None:
    _, order, _ = walk(lambda low, high: Bound(agreement=0.9 if low >= 50 else 0.98 if high <= 50 else 0.95), 6)
    assert order[:4] == [100, 0, 50, 25]
    assert set(order[4:]) <= {75, 62, 87, 12, 37}


@pytest.mark.parametrize("bad", [Bound(agreement=0.5), Bound(accuracy=3.0)])
@pytest.mark.parametrize("most", [3, 8, 17])
def test_it_ends_at_the_most_nodes_and_says_how_far_off_it_is(bad: Bound, most: int) -> None:
    plan, order, _ = walk(lambda low, high: bad, most)
    assert len(order) == len(set(order)) == most
    assert all(bound.agreement == min(bad.agreement, 0.9975) for bound in plan.result()[1])
    assert all(bound.accuracy == max(bad.accuracy, 0.4) for bound in plan.result()[1])


def test_nothing_lies_between_neighbouring_stops() -> None:
    _, order, expected = walk(lambda low, high: Bound(agreement=0.0), 500)
    assert sorted(order) == list(range(101))
    assert min(expected) >= 1


def test_too_few_nodes() -> None:
    with pytest.raises(ValueError, match="three"):
        Bisection(TOLERANCE, 2)


def test_top_sets_and_overlap_against_sets() -> None:
    first, second = RNG.normal(size=(5, 40)), RNG.normal(size=(5, 40))
    found = overlap(top_sets(first, 24), top_sets(second, 24))
    for q in range(5):
        a, b = set(np.argsort(-first[q])[:24]), set(np.argsort(-second[q])[:24])
        assert found[q] == len(a & b) / 24
    assert overlap(top_sets(first[:, :7], 24), top_sets(second[:, :7], 24)).tolist() == [1.0] * 5


def test_the_meter_measures_what_a_loop_measures() -> None:
    low, high, true = (unit(RNG.normal(size=(60, 8))) for _ in range(3))
    texts, queries = unit(RNG.normal(size=(4, 8))), unit(RNG.normal(size=(6, 8)))
    labels = RNG.integers(-1, 4, 60)
    gallery, part = RNG.random(60) < 0.8, RNG.random(60) < 0.3
    meter = ErrorMeter(labels, gallery, {"part": part})
    nodes = [Node(alpha, "", features, texts) for alpha, features in ((0.2, low), (0.6, high), (0.3, true))]
    bound = meter.error(*nodes, (queries, queries, queries))

    between = unit(0.75 * low + 0.25 * high)
    rows = np.flatnonzero(gallery)
    shares = []
    for query in queries:
        a, b = (set(rows[np.argsort(-(matrix[rows] @ query))[:24]]) for matrix in (between, true))
        shares.append(len(a & b) / 24)
    assert bound.agreement == pytest.approx(np.mean(shares)) and bound.worst == pytest.approx(min(shares))

    def points(mask) -> float:
        mask = mask & (labels >= 0)
        right = [(np.argmax(m[mask] @ texts.T, axis=1) == labels[mask]).mean() for m in (between, true)]
        return 100 * abs(right[0] - right[1])

    assert bound.accuracy == pytest.approx(points(np.ones(60, bool)))
    assert bound.sets == pytest.approx(points(part))
    assert 0 <= bound.images < 1


def test_the_meter_finds_nothing_where_nothing_is_wrong() -> None:
    same, texts = quantize_features(RNG.normal(size=(30, 8))), quantize_features(RNG.normal(size=(4, 8)))
    meter = ErrorMeter(np.zeros(30, int), np.ones(30, bool), {"none": np.zeros(30, bool)})
    nodes = [Node(alpha, "", same, texts) for alpha in (0.0, 1.0, 0.5)]
    assert meter.error(*nodes, (texts, texts, texts)) == Bound()
    alone = ErrorMeter(np.full(30, -1), np.arange(30) == 3, {})
    assert alone.error(*nodes, (texts[:0], texts[:0], texts[:0])) == Bound()
