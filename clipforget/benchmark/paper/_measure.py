"""The figures of an experiment's lines, read from the runs of its comparison."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TypedDict

from clipforget.benchmark.documents import Column
from clipforget.benchmark.paper import Case, Experiment, Line
from clipforget.benchmark.store import CellInfo
from clipforget.evaluation.documents import ShownScores
from clipforget.evaluation.metrics import is_retained
from clipforget.soup.path import index_of

SPECIAL = {"h": "H", "score": "Score"}


class SeedStat(TypedDict):
    """Mean and spread over n seeds; no spread of a single one."""

    mean: float
    spread: float | None
    n: int


class PaperLine(TypedDict):
    """A line of the table, in percent by column: the printed figures and those measured here, at an alpha."""

    label: str
    alpha: SeedStat | None
    paper: dict[str, float]
    here: dict[str, SeedStat]


class PaperTable(TypedDict):
    """The table of an experiment."""

    name: str
    title: str
    note: str
    columns: list[Column]
    lines: list[PaperLine]


class ReproducedTable(PaperTable):
    """The table with the comparison behind it, its model and its data."""

    comparison: str
    model: str
    data: str


def measure(
    experiment: Experiment, case: Case, cells: Sequence[CellInfo], view_of: Callable[[str], ShownScores]
) -> PaperTable:
    """Measure the table; cells are those of the finished comparison, view_of gives the view of a run by its id."""
    views: dict[tuple[int, int], list[ShownScores]] = {}
    for cell in cells:
        if cell["state"] == "done" and cell["run"]:
            views.setdefault((cell["row"], cell["target"]), []).append(view_of(cell["run"]))
    labels: dict[str, str] = {}
    lines: list[PaperLine] = []
    for line in case.lines:
        runs = [_read(line, view, labels) for view in views.get((line.row, line.target), [])]
        here = {key: _stat([figures[key] for figures in runs]) for key in (runs[0] if runs else ())}
        alpha = here.pop("alpha", None)
        lines.append({"label": line.label, "alpha": alpha, "paper": dict(line.paper), "here": here})
    for key in (key for line in case.lines for key in line.paper):
        labels.setdefault(key, key.removeprefix("eval:"))
    order = sorted(labels, key=lambda key: key in SPECIAL)
    columns = [Column(key=key, label=labels[key]) for key in order]
    return {"name": experiment.name, "title": experiment.title, "note": case.note, "columns": columns, "lines": lines}


def _read(line: Line, view: ShownScores, labels: dict[str, str]) -> dict[str, float]:
    """The figures of one run at the line's alpha, percent; labels gathers the columns' names."""
    alpha = view["best"] if line.alpha is None else line.alpha
    index = index_of(alpha, view["alphas"])
    figures = {"alpha": float(view["alphas"][index])}
    if line.only:
        bars = view["per_class"]
        return figures | {"forget": 100 * bars["after"][index][bars["labels"].index(line.only)]}
    for row in view["rows"]:
        if row["key"] == "forget" or is_retained(row["key"]):
            labels[row["key"]] = row["label"]
            figures[row["key"]] = 100 * row["after"][index]
    labels.update(SPECIAL)
    return figures | {"h": view["h"][index], "score": view["score"][index]}


def _stat(values: list[float]) -> SeedStat:
    spread = round(statistics.stdev(values), 2) if len(values) > 1 else None
    return {"mean": round(statistics.mean(values), 2), "spread": spread, "n": len(values)}
