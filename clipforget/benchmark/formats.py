"""A comparison's table as text, CSV, LaTeX (booktabs) or Markdown, from its summary. No torch.

Doing nothing stands first, H leads, and each figure of a set has its ratio to the original beneath, as in the tables of
arXiv 2506.03117. Accuracies and ratios are printed in percent, memory in MiB.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from clipforget.benchmark.documents import ComparisonSummary, Figures, Stat, SummaryRow
from clipforget.data.splits import ROLES
from clipforget.errors import UnknownName
from clipforget.tabular import csv_safe, latex_escape, table
from clipforget.tabular import markdown as markdown_table

LEAD = {"alpha": "alpha", "h": "H", "score": "Score"}
COST = {"seconds": "seconds", "memory": "MiB", "parameters": "changed"}
SORTS = ("plan", "label", *LEAD, *COST)  # beside the keys of the columns
UPWARDS = ("label", "forget", "seconds", "memory", "parameters")  # where less is better, or A comes first
MEDIA = {
    "table.csv": "text/csv; charset=utf-8",
    "table.json": "application/json",
    "table.tex": "application/x-tex; charset=utf-8",
    "table.md": "text/markdown; charset=utf-8",
    "report.html": "text/html; charset=utf-8",
}


def text(summary: ComparisonSummary, target: int | None = None, sort: str = "h") -> str:
    """Format the table for a terminal, of one target (its key) or over all. Raises UnknownName for an unknown order."""
    header, rows = _cells(summary, target, sort)
    lines = [line for row in rows for line in row if any(line)]
    about = f"{summary['title']}  ({_scope(summary, target)})"
    notes = [f"{row['label']}: {note}" for row in summary["rows"] for note in row["notes"]]
    return "\n".join([about, "", table(header, lines, numbers=range(1, len(header))), "", legend(summary), *notes])


def markdown(summary: ComparisonSummary, target: int | None = None, sort: str = "h") -> str:
    """Format the table in Markdown, with the command that repeats it."""
    header, rows = _cells(summary, target, sort)
    lines = [[f"{top}<br>{below}" if below else top for top, below in zip(*row, strict=True)] for row in rows]
    about = f"**{summary['title']}** ({_scope(summary, target)})"
    command = f"```\n{summary['command']}\n```"
    return f"{about}\n\n{markdown_table(header, lines)}\n\n{legend(summary)}\n\n{command}\n"


def latex(summary: ComparisonSummary, target: int | None = None, sort: str = "h") -> str:
    """Format the table in LaTeX; it needs the package booktabs."""
    header, rows = _cells(summary, target, sort)
    lines = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", r"\toprule"]
    lines += [f"{' & '.join(map(latex_escape, header))} \\\\", r"\midrule"]
    for number, (top, below) in enumerate(rows):
        lines.append(f"{' & '.join(map(latex_escape, top))} \\\\")
        if any(below):
            small = [rf"\scriptsize {latex_escape(cell)}" if cell else "" for cell in below]
            lines.append(f"{' & '.join(small)} \\\\")
        lines += [r"\midrule"] if number == 0 else []
    caption = latex_escape(f"{summary['title']} ({_scope(summary, target)}). {legend(summary)}")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", rf"\caption{{{caption}}}", r"\end{table}", ""])


def as_csv(summary: ComparisonSummary, sort: str = "h") -> str:
    """Write every figure, unrounded, a line for each row and target and one over all: mean and spread side by side."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = [(column["key"], part) for column in summary["columns"] for part in ("before", "after", "ratio")]
    names = [*LEAD, *COST, *(f"{key}_{part}" for key, part in keys)]
    pairs = [f"{name}_{kind}" for name in names for kind in ("mean", "spread")]
    writer.writerow(["row", "method", "preset", "target", "runs", *map(csv_safe, pairs)])
    scopes = [("all", None), *((target["label"], target["key"]) for target in summary["targets"])]
    for label, target in scopes:
        for row in _ordered(summary, target, sort):
            figures: Mapping[str, Any] = _figures(row, target)
            stats = [figures[name] for name in (*LEAD, *COST)]
            stats += [figures["columns"].get(key, {}).get(part) for key, part in keys]
            values = [value for stat in stats for value in _pair(stat)]
            start = [row["label"], row["method"], row["preset"], label]
            writer.writerow([*map(csv_safe, start), figures["n"], *values])
    return out.getvalue()


def grid(
    summary: ComparisonSummary, target: int | None = None, sort: str = "h"
) -> tuple[list[str], list[tuple[list[str], list[str]]]]:
    """Return the table itself: its header, and of each row the figures and what stands beneath them."""
    return _cells(summary, target, sort)


def check(targets: list[str], target: str | None, sort: str) -> None:
    """Refuse a target or an order that no table will know, before hours are spent. Raises UnknownName."""
    if target not in (None, *targets):
        raise UnknownName("target of this comparison", str(target), targets)
    orders = (*SORTS, *ROLES)
    if sort not in orders and not sort.startswith("eval:"):
        raise UnknownName("order", sort, orders)


def target_key(summary: ComparisonSummary, label: str) -> int:
    """Return the key of the target with that label. Raises UnknownName."""
    keys = {target["label"]: target["key"] for target in summary["targets"]}
    if label not in keys:
        raise UnknownName("target of this comparison", label, keys)
    return keys[label]


def _cells(
    summary: ComparisonSummary, target: int | None, sort: str
) -> tuple[list[str], list[tuple[list[str], list[str]]]]:
    """Header, and for each row its figures and what stands beneath them."""
    header = ["method", "runs", *LEAD.values(), *(column["label"] for column in summary["columns"]), *COST.values()]
    rows = []
    for row in _ordered(summary, target, sort):
        figures = _figures(row, target)
        top = [row["label"], str(figures["n"])]
        top += [_number(figures["alpha"], 1, 2), _number(figures["h"], 1, 1), _number(figures["score"], 1, 1)]
        below = [""] * len(top)
        for column in summary["columns"]:
            accuracies = figures["columns"].get(column["key"])
            top.append(_number(accuracies["after"], 100, 1) if accuracies else "")
            below.append(f"({_number(accuracies['ratio'], 100, 1)})" if accuracies else "")
        costs = [_number(figures["seconds"], 1, 1), _number(figures["memory"], 2**-20, 0)]
        top += [*costs, _number(figures["parameters"], 1, 0)]
        rows.append((top, [*below, *[""] * len(COST)]))
    return header, rows


def _ordered(summary: ComparisonSummary, target: int | None, sort: str) -> list[SummaryRow]:
    """The rows in the order asked for, doing nothing first, those without figures last."""
    keys = [column["key"] for column in summary["columns"]]
    if sort not in (*SORTS, *keys):
        raise UnknownName("order", sort, [*SORTS, *keys])
    first, *rows = summary["rows"]
    if sort == "plan":
        return [first, *rows]
    if sort == "label":
        return [first, *sorted(rows, key=lambda row: row["label"].lower())]
    sign = 1 if sort in UPWARDS else -1

    def sort_key(row: SummaryRow) -> tuple[bool, float]:
        figures: Mapping[str, Any] = _figures(row, target)
        stat = figures[sort] if sort in figures else figures["columns"].get(sort, {}).get("ratio")
        return stat is None, sign * stat["mean"] if stat else 0.0

    return [first, *sorted(rows, key=sort_key)]


def _figures(row: SummaryRow, target: int | None) -> Figures:
    return row["all"] if target is None else row["targets"][str(target)]


def _pair(stat: Stat | None) -> tuple[float | str, float | str]:
    """Mean and spread for CSV, blank where there is none."""
    if stat is None:
        return "", ""
    return stat["mean"], "" if stat["spread"] is None else stat["spread"]


def _number(stat: Stat | None, factor: float, digits: int) -> str:
    """Mean and spread as "4.2 ± 1.0"; blank where nothing is known."""
    if stat is None:
        return ""
    mean = f"{factor * stat['mean']:,.{digits}f}"
    return mean if stat["spread"] is None else f"{mean} ± {factor * stat['spread']:,.{digits}f}"


def _scope(summary: ComparisonSummary, target: int | None) -> str:
    done = f"{summary['done']} of {summary['total']} runs"
    if target is None and len(summary["targets"]) > 1:
        return f"mean over {len(summary['targets'])} targets; {done}"
    label = next(entry["label"] for entry in summary["targets"] if target in (None, entry["key"]))
    return f"{label}; {done}"


def legend(summary: ComparisonSummary) -> str:
    """Say what the figures of a table are."""
    chance = f"chance {100 * summary['chance']:.1f} %; " if summary["chance"] is not None else ""
    return (
        "Accuracies on test images in percent at each run's suggested alpha (the share of the original), with what is "
        f"left of the original's beneath; {chance}± is the standard deviation over runs."
    )
