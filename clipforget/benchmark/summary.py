"""The document of a comparison, from the scores of the runs that are its cells: figures, spreads and curves. No torch.

Every figure is that of a run's own suggested alpha, so methods are compared at matched forgetting on validation.
Accuracies and ratios are shares, 0 to 1; H and Score percent, 0 to 100; seconds; bytes; A = 101 alphas.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from clipforget.benchmark.plan import JOIN
from clipforget.benchmark.store import ComparisonFolder
from clipforget.data.splits import ROLES
from clipforget.errors import RunProblem, UnknownName
from clipforget.evaluation.metrics import is_retained, ratio
from clipforget.evaluation.scores import read_scores, tradeoff_at
from clipforget.methods import METHODS
from clipforget.runs.documents import Event
from clipforget.runs.store import Run
from clipforget.soup.path import index_of

NOTHING = "do nothing"
PLAIN = ("alpha", "h", "score", "seconds", "memory", "parameters")  # figures beside the columns
DIGITS = 4
RunSummary = dict[str, Any]


def run_summary(run: Run) -> RunSummary:
    """What a comparison needs of a finished run. Raises RunProblem where its scores cannot be read.

    columns maps forget, siblings, others and shifted:<name> to label, before, after and ratio at the suggested alpha;
    curve holds alphas, forgotten (1 - ratio of forget) and retained (the smallest other ratio); `index` is that of the
    suggested alpha.
    """
    scores = read_scores(run.path("scores.json"))
    index = index_of(scores["best"], scores["alphas"])
    columns = {}
    for row in scores["rows"]:
        if row["key"] == "forget" or is_retained(row["key"]):
            before, after = row["before"]["value"], row["after"][index]
            shares = {"before": before, "after": after, "ratio": ratio(after, before)}
            columns[row["key"]] = {"label": row["label"], **shares}
    along = [tradeoff_at(scores["rows"], i) for i in range(len(scores["alphas"]))]
    curve = {
        "alphas": scores["alphas"],
        "forgotten": [round(each.forgotten, DIGITS) for each in along],
        "retained": [round(each.retained, DIGITS) for each in along],
        "index": index,
    }
    cost = run.info().get("cost") or {}
    figures: dict[str, float | None] = {
        "alpha": scores["best"],
        "h": scores["h"][index],
        "score": scores["score"][index],
    }
    figures |= {name: cost.get(name) for name in ("seconds", "memory", "parameters")}
    return {**figures, "columns": columns, "curve": curve, "chance": scores["chance"], "nothing": scores["do_nothing"]}


def summarize(compared: ComparisonFolder, digest_of: Callable[[Run], RunSummary] = run_summary) -> dict[str, Any]:
    """All that is known of a comparison as plain JSON; the first row is always that of doing nothing.

    A cell's `row` is the place among these rows, so 1 is the first that was asked for. A curve's `index` is that of
    the suggested alpha (of the mean one over seeds), null for the mean over targets; its `point` is the mean over runs
    at their own alphas. digest_of may remember the digests of runs.
    """
    info = compared.info()
    alive = info["state"] in ("queued", "running")
    cells: list[dict[str, Any]] = [dict(cell, row=cell["row"] + 1) for cell in info["cells"]]
    digests = {}
    for index, cell in enumerate(cells):
        if cell["state"] == "running" and not alive:
            cell["state"] = "stopped"
        if cell["state"] == "done":
            try:
                digests[index] = digest_of(compared.store.get(cell["run"]))
            except (UnknownName, RunProblem):
                cell |= {"state": "waiting", "run": None}  # its run is gone: it will be run again
        cell |= _cell_figures(digests.get(index))
    event = _event(compared, cells) if alive else None
    names = ("id", "title", "created", "state", "error", "command", "model", "data", "seeds")
    return {
        **{name: value for name, value in info.items() if name in names},
        "chance": next((found["chance"] for found in digests.values()), None),
        "targets": [{"key": key, "label": JOIN.join(target)} for key, target in enumerate(info["targets"])],
        "done": sum(cell["state"] == "done" for cell in cells),
        "total": len(cells),
        "eta": seconds_left(cells, event) if alive else None,
        "now": _now(cells, event) if alive else None,
        "columns": _columns(digests.values()),
        "rows": _rows(info, cells, digests),
        "cells": cells,
        "curves": _curves(info, cells, digests),
    }


def seconds_left(cells: Sequence[Mapping[str, Any]], event: Mapping[str, Any] | None = None) -> float | None:
    """Seconds until the last cell: each open one takes the median of the finished cells of its row, or of all.

    `event` is the last of the cell at work; before any cell is finished its own estimate serves for all. None where
    nothing is known yet.
    """
    known: dict[int, list[float]] = {}
    for cell in cells:
        if cell["state"] == "done" and cell["seconds"] is not None:
            known.setdefault(cell["row"], []).append(cell["seconds"])
    every = [seconds for found in known.values() for seconds in found]
    now, left = (event or {}).get("t", 0.0), (event or {}).get("eta")
    if not every and left is not None:
        every = [now + left]
    if not every:
        return None
    waiting = [cell["row"] for cell in cells if cell["state"] in ("waiting", "stopped")]
    total = sum(statistics.median(known.get(row, every)) for row in waiting)
    for cell in cells:
        if cell["state"] == "running":
            total += left if left is not None else statistics.median(known.get(cell["row"], every))
    return round(total, 1)


def _event(compared: ComparisonFolder, cells: Sequence[Mapping[str, Any]]) -> Event | None:
    """The last event of the run at work."""
    for cell in cells:
        if cell["state"] == "running" and cell["run"]:
            try:
                events = compared.store.get(cell["run"]).events()
            except UnknownName:
                return None
            return events[-1] if events and events[-1]["kind"] == "step" else None
    return None


def _now(cells: Sequence[Mapping[str, Any]], event: Mapping[str, Any] | None) -> dict[str, Any] | None:
    for index, cell in enumerate(cells):
        if cell["state"] == "running":
            step = {name: (event or {}).get(name) for name in ("stage", "step", "total")}
            return {"cell": index, **{name: cell[name] for name in ("row", "target", "seed")}, **step}
    return None


def _cell_figures(found: RunSummary | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(("h", "alpha", *ROLES))
    after = {key: found["columns"].get(key, {}).get("after") for key in ROLES}
    return {"h": found["h"], "alpha": found["alpha"], **after}


def _columns(digests: Iterable[RunSummary]) -> list[dict[str, str]]:
    found = {role: role for role in ROLES}
    for one in digests:
        found |= {key: column["label"] for key, column in one["columns"].items() if key not in ROLES}
    return [{"key": key, "label": label} for key, label in found.items()]


def _rows(info: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], digests: Mapping[int, RunSummary]) -> list[dict]:
    places = range(len(info["targets"]))
    nothing: dict[int, RunSummary] = {}  # one a target, whose runs share their original and their images
    for index, found in digests.items():
        nothing.setdefault(cells[index]["target"], _untouched(found))
    rows: list[dict[str, Any]] = [
        {
            "label": NOTHING, "method": "", "preset": "", "settings": {}, "notes": [],
            "all": _figures(list(nothing.values())),
            "targets": {str(key): _figures([nothing[key]] if key in nothing else []) for key in places},
            "cells": [],
        }
    ]  # fmt: skip
    for number, row in enumerate(info["rows"], start=1):
        own = [index for index, cell in enumerate(cells) if cell["row"] == number]
        done = {key: [digests[i] for i in own if i in digests and cells[i]["target"] == key] for key in places}
        notes = [*METHODS.load()[row["method"]].notes, *row.get("notes", [])]
        rows.append(
            {
                **{name: row[name] for name in ("label", "method", "preset", "settings")},
                "notes": notes,
                "all": _figures([found for key in places for found in done[key]]),
                "targets": {str(key): _figures(found) for key, found in done.items()},
                "cells": own,
            }
        )
    return rows


def _untouched(found: RunSummary) -> RunSummary:
    """What the run of a digest would have shown had nothing been done."""
    columns = {key: column | {"after": column["before"], "ratio": 1.0} for key, column in found["columns"].items()}
    free = {"seconds": 0.0, "memory": None, "parameters": 0}
    return {"alpha": 1.0, "h": found["nothing"]["h"], "score": found["nothing"]["score"], **free, "columns": columns}


def _figures(digests: Sequence[RunSummary]) -> dict[str, Any]:
    keys = dict.fromkeys(key for found in digests for key in found["columns"])
    columns = {
        key: {
            name: stat([found["columns"][key][name] for found in digests if key in found["columns"]])
            for name in ("before", "after", "ratio")
        }
        for key in keys
    }
    plain = {name: stat([found[name] for found in digests]) for name in PLAIN}
    return {"n": len(digests), **plain, "columns": columns}


def stat(values: Iterable[float | None]) -> dict[str, float | None] | None:
    """Mean and sample standard deviation (n - 1) of the known values; no spread of one, None of none."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    spread = round(statistics.stdev(known), DIGITS) if len(known) > 1 else None
    return {"mean": round(statistics.fmean(known), DIGITS), "spread": spread}


def _curves(
    info: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], digests: Mapping[int, RunSummary]
) -> list[dict]:
    curves = []
    for number, row in enumerate(info["rows"], start=1):
        own = {i: digests[i]["curve"] for i in digests if cells[i]["row"] == number}
        targets = sorted({cells[i]["target"] for i in own})
        for key in [*targets, *([None] if len(targets) > 1 else [])]:
            chosen = [curve for i, curve in own.items() if key in (None, cells[i]["target"])]
            curves.append({"label": row["label"], "method": row["method"], "target": key, **_mean(chosen, key)})
    return curves


def _mean(curves: Sequence[Mapping[str, Any]], key: int | None) -> dict[str, Any]:
    """The mean of curves over the same alphas."""
    alphas = curves[0]["alphas"]
    means = {
        name: [round(statistics.fmean(values), DIGITS) for values in zip(*(c[name] for c in curves), strict=True)]
        for name in ("forgotten", "retained")
    }
    chosen = statistics.fmean(alphas[curve["index"]] for curve in curves)
    point = {n: round(statistics.fmean(c[n][c["index"]] for c in curves), DIGITS) for n in ("forgotten", "retained")}
    index = None if key is None else index_of(chosen, alphas)
    return {"alphas": alphas, **means, "index": index, "point": {"alpha": round(chosen, DIGITS), **point}}
