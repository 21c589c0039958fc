"""The summary of a comparison, field by field: what the page, the tables and the charts get.

Accuracies and ratios are shares, 0 to 1; H and Score 0 to 100; memory in bytes. Lists over alpha have 101 entries.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from clipforget.benchmark.store import CellInfo

NAMED = "named"  # a level: 10 % forget where the class's name alone is asked for, as arXiv 2506.03117 does
BY_CLASS_NAME = f"least_{NAMED}"


class Stat(TypedDict):
    """Mean and sample standard deviation over runs; no spread of a single one."""

    mean: float
    spread: float | None


class ColumnFigures(TypedDict):
    """The accuracies of a set over n runs."""

    before: Stat | None
    after: Stat | None
    ratio: Stat | None


class MatchedStat(TypedDict):
    """A figure at matched forgetting: mean over targets with its 95 % interval, and that of the worst target."""

    mean: float
    low: float
    high: float
    worst: float


class Difference(TypedDict):
    """The least kept share at 10 % forget, less that of the best rival on the same targets; with its 95 % interval."""

    rival: str
    mean: float
    low: float
    high: float


class AuditStat(TypedDict):
    """The primary figure of an audit over runs, that of models that never saw their targets, and the gap between.

    matched: the primary figure at 10 % forget, of the runs that come down to it; None of audits that do not follow
    alpha.
    """

    value: Stat | None
    reference: Stat | None
    gap: Stat | None
    matched: Stat | None


class Figures(TypedDict):
    """The figures of n runs.

    matched: at matched forgetting, by <set>_10 and <set>_chance, where the set `least` is the smallest, least_named
    (at 10 % under the class's name alone) and area.
    forgot: how many runs come down to each level, 10, chance and named. verdict: words, where not all did well. Ranks
    are by least_10. All else is at each run's own suggested alpha; columns by the keys of the sets, audits by their
    names. gap is the average gap to the reference: the mean of the audits' gaps, 0 to 1, over runs; None without a
    reference.
    """

    n: int
    matched: dict[str, MatchedStat]
    forgot: dict[str, int]
    collapsed: int
    verdict: str
    rank: int | None
    tier_rank: int | None
    difference: Difference | None
    alpha: Stat | None
    h: Stat | None
    score: Stat | None
    seconds: Stat | None
    memory: Stat | None
    parameters: Stat | None
    columns: dict[str, ColumnFigures]
    gap: Stat | None
    audits: dict[str, AuditStat]


class SummaryRow(TypedDict):
    """A method with its settings: figures over all runs, and over those of each target by its key as text.

    tier: what it may use, 0 to 3; None for doing nothing.
    """

    label: str
    method: str
    tier: int | None
    preset: str
    settings: dict[str, Any]
    notes: list[str]
    all: Figures
    targets: dict[str, Figures]
    cells: list[int]


class SummaryCell(CellInfo):
    """One run of the comparison, with its accuracies at its suggested alpha where it has finished.

    kept: the least kept share at 10 % forget accuracy. verdict: "did not forget", why it has collapsed, or nothing.
    """

    kept: float | None
    verdict: str
    h: float | None
    alpha: float | None
    forget: float | None
    siblings: float | None
    others: float | None


class Point(TypedDict):
    """The mean over runs, each at its own suggested alpha, or where it comes down to a level."""

    alpha: float
    forgotten: float
    retained: float


class Curve(TypedDict):
    """What a row forgets of a target (its key; None: mean over all) and retains along alpha.

    `index` is that of the suggested alpha, of the mean one over seeds; None for the mean over targets. `read` holds the
    points where it is read at matched forgetting, 10 and chance, of the runs that come down to that level.
    """

    label: str
    method: str
    target: int | None
    alphas: list[float]
    forgotten: list[float]
    retained: list[float]
    index: int | None
    point: Point
    read: dict[str, Point | None]


class Column(TypedDict):
    """A column of the table: a set of images by its key, or a figure at matched forgetting."""

    key: str
    label: str


class AuditColumn(Column):
    """An audit of the table; `share` where its figures are shares, 0 to 1, `follows` where it has some along alpha."""

    share: bool
    follows: bool


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

    reasons: why figures are missing or of another kind, a sentence each. A cell's `row` is an index among these rows,
    so 1 is the first that was asked for. `target` (a key) chooses a target for a chart.
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
    matched: list[Column]
    columns: list[Column]
    audits: list[AuditColumn]
    reasons: list[str]
    rows: list[SummaryRow]
    cells: list[SummaryCell]
    curves: list[Curve]
    target: NotRequired[int | None]
    own: NotRequired[bool]  # on a public server: whether the visitor may stop and delete it
    position: NotRequired[int | None]  # in the line of its device, 1 for the next to start
