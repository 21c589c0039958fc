"""The summary of a comparison, from the scores of the runs that are its cells: figures, spreads and curves. No torch.

Every figure is that of a run's own suggested alpha, so methods are compared at matched forgetting on validation.
Accuracies and ratios are shares, 0 to 1; H and Score percent, 0 to 100; seconds; bytes; A = 101 alphas.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clipforget.benchmark.documents import (
    Column,
    ColumnFigures,
    ComparisonSummary,
    Curve,
    Figures,
    Now,
    Stat,
    SummaryCell,
    SummaryRow,
)
from clipforget.benchmark.plan import JOIN
from clipforget.benchmark.store import CellInfo, ComparisonFolder, ComparisonInfo
from clipforget.data.splits import ROLES
from clipforget.errors import RunProblem, UnknownName
from clipforget.evaluation.documents import HAndScore, RunCost
from clipforget.evaluation.metrics import is_retained, ratio
from clipforget.evaluation.scores import read_scores, tradeoff_at
from clipforget.methods import METHODS
from clipforget.runs.documents import StepEvent
from clipforget.runs.store import Run
from clipforget.soup.path import index_of

NOTHING = "do nothing"
DIGITS = 4


@dataclass(frozen=True)
class SetFigures:
    """The accuracies of a set before and after, and their ratio."""

    label: str
    before: float
    after: float
    ratio: float


@dataclass(frozen=True)
class RunSummary:
    """What a comparison needs of a finished run, at its suggested alpha, whose index is `index`.

    sets are keyed forget, siblings, others and eval:<name>. Of every alpha: what is forgotten (1 - ratio of forget)
    and retained (the smallest other ratio). seconds, memory and parameters are None where the run does not say.
    """

    alpha: float
    h: float
    score: float
    sets: dict[str, SetFigures]
    chance: float
    untouched: HAndScore
    seconds: float | None = None
    memory: int | None = None
    parameters: int | None = None
    index: int = 0
    alphas: Sequence[float] = ()
    forgotten: Sequence[float] = ()
    retained: Sequence[float] = ()


def run_summary(run: Run) -> RunSummary:
    """Summarize a finished run. Raises RunProblem where its scores cannot be read."""
    scores = read_scores(run.path("scores.json"))
    index = index_of(scores["best"], scores["alphas"])
    sets = {}
    for row in scores["rows"]:
        if row["key"] == "forget" or is_retained(row["key"]):
            before, after = row["before"]["value"], row["after"][index]
            sets[row["key"]] = SetFigures(row["label"], before, after, ratio(after, before))
    tradeoffs = [tradeoff_at(scores["rows"], i) for i in range(len(scores["alphas"]))]
    cost: RunCost = run.info().get("cost") or {}
    return RunSummary(
        alpha=scores["best"],
        h=scores["h"][index],
        score=scores["score"][index],
        sets=sets,
        chance=scores["chance"],
        untouched=scores["do_nothing"],
        index=index,
        alphas=scores["alphas"],
        forgotten=[round(tradeoff.forgotten, DIGITS) for tradeoff in tradeoffs],
        retained=[round(tradeoff.retained, DIGITS) for tradeoff in tradeoffs],
        seconds=cost.get("seconds"),
        memory=cost.get("memory"),
        parameters=cost.get("parameters"),
    )


def summarize(comparison: ComparisonFolder, summary_of: Callable[[Run], RunSummary] = run_summary) -> ComparisonSummary:
    """Summarize a comparison as plain JSON. summary_of may remember the summaries of runs."""
    info = comparison.info()
    alive = info["state"] in ("queued", "running")
    pairs = [_cell(comparison, cell, alive, summary_of) for cell in info["cells"]]
    cells = [cell for cell, _ in pairs]
    runs = {index: run for index, (_, run) in enumerate(pairs) if run is not None}
    event = _event(comparison, cells) if alive else None
    return {
        "id": info["id"],
        "title": info["title"],
        "created": info["created"],
        "state": info["state"],
        "error": info["error"],
        "command": info["command"],
        "model": info["model"],
        "data": info["data"],
        "seeds": info["seeds"],
        "chance": next((run.chance for run in runs.values()), None),
        "targets": [{"key": key, "label": JOIN.join(target)} for key, target in enumerate(info["targets"])],
        "done": sum(cell["state"] == "done" for cell in cells),
        "total": len(cells),
        "eta": seconds_left(cells, event) if alive else None,
        "now": _now(cells, event) if alive else None,
        "columns": _columns(runs.values()),
        "rows": _rows(info, cells, runs),
        "cells": cells,
        "curves": _curves(info, cells, runs),
    }


def seconds_left(cells: Sequence[CellInfo], event: StepEvent | None = None) -> float | None:
    """Estimate the seconds until the last cell: an open one takes the median of those finished of its row, or of all.

    `event` is the last of the cell at work; before any cell is finished its own estimate serves for all. None where
    nothing is known yet.
    """
    by_row: dict[int, list[float]] = {}
    for cell in cells:
        if cell["state"] == "done" and cell["seconds"] is not None:
            by_row.setdefault(cell["row"], []).append(cell["seconds"])
    every = [seconds for row in by_row.values() for seconds in row]
    left = event["eta"] if event else None
    if not every and event and left is not None:
        every = [event["t"] + left]
    if not every:
        return None
    waiting = [cell["row"] for cell in cells if cell["state"] in ("waiting", "stopped")]
    total = sum(statistics.median(by_row.get(row, every)) for row in waiting)
    for cell in cells:
        if cell["state"] == "running":
            total += left if left is not None else statistics.median(by_row.get(cell["row"], every))
    return round(total, 1)


def _cell(
    comparison: ComparisonFolder, cell: CellInfo, alive: bool, summary_of: Callable[[Run], RunSummary]
) -> tuple[SummaryCell, RunSummary | None]:
    """A cell as the summary shows it: one whose run is gone waits again, one that nobody works at is stopped."""
    state, run, summary = cell["state"], cell["run"], None
    if state == "running" and not alive:
        state = "stopped"
    if state == "done":
        try:
            summary = summary_of(comparison.store.get(run or ""))
        except (UnknownName, RunProblem):
            state, run = "waiting", None
    sets = summary.sets if summary else {}
    forget, siblings, others = (sets[role].after if role in sets else None for role in ROLES)
    h, alpha = (summary.h, summary.alpha) if summary else (None, None)
    current: CellInfo = {**cell, "row": cell["row"] + 1, "state": state, "run": run}
    return {**current, "h": h, "alpha": alpha, "forget": forget, "siblings": siblings, "others": others}, summary


def _event(comparison: ComparisonFolder, cells: Sequence[CellInfo]) -> StepEvent | None:
    """The last event of the run at work."""
    for cell in cells:
        if cell["state"] == "running" and cell["run"]:
            try:
                events = comparison.store.get(cell["run"]).events()
            except (UnknownName, RunProblem):  # deleted, or its events are damaged
                return None
            return events[-1] if events and events[-1]["kind"] == "step" else None
    return None


def _now(cells: Sequence[CellInfo], event: StepEvent | None) -> Now | None:
    for index, cell in enumerate(cells):
        if cell["state"] == "running":
            stage, step, total = (event["stage"], event["step"], event["total"]) if event else (None, None, None)
            row, target, seed = cell["row"], cell["target"], cell["seed"]
            return Now(cell=index, row=row, target=target, seed=seed, stage=stage, step=step, total=total)
    return None


def _columns(runs: Iterable[RunSummary]) -> list[Column]:
    labels = {role: role for role in ROLES}
    for run in runs:
        labels |= {key: figures.label for key, figures in run.sets.items() if key not in ROLES}
    return [{"key": key, "label": label} for key, label in labels.items()]


def _rows(info: ComparisonInfo, cells: Sequence[CellInfo], runs: Mapping[int, RunSummary]) -> list[SummaryRow]:
    keys = range(len(info["targets"]))
    nothing: dict[int, RunSummary] = {}  # one a target, whose runs share their original and their images
    for index, run in runs.items():
        nothing.setdefault(cells[index]["target"], _untouched(run))
    rows: list[SummaryRow] = [
        {
            "label": NOTHING, "method": "", "preset": "", "settings": {}, "notes": [],
            "all": _figures(list(nothing.values())),
            "targets": {str(key): _figures([nothing[key]] if key in nothing else []) for key in keys},
            "cells": [],
        }
    ]  # fmt: skip
    for number, row in enumerate(info["rows"], start=1):
        own = [index for index, cell in enumerate(cells) if cell["row"] == number]
        by_target = {key: [runs[i] for i in own if i in runs and cells[i]["target"] == key] for key in keys}
        rows.append(
            {
                "label": row["label"], "method": row["method"], "preset": row["preset"], "settings": row["settings"],
                "notes": [*METHODS.load()[row["method"]].notes, *row.get("notes", [])],
                "all": _figures([run for key in keys for run in by_target[key]]),
                "targets": {str(key): _figures(done) for key, done in by_target.items()},
                "cells": own,
            }
        )  # fmt: skip
    return rows


def _untouched(run: RunSummary) -> RunSummary:
    """What a run would have shown had nothing been done."""
    sets = {key: replace(figures, after=figures.before, ratio=1.0) for key, figures in run.sets.items()}
    h, score = run.untouched["h"], run.untouched["score"]
    return replace(run, alpha=1.0, h=h, score=score, sets=sets, seconds=0.0, memory=None, parameters=0)


def _figures(runs: Sequence[RunSummary]) -> Figures:
    columns: dict[str, ColumnFigures] = {}
    for key in dict.fromkeys(key for run in runs for key in run.sets):
        own = [run.sets[key] for run in runs if key in run.sets]
        columns[key] = {
            "before": stat(figures.before for figures in own),
            "after": stat(figures.after for figures in own),
            "ratio": stat(figures.ratio for figures in own),
        }
    return {
        "n": len(runs),
        "alpha": stat(run.alpha for run in runs),
        "h": stat(run.h for run in runs),
        "score": stat(run.score for run in runs),
        "seconds": stat(run.seconds for run in runs),
        "memory": stat(run.memory for run in runs),
        "parameters": stat(run.parameters for run in runs),
        "columns": columns,
    }


def stat(values: Iterable[float | None]) -> Stat | None:
    """Return mean and sample standard deviation (n - 1) of the values but None; no spread of one, None of none."""
    numbers = [float(value) for value in values if value is not None]
    if not numbers:
        return None
    spread = round(statistics.stdev(numbers), DIGITS) if len(numbers) > 1 else None
    return {"mean": round(statistics.fmean(numbers), DIGITS), "spread": spread}


def _curves(info: ComparisonInfo, cells: Sequence[CellInfo], runs: Mapping[int, RunSummary]) -> list[Curve]:
    curves = []
    for number, row in enumerate(info["rows"], start=1):
        own = {index: run for index, run in runs.items() if cells[index]["row"] == number}
        targets = sorted({cells[index]["target"] for index in own})
        for key in [*targets, *([None] if len(targets) > 1 else [])]:
            of_target = [run for index, run in own.items() if key in (None, cells[index]["target"])]
            curves.append(_curve(row, key, of_target))
    return curves


def _curve(row: Mapping[str, Any], key: int | None, runs: Sequence[RunSummary]) -> Curve:
    """The mean of runs over the same alphas."""
    alpha = statistics.fmean(run.alphas[run.index] for run in runs)
    return {
        "label": row["label"],
        "method": row["method"],
        "target": key,
        "alphas": list(runs[0].alphas),
        "forgotten": [_mean(values) for values in zip(*(run.forgotten for run in runs), strict=True)],
        "retained": [_mean(values) for values in zip(*(run.retained for run in runs), strict=True)],
        "index": None if key is None else index_of(alpha, runs[0].alphas),
        "point": {
            "alpha": round(alpha, DIGITS),
            "forgotten": _mean(run.forgotten[run.index] for run in runs),
            "retained": _mean(run.retained[run.index] for run in runs),
        },
    }


def _mean(values: Iterable[float]) -> float:
    return round(statistics.fmean(values), DIGITS)
