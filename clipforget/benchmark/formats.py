"""A comparison's table as text, CSV, LaTeX (booktabs) or Markdown, from its summary. No torch.

Doing nothing stands first. Figures at matched forgetting lead, with their intervals beneath; each accuracy at a run's
own alpha has its ratio to the original beneath, as in the tables of arXiv 2506.03117. Accuracies and ratios are printed
in percent.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from textwrap import fill
from typing import Any

from clipforget.benchmark.documents import (
    BY_CLASS_NAME,
    AuditColumn,
    AuditStat,
    ComparisonSummary,
    Difference,
    Figures,
    MatchedStat,
    Stat,
    SummaryRow,
)
from clipforget.data.splits import ROLES
from clipforget.errors import BadQuery, UnknownName
from clipforget.runs.config import shown_command
from clipforget.tabular import csv_safe, latex_escape, table
from clipforget.tabular import markdown as markdown_table

LEAD = "least_10"  # the order of the rows where nobody asks for another
AT_ALPHA = {"h": "H", "score": "Score", "alpha": "alpha"}
COST = {"seconds": "seconds", "memory": "memory", "parameters": "changed"}
SHOWN_COST = {"seconds": "seconds", "parameters": "changed"}  # in CSV and JSON the memory, in bytes, stands too
MATCHED = ("siblings_10", "others_10", "siblings_chance", "others_chance", BY_CLASS_NAME, "area")
GAP = "gap"
SORTS = ("plan", "label", "tier", LEAD, *MATCHED, GAP, *AT_ALPHA, *COST)  # beside the keys of the columns
UPWARDS = ("label", "forget", GAP, "seconds", "memory", "parameters")  # where less is better, or A comes first
VERDICT = "verdict"
NEVER_SAW = "a model that never saw it"
MEDIA = {
    "table.csv": "text/csv; charset=utf-8",
    "table.json": "application/json",
    "table.tex": "application/x-tex; charset=utf-8",
    "table.md": "text/markdown; charset=utf-8",
    "report.html": "text/html; charset=utf-8",
}


def text(summary: ComparisonSummary, target: int | None = None, sort: str = LEAD, width: int | None = None) -> str:
    """Format the table for a terminal of so many columns, of one target (its key) or over all.

    Raises UnknownName for an unknown order.
    """
    header, rows = _cells(summary, target, sort)
    lines = [line for row in rows for line in row if any(line)]
    about = f"{summary['title']}  ({_scope(summary, target)})"
    notes = [f"{row['label']}: {note}" for row in summary["rows"] for note in row["notes"]]
    numbers = [i for i, name in enumerate(header) if name not in ("method", VERDICT)]
    words = [fill(line, width) if width else line for line in (legend(summary), *notes)]
    return "\n".join([about, "", table(header, lines, numbers, width), "", *words])


def markdown(summary: ComparisonSummary, target: int | None = None, sort: str = LEAD) -> str:
    """Format the table in Markdown, with the command that repeats it."""
    header, rows = _cells(summary, target, sort)
    lines = [[f"{top}<br>{below}" if below else top for top, below in zip(*row, strict=True)] for row in rows]
    about = f"**{summary['title']}** ({_scope(summary, target)})"
    command = f"```\n{shown_command(summary['command'])}\n```"
    return f"{about}\n\n{markdown_table(header, lines)}\n\n{legend(summary)}\n\n{command}\n"


def latex(summary: ComparisonSummary, target: int | None = None, sort: str = LEAD) -> str:
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


def as_csv(summary: ComparisonSummary, sort: str = LEAD) -> str:
    """Write every figure, unrounded, a line for each row and target and one over all: mean and spread side by side."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = [(column["key"], part) for column in summary["columns"] for part in ("before", "after", "ratio")]
    audits = [(column["key"], part) for column in summary["audits"] for part in AuditStat.__annotations__]
    names = [*AT_ALPHA, *COST, *(f"{key}_{part}" for key, part in keys)]
    names += [GAP, *(f"{key}_{part}" for key, part in audits)]
    matched = list(dict.fromkeys(key for row in summary["rows"] for key in row["all"]["matched"]))
    heads = [f"{name}_{kind}" for name in matched for kind in ("mean", "low", "high", "worst")]
    heads += ["rival", *(f"difference_{kind}" for kind in ("mean", "low", "high"))]
    heads += [f"{name}_{kind}" for name in names for kind in ("mean", "spread")]
    about = ["row", "method", "tier", "preset", "target", "runs", "rank", "tier_rank"]
    forgot = [f"forgot_{level}" for level in summary["rows"][0]["all"]["forgot"]]
    writer.writerow([*about, *forgot, "collapsed", *map(csv_safe, heads)])
    scopes = [("all", None), *((target["label"], target["key"]) for target in summary["targets"])]
    for label, target in scopes:
        for row in _ordered(summary, target, sort):
            figures: Mapping[str, Any] = _figures(row, target)
            stats = [figures[name] for name in (*AT_ALPHA, *COST)]
            stats += [figures["columns"].get(key, {}).get(part) for key, part in keys]
            stats += [figures[GAP], *(figures["audits"].get(key, {}).get(part) for key, part in audits)]
            values = [
                figures["matched"].get(key, {}).get(kind, "") for key in matched for kind in MatchedStat.__annotations__
            ]
            values += [(figures["difference"] or {}).get(kind, "") for kind in Difference.__annotations__]
            values += [value for stat in stats for value in _pair(stat)]
            start = [csv_safe(row["label"]), csv_safe(row["method"]), _plain(row["tier"]), csv_safe(row["preset"])]
            counts = [figures["n"], *(_plain(figures[name]) for name in ("rank", "tier_rank"))]
            counts += [*figures["forgot"].values(), figures["collapsed"]]
            writer.writerow([*start, csv_safe(label), *counts, *values])
    return out.getvalue()


def grid(
    summary: ComparisonSummary, target: int | None = None, sort: str = LEAD
) -> tuple[list[str], list[tuple[list[str], list[str]]]]:
    """Return the table itself: its header, and of each row the figures and what stands beneath them."""
    return _cells(summary, target, sort)


def check(targets: list[str], target: str | None, sort: str) -> None:
    """Refuse a target or an order that no table will know, before hours are spent. Raises UnknownName."""
    if target not in (None, *targets):
        raise UnknownName("target of this comparison", str(target), targets)
    orders = (*SORTS, *ROLES)
    if sort not in orders and not sort.startswith("eval:"):  # an evaluation set's is known with the first run
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
    rows = _ordered(summary, target, sort)
    counts = {_figures(row, target)["n"] for row in rows[1:]}
    several = ["worst target"] if target is None and len(summary["targets"]) > 1 else []
    lead, *matched = summary["matched"]
    header = ["method", "tier", "rank (in tier)", *(["runs"] if len(counts) > 1 else [])]
    header += [lead["label"], *several, *(column["label"] for column in matched), "to best rival", VERDICT]
    header += ["gap to reference"] * bool(summary["audits"])
    header += [name for column in summary["audits"] for name in _audit_names(column)]
    header += [*AT_ALPHA.values(), *(column["label"] for column in summary["columns"]), *SHOWN_COST.values()]
    lines = []
    for row in rows:
        figures = _figures(row, target)
        cells = [
            (row["label"], ""),
            (_plain(row["tier"]), ""),
            (_plain(figures["rank"]), f"({figures['tier_rank']})" if figures["tier_rank"] else ""),
        ]
        cells += [(str(figures["n"]), "")] if len(counts) > 1 else []
        cells.append(_matched_cell(figures, lead["key"]))
        cells += [(_worst(figures, lead["key"]), "")] if several else []
        cells += [_matched_cell(figures, column["key"]) for column in matched]
        cells += [_difference_cell(figures["difference"]), (figures["verdict"], "")]
        cells += _audit_cells(summary, figures)
        cells += [(_number(figures["h"], 1, 1), ""), (_number(figures["score"], 1, 1), "")]
        cells += [(_number(figures["alpha"], 1, 2), "")]
        for column in summary["columns"]:
            accuracies = figures["columns"].get(column["key"])
            after, kept = (accuracies["after"], accuracies["ratio"]) if accuracies else (None, None)
            cells.append((_number(after, 100, 1), f"({_number(kept, 100, 1)})" if accuracies else ""))
        cells += [(_number(figures["seconds"], 1, 1), ""), (_number(figures["parameters"], 1, 0), "")]
        top, below = zip(*cells, strict=True)
        lines.append((list(top), list(below)))
    reference = [_reference_cell(summary, target, name) for name in header]
    return header, [*lines, (reference, [""] * len(header))] if any(reference[1:]) else lines


def _audit_cells(summary: ComparisonSummary, figures: Figures) -> list[tuple[str, str]]:
    """The average gap to the reference, and each audit's primary figure with its gap beneath."""
    if not summary["audits"]:
        return []
    cells = [(_number(figures["gap"], 100, 1), "")]
    for column in summary["audits"]:
        found = figures["audits"].get(column["key"])
        gap = _number(found["gap"], 100, 1) if found else ""
        cells.append((_audit_number(column, found["value"] if found else None), f"({gap})" if gap else ""))
        if column["follows"]:
            cells.append((_audit_number(column, found["matched"] if found else None), ""))
    return cells


def _audit_names(column: AuditColumn) -> list[str]:
    """The heads of an audit's columns: at the chosen alpha, and at 10 % forget where it follows alpha."""
    return [column["label"], f"{column['label']} at 10 %"][: 1 + column["follows"]]


def _reference_cell(summary: ComparisonSummary, target: int | None, name: str) -> str:
    """A cell of the last row, that of models which never saw the targets; blank but for the audits."""
    if name == "method":
        return NEVER_SAW
    column = next((column for column in summary["audits"] if column["label"] == name), None)
    found = _figures(summary["rows"][0], target)["audits"].get(column["key"]) if column else None
    return _audit_number(column, found["reference"]) if column and found else ""


def _audit_number(audit: AuditColumn, stat: Stat | None) -> str:
    """The mean and spread of an audit's primary figure in its unit."""
    return _number(stat, 100 if audit["share"] else 1, 1)


def _matched_cell(figures: Figures, key: str) -> tuple[str, str]:
    """A figure at matched forgetting, its interval beneath; a dash where no run comes down to the level."""
    found = figures["matched"].get(key)
    if found is None:
        return "", ""
    if _never(figures, key):
        return "-", ""
    return f"{100 * found['mean']:.1f}", _interval(found["low"], found["high"])


def _never(figures: Figures, key: str) -> bool:
    """Whether no run comes down to the level of a figure."""
    return figures["forgot"].get(key.rpartition("_")[2]) == 0


def _worst(figures: Figures, key: str) -> str:
    found = figures["matched"].get(key)
    return "" if found is None or _never(figures, key) else f"{100 * found['worst']:.1f}"


def _difference_cell(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return "", ""
    return f"{100 * difference['mean']:+.1f}", _interval(difference["low"], difference["high"])


def _interval(low: float, high: float) -> str:
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def _plain(number: int | None) -> str:
    return "" if number is None else str(number)


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
    if sort in ("tier", LEAD):
        return [first, *sorted(rows, key=lambda row: _place(row, target, by_tier=sort == "tier"))]
    sign = 1 if sort in UPWARDS else -1

    def sort_key(row: SummaryRow) -> tuple[bool, float]:
        figures: Mapping[str, Any] = _figures(row, target)
        stat = figures["matched"].get(sort) or figures.get(sort) or figures["columns"].get(sort, {}).get("ratio")
        return stat is None, sign * stat["mean"] if stat else 0.0

    return [first, *sorted(rows, key=sort_key)]


def _place(row: SummaryRow, target: int | None, by_tier: bool) -> tuple[float, float]:
    """Where a row stands among all, or among those of its tier, tier by tier."""
    figures = _figures(row, target)
    tier, rank = row["tier"], figures["tier_rank" if by_tier else "rank"]
    return (-1 if tier is None else tier) if by_tier else 0, math.inf if rank is None else rank


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
    chance = f" Chance is {100 * summary['chance']:.1f} %." if summary["chance"] is not None else ""
    named = any(column["key"] == BY_CLASS_NAME for column in summary["matched"])
    sentences = [
        "Kept: the share of the original's accuracy on test images where forget accuracy has come down to 10 %, or to "
        f"chance.{chance} Area: that under the least kept against the forgotten share.",
        *["By class name: at 10 % where the class's name alone is asked for, and not the target's own."] * named,
        "Beneath stand 95 % intervals (bootstrap over targets and images). A run that never comes down keeps 0; "
        "a dash: none does. Ranks go by the least kept at 10 %. To best rival: that less the best other row's, paired.",
        "From H on each run is read at its own suggested alpha, the share of the original. Beneath an accuracy stands "
        "what is left of the original's. The sign ± gives the standard deviation over runs.",
        "Tier: 0 uses names alone, 1 the target's images, 2 its siblings' too, 3 all labelled ones.",
    ]
    if summary["audits"]:
        sentences.append(
            "Audits: the primary figure of each, at the suggested alpha or at a forget accuracy of 10 %; beneath, its "
            "distance to that of a model that never saw the target. "
            "Gap to reference: the mean distance, each as a share of the audit's range, 0 to 100; smaller is better."
        )
    return " ".join([*sentences, *summary["reasons"]])


def into(content: str, mark: str, table_text: str) -> str:
    """Put a table between `<!-- mark -->` and `<!-- /mark -->` of a Markdown text. Raises BadQuery without these."""
    start, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    before, opened, rest = content.partition(start)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise BadQuery(f"The file has no lines '{start.strip()}' and '{end}' for the table to stand between; add them.")
    return f"{before}{start}{table_text}{end}{after}"
