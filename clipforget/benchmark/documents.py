"""The summary of a comparison, field by field: what the page, the tables and the charts get.

Accuracies and ratios are shares, 0 to 1; H and Score 0 to 100; memory in bytes. Lists over alpha have 101 entries.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from clipforget.benchmark.store import CellInfo


class Stat(TypedDict):
    """Mean and sample standard deviation over runs; no spread of a single one."""

    mean: float
    spread: float | None


class ColumnFigures(TypedDict):
    """The accuracies of a set over n runs."""

    before: Stat | None
    after: Stat | None
    ratio: Stat | None


class Figures(TypedDict):
    """The figures of n runs, each at its own suggested alpha; columns by the keys of the sets."""

    n: int
    alpha: Stat | None
    h: Stat | None
    score: Stat | None
    seconds: Stat | None
    memory: Stat | None
    parameters: Stat | None
    columns: dict[str, ColumnFigures]


class SummaryRow(TypedDict):
    """A method with its settings: figures over all runs, and over those of each target by its key as text."""

    label: str
    method: str
    preset: str
    settings: dict[str, Any]
    notes: list[str]
    all: Figures
    targets: dict[str, Figures]
    cells: list[int]


class SummaryCell(CellInfo):
    """One run of the comparison, with its accuracies at its suggested alpha where it has finished."""

    h: float | None
    alpha: float | None
    forget: float | None
    siblings: float | None
    others: float | None


class Point(TypedDict):
    """The mean over runs, each at its own suggested alpha."""

    alpha: float
    forgotten: float
    retained: float


class Curve(TypedDict):
    """What a row forgets of a target (its key; None: mean over all) and retains along alpha.

    `index` is that of the suggested alpha, of the mean one over seeds; None for the mean over targets.
    """

    label: str
    method: str
    target: int | None
    alphas: list[float]
    forgotten: list[float]
    retained: list[float]
    index: int | None
    point: Point


class Column(TypedDict):
    """A set of images: forget, siblings, others or eval:<name>."""

    key: str
    label: str


class TargetLabel(TypedDict):
    """What one run forgets."""

    key: int
    label: str


class Now(TypedDict):
    """The cell at work, and the step that it is at."""

    cell: int
    row: int
    target: int
    seed: int
    stage: str | None
    step: int | None
    total: int | None


class ComparisonSummary(TypedDict):
    """All that is known of a comparison; the first row is always that of doing nothing.

    A cell's `row` is an index among these rows, so 1 is the first that was asked for. `target` (a key) chooses a target
    for a chart.
    """

    id: str
    title: str
    created: str
    state: str
    error: str | None
    command: str
    model: str
    data: str
    seeds: list[int]
    chance: float | None
    targets: list[TargetLabel]
    done: int
    total: int
    eta: float | None
    now: Now | None
    columns: list[Column]
    rows: list[SummaryRow]
    cells: list[SummaryCell]
    curves: list[Curve]
    target: NotRequired[int | None]
