"""The figures of an experiment's lines, read from the runs of its comparison."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clipforget.benchmark.paper import Case, Experiment, Line
from clipforget.evaluation.metrics import is_retained
from clipforget.soup.path import index_of

View = Mapping[str, Any]
SPECIAL = {"h": "H", "score": "Score"}


def measured(
    experiment: Experiment, case: Case, cells: Sequence[Mapping[str, Any]], view_of: Callable[[str], View]
) -> dict[str, Any]:
    """Return the table as JSON: columns [{key, label}] and lines [{label, alpha, paper, here}], in percent but alpha.

    cells are those of the finished comparison, view_of gives the view of a run by its id. `here` maps a column to
    {mean, spread, n} over the seeds, spread null for a single one; `paper` to the printed figure.
    """
    views: dict[tuple[int, int], list[View]] = {}
    for cell in cells:
        if cell["state"] == "done":
            views.setdefault((cell["row"], cell["target"]), []).append(view_of(cell["run"]))
    labels: dict[str, str] = {}
    lines = []
    for line in case.lines:
        found = [_read(line, view, labels) for view in views.get((line.row, line.target), [])]
        here = {key: _stat([one[key] for one in found]) for key in (found[0] if found else ())}
        alpha = here.pop("alpha", None)
        lines.append({"label": line.label, "alpha": alpha, "paper": dict(line.paper), "here": here})
    for key in (key for line in case.lines for key in line.paper):
        labels.setdefault(key, key.removeprefix("shifted:"))
    order = sorted(labels, key=lambda key: key in SPECIAL)
    columns = [{"key": key, "label": labels[key]} for key in order]
    return {"name": experiment.name, "title": experiment.title, "note": case.note, "columns": columns, "lines": lines}


def _read(line: Line, view: View, labels: dict[str, str]) -> dict[str, float]:
    """The figures of one run at the line's alpha, percent; labels gathers the columns' names."""
    alpha = view["best"] if line.alpha is None else line.alpha
    index = index_of(alpha, view["alphas"])
    found = {"alpha": float(view["alphas"][index])}
    if line.only:
        bars = view["per_class"]
        return found | {"forget": 100 * bars["after"][index][bars["labels"].index(line.only)]}
    for row in view["rows"]:
        if row["key"] == "forget" or is_retained(row["key"]):
            labels[row["key"]] = row["label"]
            found[row["key"]] = 100 * row["after"][index]
    labels.update(SPECIAL)
    return found | {key: view[key][index] for key in SPECIAL}


def _stat(values: list[float]) -> dict[str, Any]:
    spread = round(statistics.stdev(values), 2) if len(values) > 1 else None
    return {"mean": round(statistics.mean(values), 2), "spread": spread, "n": len(values)}
