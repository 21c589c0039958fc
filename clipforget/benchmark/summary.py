"""The summary of a comparison, from the scores of the runs that are its cells: figures, spreads and curves. No torch.

What leads is read at matched forgetting (matched.py); all other figures are those of a run's own suggested alpha.
Accuracies and ratios are shares, 0 to 1; H and Score percent, 0 to 100; seconds; bytes; A = 101 alphas.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from clipforget.audits import AUDITS
from clipforget.benchmark import documents, matched
from clipforget.benchmark.documents import (
    BY_CLASS_NAME,
    NAMED,
    AuditStat,
    Column,
    ColumnFigures,
    ComparisonSummary,
    Figures,
    Now,
    Point,
    Stat,
    SummaryCell,
    SummaryRow,
)
from clipforget.benchmark.matched import LEVELS, TargetFigures
from clipforget.benchmark.plan import JOIN
from clipforget.benchmark.run_summary import COLLAPSED, NOT_FORGOT, RunSummary, readings, run_summary
from clipforget.benchmark.store import CellInfo, ComparisonFolder, ComparisonInfo
from clipforget.data.splits import ROLES
from clipforget.errors import ClipforgetError, RunProblem, UnknownName
from clipforget.evaluation.curves import LEAST
from clipforget.methods import METHODS
from clipforget.runs.audited import AuditGap
from clipforget.runs.documents import StepEvent
from clipforget.runs.store import Run
from clipforget.settings import parse
from clipforget.soup.path import index_of

NOTHING = "do nothing"
DIGITS = 4
MATCHED = {"10": "at 10 %", "chance": "at chance"}


def summarize(comparison: ComparisonFolder, summary_of: Callable[[Run], RunSummary] = run_summary) -> ComparisonSummary:
    """Summarize a comparison as plain JSON. summary_of may remember the summaries of runs."""
    info = comparison.info()
    alive = info["state"] in ("queued", "running")
    alphas = [row.get("alpha") for row in info["rows"]]
    pairs = [_cell(comparison, cell, alphas[cell["row"]], alive, summary_of) for cell in info["cells"]]
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
        "matched": _matched_columns(runs.values()),
        "columns": _columns(runs.values()),
        "audits": [
            {"key": name, "label": entry.title, "share": entry.scale <= 1, "follows": entry.follows}
            for name, entry in AUDITS.load().items()
            if any(name in run.audits for run in runs.values())
        ],
        "reasons": list(dict.fromkeys(reason for run in runs.values() for reason in run.reasons)),
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
    comparison: ComparisonFolder,
    cell: CellInfo,
    read_at: float | None,
    alive: bool,
    summary_of: Callable[[Run], RunSummary],
) -> tuple[SummaryCell, RunSummary | None]:
    """A cell as the summary shows it: one whose run is gone waits again, one that nobody works at is stopped."""
    state, run, summary = cell["state"], cell["run"], None
    if state == "running" and not alive:
        state = "stopped"
    if state == "done":
        try:
            finished = comparison.store.get(run or "")
            summary = summary_of(finished) if read_at is None else run_summary(finished, read_at)
        except (UnknownName, RunProblem):
            state, run = "waiting", None
    sets = summary.sets if summary else {}
    forget, siblings, others = (sets[role].after if role in sets else None for role in ROLES)
    h, alpha, verdict = (summary.h, summary.alpha, summary.verdict) if summary else (None, None, "")
    kept = None
    if summary is not None:
        reading = summary.read["10"]
        kept = _short(reading.kept[LEAST]) if reading else 0.0
    current: CellInfo = {**cell, "row": cell["row"] + 1, "state": state, "run": run}
    return {
        **current, "kept": kept, "verdict": verdict,
        "h": h, "alpha": alpha, "forget": forget, "siblings": siblings, "others": others,
    }, summary  # fmt: skip


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


def _matched_columns(runs: Collection[RunSummary]) -> list[Column]:
    """The leading columns: what the least, siblings and others keep at 10 %, the last two at chance, and the area.

    Before it stands what the least keeps at 10 % where the class's name alone is asked for, if that is of interest.
    """
    known = {name for run in runs for name in run.curve.kept}
    names = {"10": (LEAST, "siblings", "others"), "chance": ("siblings", "others")}
    columns: list[Column] = [
        {"key": matched.figure_key(name, level), "label": f"{name} kept {words}"}
        for level, words in MATCHED.items()
        for name in names[level]
        if name in known or (name == LEAST and not known)
    ]
    if any(run.curve.coarse is not None for run in runs):
        columns.append({"key": BY_CLASS_NAME, "label": "least kept by class name"})
    return [*columns, {"key": matched.AREA, "label": "area"}]


def _columns(runs: Iterable[RunSummary]) -> list[Column]:
    labels = {role: role for role in ROLES}
    for run in runs:
        labels |= {key: figures.label for key, figures in run.sets.items() if key not in ROLES}
    return [{"key": key, "label": label} for key, label in labels.items()]


def _rows(info: ComparisonInfo, cells: Sequence[CellInfo], runs: Mapping[int, RunSummary]) -> list[SummaryRow]:
    """The rows, doing nothing first, with their figures over all targets and on each."""
    keys = range(len(info["targets"]))
    nothing: dict[int, list[RunSummary]] = {}  # one a target, whose runs share their original and their images
    for index, run in runs.items():
        nothing.setdefault(cells[index]["target"], [_untouched(run)])
    rows: list[SummaryRow] = [
        {
            "label": NOTHING, "method": "", "tier": None, "preset": "", "settings": {}, "notes": [],
            "all": _figures(nothing.values()), "targets": {}, "cells": [],
        }
    ]  # fmt: skip
    by_target = [nothing]
    for number, row in enumerate(info["rows"], start=1):
        own = [index for index, cell in enumerate(cells) if cell["row"] == number]
        done = {key: [runs[i] for i in own if i in runs and cells[i]["target"] == key] for key in keys}
        by_target.append({key: of_target for key, of_target in done.items() if of_target})
        method = METHODS.load()[row["method"]]
        rows.append(
            {
                "label": row["label"], "method": row["method"], "tier": _tier(row["method"], row["settings"]),
                "preset": row["preset"], "settings": row["settings"], "notes": [*method.notes, *row.get("notes", [])],
                "all": _figures(by_target[number].values()), "targets": {}, "cells": own,
            }
        )  # fmt: skip
    figures = [
        {key: _on_target(done, key, number) for key, done in targets.items()}
        for number, targets in enumerate(by_target)
    ]
    for number, summary_row in enumerate(rows):
        summary_row["targets"] = {str(key): _figures([by_target[number].get(key, [])]) for key in keys}
    for scope in (None, *keys):
        scoped = [row["all"] if scope is None else row["targets"][str(scope)] for row in rows]
        _add_matched(rows, scoped, [{k: v for k, v in own.items() if scope in (None, k)} for own in figures])
    return rows


def _tier(method: str, settings: Mapping[str, Any]) -> int | None:
    """The tier of a row; None where its settings cannot be read today."""
    with suppress(ClipforgetError):
        return METHODS.load()[method].tier_of(parse(METHODS[method].settings, settings))
    return None


def _on_target(runs: Sequence[RunSummary], target: int, row: int) -> TargetFigures:
    return matched.on_target(tuple(run.curve for run in runs), runs[0].chance, target, row)


def _add_matched(
    rows: Sequence[SummaryRow], scoped: Sequence[Figures], figures: Sequence[Mapping[int, TargetFigures]]
) -> None:
    """Fill in figures at matched forgetting, ranks and differences: rows and their figures in one scope go together."""
    for own, by_target in zip(scoped, figures, strict=True):
        own["matched"] = matched.stats(by_target.values())
    labelled = {row["label"]: by_target for row, by_target in zip(rows[1:], figures[1:], strict=True)}
    ranked = [(row["tier"], _merit(own)) for row, own in zip(rows[1:], scoped[1:], strict=True) if own["matched"]]
    for row, own in zip(rows[1:], scoped[1:], strict=True):
        if not own["matched"]:
            continue
        better = [tier for tier, merit in ranked if merit > _merit(own)]
        own["rank"], own["tier_rank"] = 1 + len(better), 1 + better.count(row["tier"])
        rivals = {label: of_rival for label, of_rival in labelled.items() if label != row["label"]}
        own["difference"] = matched.difference(labelled[row["label"]], rivals)


def _merit(figures: Figures) -> tuple[float, float]:
    """By what rows are ranked: the least kept share at 10 %, and of equals the area."""
    return figures["matched"][matched.LEAD]["mean"], figures["matched"][matched.AREA]["mean"]


def _untouched(run: RunSummary) -> RunSummary:
    """What a run would have shown had nothing been done."""
    sets = {key: replace(figures, after=figures.before, ratio=1.0) for key, figures in run.sets.items()}
    h, score, curve = run.untouched["h"], run.untouched["score"], run.curve
    ones = {name: np.ones(len(curve.alphas)) for name in curve.kept}
    curve = replace(curve.only(len(curve.alphas) - 1), alphas=curve.alphas, kept=ones)
    return replace(
        run, alpha=1.0, h=h, score=score, sets=sets, seconds=0.0, memory=None, parameters=0,
        curve=curve, read=readings(curve, run.chance), collapsed=(), audits=run.untouched_audits,
    )  # fmt: skip


def _figures(targets: Iterable[Sequence[RunSummary]]) -> Figures:
    """The figures of the runs of some targets, but those at matched forgetting."""
    runs = [run for of_target in targets for run in of_target]
    columns: dict[str, ColumnFigures] = {}
    for key in dict.fromkeys(key for run in runs for key in run.sets):
        own = [run.sets[key] for run in runs if key in run.sets]
        columns[key] = {
            "before": stat(figures.before for figures in own),
            "after": stat(figures.after for figures in own),
            "ratio": stat(figures.ratio for figures in own),
        }
    forgot = {level: sum(run.read[level] is not None for run in runs) for level in (*LEVELS, NAMED)}
    broken = sum(bool(run.collapsed) for run in runs)
    return {
        "n": len(runs),
        "matched": {},
        "forgot": forgot,
        "collapsed": broken,
        "verdict": verdict(len(runs), len(runs) - forgot["10"], broken),
        "rank": None,
        "tier_rank": None,
        "difference": None,
        "alpha": stat(run.alpha for run in runs),
        "h": stat(run.h for run in runs),
        "score": stat(run.score for run in runs),
        "seconds": stat(run.seconds for run in runs),
        "memory": stat(run.memory for run in runs),
        "parameters": stat(run.parameters for run in runs),
        "columns": columns,
        "gap": stat(run.gap for run in runs),
        "audits": {
            name: _audit_stat([run.audits[name] for run in runs if name in run.audits])
            for name in dict.fromkeys(name for run in runs for name in run.audits)
        },
    }


def _audit_stat(found: Sequence[AuditGap]) -> AuditStat:
    return {
        "value": stat(entry["value"] for entry in found),
        "reference": stat(entry["reference"] for entry in found),
        "gap": stat(entry["gap"] for entry in found),
        "matched": stat(entry["matched"] for entry in found),
    }


def verdict(runs: int, not_forgot: int, broken: int) -> str:
    """Say in words how many of some runs did not forget, and how many have collapsed."""
    counts = {NOT_FORGOT: not_forgot, COLLAPSED: broken}
    words = [name if count == runs else f"{name}: {count} of {runs}" for name, count in counts.items() if count]
    return "; ".join(words)


def stat(values: Iterable[float | None]) -> Stat | None:
    """Return mean and sample standard deviation (n - 1) of the values but None; no spread of one, None of none."""
    numbers = [float(value) for value in values if value is not None]
    if not numbers:
        return None
    spread = _short(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return {"mean": round(statistics.fmean(numbers), DIGITS), "spread": spread}


def _curves(info: ComparisonInfo, cells: Sequence[CellInfo], runs: Mapping[int, RunSummary]) -> list[documents.Curve]:
    curves = []
    for number, row in enumerate(info["rows"], start=1):
        own = {index: run for index, run in runs.items() if cells[index]["row"] == number}
        targets = sorted({cells[index]["target"] for index in own})
        for key in [*targets, *([None] if len(targets) > 1 else [])]:
            of_target = [run for index, run in own.items() if key in (None, cells[index]["target"])]
            curves.append(_curve(row, key, of_target))
    return curves


def _curve(row: Mapping[str, Any], key: int | None, runs: Sequence[RunSummary]) -> documents.Curve:
    """The mean of runs over the same alphas."""
    forgotten = np.stack([run.curve.forgotten for run in runs])
    retained = np.stack([run.curve.kept[LEAST] for run in runs])
    indices = [run.index for run in runs]
    alphas = runs[0].curve.alphas
    alpha = statistics.fmean(run.curve.alphas[run.index] for run in runs)
    each = range(len(runs))
    return {
        "label": row["label"],
        "method": row["method"],
        "target": key,
        "alphas": alphas.tolist(),
        "forgotten": forgotten.mean(axis=0).round(DIGITS).tolist(),
        "retained": retained.mean(axis=0).round(DIGITS).tolist(),
        "index": None if key is None else index_of(alpha, alphas.tolist()),
        "point": {
            "alpha": _short(alpha),
            "forgotten": _short(forgotten[each, indices].mean()),
            "retained": _short(retained[each, indices].mean()),
        },
        "read": {level: _read_point(runs, level) for level in LEVELS},
    }


def _read_point(runs: Sequence[RunSummary], level: str) -> Point | None:
    """The mean of the runs that come down to a level, where they do."""
    pairs = [(run.curve, reading) for run in runs if (reading := run.read[level]) is not None]
    if not pairs:
        return None
    return {
        "alpha": _short(statistics.fmean(reading.alpha for _, reading in pairs)),
        "forgotten": _short(statistics.fmean(np.interp(r.alpha, c.alphas, c.forgotten) for c, r in pairs)),
        "retained": _short(statistics.fmean(reading.kept[LEAST] for _, reading in pairs)),
    }


def _short(value: float | np.floating[Any]) -> float:
    return round(float(value), DIGITS)
