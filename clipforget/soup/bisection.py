"""Where along the soup path to embed next, and how far interpolation is off in the middle. numpy only.

N images, D embedding, C classes, Q queries. Alphas are counted in hundredths here, so that nodes are slider stops.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from clipforget.soup.path import EXACT, Bound, Node

FINEST_AGREEMENT, FINEST_IMAGES = 0.0025, 4  # no bound is stated more finely: below lies chance
UNKNOWN = Bound(agreement=0.0, accuracy=100.0, worst=0.0, images=0.0, sets=100.0)


@dataclass
class Bisection:
    """The nodes so far and the intervals between them with the error each inherits from the one it was cut from."""

    tolerance: Bound
    max_nodes: int = 17
    nodes: dict[int, Node] = field(default_factory=dict)
    intervals: dict[tuple[int, int], Bound] = field(default_factory=lambda: {(0, 100): UNKNOWN})

    def __post_init__(self) -> None:
        if self.max_nodes < 3:
            raise ValueError("a path needs at least three nodes: both ends and a measured middle")

    def next(self) -> int | None:
        """Choose the alpha to embed next, in hundredths: 100, 0, then the worst interval's middle; None when done."""
        for end in (100, 0):
            if end not in self.nodes:
                return end
        open_spans = [span for span in self.intervals if self._open(span)]
        if not open_spans or len(self.nodes) >= self.max_nodes:
            return None
        low, high = max(open_spans, key=lambda span: (self.excess(self.intervals[span]), span[1] - span[0], -span[0]))
        return (low + high) // 2

    def add(self, hundredths: int, node: Node) -> tuple[Node, Node] | None:
        """Enter a node and return the two between which it was the middle, None for the ends of the path."""
        self.nodes[hundredths] = node
        span = next((s for s in self.intervals if s[0] < hundredths < s[1]), None)
        return None if span is None else (self.nodes[span[0]], self.nodes[span[1]])

    def cut(self, hundredths: int, error: Bound) -> None:
        """Replace the interval around the node by its halves, which inherit the error measured at the node."""
        low, high = next(s for s in self.intervals if s[0] < hundredths < s[1])
        del self.intervals[low, high]
        self.intervals[low, hundredths] = self.intervals[hundredths, high] = error

    def excess(self, error: Bound) -> float:
        """Return the error in units of the tolerance; at most 1 where the interval is accepted."""
        agreement = (1.0 - error.agreement) / max(1.0 - self.tolerance.agreement, 1e-9)
        return max(agreement, error.accuracy / max(self.tolerance.accuracy, 1e-9))

    def nodes_to_come(self) -> int:
        """Estimate how many nodes are still to come, if each halving brings the error down to a third."""
        ends = sum(end not in self.nodes for end in (0, 100))
        middles = sum(
            self._needed(64.0 if error is UNKNOWN else self.excess(error), high - low)
            for (low, high), error in self.intervals.items()
        )
        return min(ends + middles, self.max_nodes - len(self.nodes))

    def result(self) -> tuple[tuple[Node, ...], tuple[Bound, ...]]:
        """Return the nodes and the bounds of the segments between them, in ascending alpha."""
        nodes = tuple(self.nodes[i] for i in sorted(self.nodes))
        points = 100.0 * FINEST_IMAGES / max(len(nodes[0].features), FINEST_IMAGES)
        return nodes, tuple(self._stated(self.intervals[span], points) for span in sorted(self.intervals))

    @staticmethod
    def _stated(error: Bound, points: float) -> Bound:
        if error is EXACT:  # known beforehand, not measured
            return error
        agreement, images = (min(share, 1.0 - FINEST_AGREEMENT) for share in (error.agreement, error.images))
        return replace(
            error,
            agreement=agreement,
            images=images,
            worst=min(error.worst, agreement),
            accuracy=max(error.accuracy, points),
            sets=max(error.sets, points),
        )

    def _open(self, span: tuple[int, int]) -> bool:
        return span[1] - span[0] >= 2 and self.excess(self.intervals[span]) > 1.0

    def _needed(self, excess: float, width: int) -> int:
        return 0 if excess <= 1.0 or width < 2 else 1 + 2 * self._needed(excess / 3, width // 2)
