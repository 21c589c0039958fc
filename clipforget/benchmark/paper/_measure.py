"""The figures of an experiment's lines, read from the runs of its comparison, beside those that the paper prints."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from clipforget.benchmark.documents import Column
from clipforget.benchmark.paper import EVALUATED, PER_CLASS, THIS, Case, Experiment, Line, backbone
from clipforget.benchmark.paper._printed import ORIGINAL, PrintedRow, ratio, score
from clipforget.benchmark.plan import JOIN
from clipforget.benchmark.store import CellInfo
from clipforget.evaluation.documents import ScoreRow, ShownScores
from clipforget.soup.path import index_of

TARGET = "forget-coarse"  # the paper's prompts are the superclass names
ODD = 1.0  # points by which our Original may differ from the paper's


class SeedStat(TypedDict):
    """Mean and spread over n seeds; no spread of a single one."""

    mean: float
    spread: float | None
    n: int


class PrintedFigures(TypedDict):
    """What the paper prints for a line, in percent by column: accuracies, ratios to its Original, Score."""

    values: dict[str, float]
    ratios: dict[str, float]
    score: float | None


class MeasuredFigures(TypedDict):
    """What was measured here for a line, in percent by column, as the paper's; alpha is the mean over seeds."""

    values: dict[str, SeedStat]
    ratios: dict[str, SeedStat]
    score: SeedStat | None
    alpha: SeedStat


class PaperLine(TypedDict):
    """A line of the table: its target, the paper's figures and ours; None where there are none."""

    target: str
    label: str
    paper: PrintedFigures | None
    here: MeasuredFigures | None


class PaperTable(TypedDict):
    """The table of an experiment; `ratios` says whether the paper prints them in it."""

    name: str
    title: str
    note: str
    warnings: list[str]
    ratios: bool
    columns: list[Column]
    lines: list[PaperLine]


class ReproducedTable(PaperTable):
    """The table with the comparison behind it, its model and its data."""

    comparison: str
    model: str
    data: str


@dataclass(frozen=True)
class _Figures:
    """One run at the line's alpha, in percent by column; `chance` has the 95 % interval of the original's accuracy."""

    alpha: float
    values: dict[str, float]
    ratios: dict[str, float]
    chance: dict[str, tuple[float, float]]


def measure(
    experiment: Experiment, case: Case, model: str, cells: Sequence[CellInfo], view_of: Callable[[str], ShownScores]
) -> PaperTable:
    """Measure the table; cells are those of the finished comparison, view_of gives the view of a run by its id.

    Columns that no run has are left out, of the paper's figures too, so that its Score and ours are of the same ones.
    """
    views: dict[tuple[int, int], list[ShownScores]] = {}
    for cell in cells:
        if cell["state"] == "done" and cell["run"]:
            views.setdefault((cell["row"], cell["target"]), []).append(view_of(cell["run"]))
    keys = {column.label: experiment.key(case, column) for column in experiment.columns}
    found = [[_read(line, view, keys, case) for view in views.get((line.row, line.target), [])] for line in case.lines]
    there = [label for label in keys if any(label in run.values for runs in found for run in runs)]
    printed = [experiment.printed_row(line, model) for line in case.lines]
    target = next((label for label, key in keys.items() if key == TARGET), None)
    scored = target if any(row and row.ratios for row in printed) else None
    lines = [
        PaperLine(
            target=_target(line, case, case is experiment.paper),
            label=line.label,
            paper=_paper(row, [*keys], there, scored),
            here=_here(runs, there, scored),
        )
        for line, row, runs in zip(case.lines, printed, found, strict=True)
    ]
    absent = [label for label, key in keys.items() if key and label not in there]
    warnings = _missing(absent, scored) + (_odd(lines, found, experiment, model) if case is experiment.paper else [])
    columns = [Column(key=label, label=_heading(label, keys[label])) for label in there]
    return {
        "name": experiment.name,
        "title": experiment.title,
        "note": case.note,
        "warnings": warnings,
        "ratios": scored is not None,
        "columns": columns,
        "lines": lines,
    }


def _target(line: Line, case: Case, is_paper: bool) -> str:
    """What the line forgets, on the drawings with what it stands for."""
    name = JOIN.join(case.targets[line.target])
    return name if is_paper or line.group in ("", name) else f"{name} (for {line.group})"


def _heading(label: str, key: str) -> str:
    """The name of a column, with the class of the drawings that stands in it."""
    name = key.removeprefix(PER_CLASS)
    return f"{name} (for {label})" if key.startswith(PER_CLASS) and name != label else label


def _read(line: Line, view: ShownScores, keys: Mapping[str, str], case: Case) -> _Figures:
    """The figures of one run at the line's alpha, by the columns that it has."""
    index = index_of(view["best"] if line.alpha is None else line.alpha, view["alphas"])
    bars = view["per_class"]
    pairs = {
        PER_CLASS + name: (before, after)
        for name, before, after in zip(bars["labels"], bars["before"], bars["after"][index], strict=True)
    }
    chance = {}
    for row in view["rows"]:
        pairs[row["key"]] = _whole(row, view["rows"], index)
        chance[row["key"]] = (100 * row["before"]["low"], 100 * row["before"]["high"])
    for values in (pairs, chance):
        values.setdefault(TARGET, values["forget"])  # a run of before there were two rows
    name = JOIN.join(case.targets[line.target])
    asked = {label: key.replace(THIS, name) for label, key in keys.items()}
    there = {label: key for label, key in asked.items() if key in pairs}
    return _Figures(
        float(view["alphas"][index]),
        {label: 100 * pairs[key][1] for label, key in there.items()},
        {label: ratio(pairs[key][1], pairs[key][0]) for label, key in there.items()},
        {label: chance[key] for label, key in there.items() if key in chance},
    )


def _whole(row: ScoreRow, rows: Sequence[ScoreRow], index: int) -> tuple[float, float]:
    """Accuracy before and after; of an evaluation set with the target's images in it, as the paper counts them."""
    name = row["key"].removeprefix(EVALUATED)
    parts = [row]
    if row["key"].startswith(EVALUATED):
        parts += [other for other in rows if other["key"] in (f"eval-target:{name}", f"eval-forget:{name}")]
    total = sum(part["n"] for part in parts)
    before = sum(part["n"] * part["before"]["value"] for part in parts) / total
    return before, sum(part["n"] * part["after"][index] for part in parts) / total


def _paper(
    row: PrintedRow | None, columns: Sequence[str], there: Sequence[str], target: str | None
) -> PrintedFigures | None:
    """The printed figures of the columns that are there; the Score of fewer than all is made of their ratios."""
    if row is None:
        return None
    values, ratios = (
        {label: value for label, value in zip(columns, numbers, strict=False) if label in there}
        for numbers in (row.values, row.ratios)
    )
    whole = len(there) == len(columns)
    mean = row.score if whole or row.score is None or target not in ratios else round(score(ratios, target or ""), 1)
    return {"values": values, "ratios": ratios, "score": mean}


def _here(runs: Sequence[_Figures], there: Sequence[str], target: str | None) -> MeasuredFigures | None:
    if not runs:
        return None
    values, ratios = (
        {label: _stat([figures[label] for figures in part]) for label in there if all(label in f for f in part)}
        for part in ([run.values for run in runs], [run.ratios for run in runs])
    )
    scores = [score(run.ratios, target) for run in runs if target is not None and target in run.ratios]
    return {
        "values": values,
        "ratios": ratios,
        "score": _stat(scores) if scores else None,
        "alpha": _stat([run.alpha for run in runs]),
    }


def _missing(absent: Sequence[str], target: str | None) -> list[str]:
    if not absent:
        return []
    about = "; Score is the mean over the columns that are there, the paper's too" if target else ""
    return [f"Without images here: {', '.join(absent)}{about}."]


def _odd(
    lines: Sequence[PaperLine], found: Sequence[Sequence[_Figures]], experiment: Experiment, model: str
) -> list[str]:
    """Where our Original is not the paper's by more than the choice of test images explains."""
    if experiment.printed and backbone(model) not in experiment.printed:
        return [f"The paper has no figures of {model}; those of {next(iter(experiment.printed))} are shown."]
    odd = []
    for line, runs in zip(lines, found, strict=True):
        if line["label"] == ORIGINAL and line["paper"] and runs:
            for label, printed in line["paper"]["values"].items():
                ours = runs[0].values.get(label, printed)
                low, high = runs[0].chance.get(label, (ours, ours))
                if abs(ours - printed) > ODD and not low <= printed <= high:
                    odd.append(f"{line['target']} {label} {ours:.1f} ({printed:.1f})")
    if not odd:
        return []
    return [f"Our Original differs from the paper's (in brackets) by over a point: {', '.join(odd)}. Compare ratios."]


def _stat(values: list[float]) -> SeedStat:
    spread = round(statistics.stdev(values), 2) if len(values) > 1 else None
    return {"mean": round(statistics.mean(values), 2), "spread": spread, "n": len(values)}
