"""Table 6: three forgettings merged into one model."""

from __future__ import annotations

from clipforget.benchmark.paper import Case, Line, experiment
from clipforget.benchmark.paper._cifar import FILES, NOTE, PREPARE

ROWS = ("merged", "targeted")
LABELS = ("each by itself, then merged", "all at once")


def case(names: tuple[str, ...], note: str) -> Case:
    """Return the three classes as one target: the model before, then each way with a line for each class."""
    lines = [Line("original", alpha=1.0), *(Line(f"original: {name}", alpha=1.0, only=name) for name in names)]
    for row, label in enumerate(LABELS):
        lines += [Line(label, row), *(Line(f"{label}: {name}", row, only=name) for name in names)]
    return Case((names,), tuple(lines), note)


experiment(
    "table6",
    title="three classes forgotten by merging",
    rows=ROWS,
    paper=case(("ship", "airplane", "cat"), NOTE),
    sketchbook=case(("ship", "airplane", "bird"), "Drawings stand for CIFAR-10 and bird for cat."),
    files=FILES,
    prepare=PREPARE,
)
