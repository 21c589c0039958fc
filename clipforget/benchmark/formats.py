"""A comparison's table as text, CSV, LaTeX (booktabs) or Markdown, from its document. No torch.

Doing nothing stands first, H leads, and each figure of a set has its ratio to the original beneath, as in the tables of
arXiv 2506.03117. Accuracies and ratios are printed in percent, memory in MiB.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from clipforget.errors import UnknownName
from clipforget.tabular import csv_safe, latex_escape, table
from clipforget.tabular import markdown as markdown_table

Document = Mapping[str, Any]
LEAD = {"alpha": "alpha", "h": "H", "score": "Score"}
COST = {"seconds": "seconds", "memory": "MiB", "parameters": "changed"}
SORTS = ("plan", "label", *LEAD, *COST)  # beside the keys of the columns
UPWARDS = ("label", "forget", "seconds", "memory", "parameters")  # where less is better, or A comes first
MEDIA = {
    "table.csv": "text/csv; charset=utf-8",
    "table.json": "application/json",
    "table.tex": "application/x-tex; charset=utf-8",
    "table.md": "text/markdown; charset=utf-8",
}


def text(document: Document, target: int | None = None, sort: str = "h") -> str:
    """The table for a terminal, of one target (its key) or over all. Raises UnknownName for an unknown order."""
    header, rows = _cells(document, target, sort)
    lines = [line for row in rows for line in row if any(line)]
    about = f"{document['title']}  ({_scope(document, target)})"
    notes = [f"{row['label']}: {note}" for row in document["rows"] for note in row["notes"]]
    return "\n".join([about, "", table(header, lines, numbers=range(1, len(header))), "", _legend(document), *notes])


def markdown(document: Document, target: int | None = None, sort: str = "h") -> str:
    """The table in Markdown, with the command that repeats it."""
    header, rows = _cells(document, target, sort)
    lines = [[f"{top}<br>{below}" if below else top for top, below in zip(*row, strict=True)] for row in rows]
    about = f"**{document['title']}** ({_scope(document, target)})"
    command = f"```\n{document['command']}\n```"
    return f"{about}\n\n{markdown_table(header, lines)}\n\n{_legend(document)}\n\n{command}\n"


def latex(document: Document, target: int | None = None, sort: str = "h") -> str:
    """The table in LaTeX; it needs the package booktabs."""
    header, rows = _cells(document, target, sort)
    lines = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", r"\toprule"]
    lines += [f"{' & '.join(map(latex_escape, header))} \\\\", r"\midrule"]
    for number, (top, below) in enumerate(rows):
        lines.append(f"{' & '.join(map(latex_escape, top))} \\\\")
        if any(below):
            small = [rf"\scriptsize {latex_escape(cell)}" if cell else "" for cell in below]
            lines.append(f"{' & '.join(small)} \\\\")
        lines += [r"\midrule"] if number == 0 else []
    caption = latex_escape(f"{document['title']} ({_scope(document, target)}). {_legend(document)}")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", rf"\caption{{{caption}}}", r"\end{table}", ""])


def as_csv(document: Document, sort: str = "h") -> str:
    """Every figure, unrounded, a line for each row and target and one over all: mean and spread side by side."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = [(column["key"], part) for column in document["columns"] for part in ("before", "after", "ratio")]
    names = [*LEAD, *COST, *(f"{key}_{part}" for key, part in keys)]
    pairs = [f"{name}_{kind}" for name in names for kind in ("mean", "spread")]
    writer.writerow(["row", "method", "preset", "target", "runs", *map(csv_safe, pairs)])
    scopes = [("all", None), *((target["label"], target["key"]) for target in document["targets"])]
    for label, target in scopes:
        for row in _ordered(document, target, sort):
            figures = _figures(row, target)
            stats = [figures[name] for name in (*LEAD, *COST)]
            stats += [figures["columns"].get(key, {}).get(part) for key, part in keys]
            values = [value for one in stats for value in _pair(one)]
            start = [row["label"], row["method"], row["preset"], label]
            writer.writerow([*map(csv_safe, start), figures["n"], *values])
    return out.getvalue()


def check(targets: list[str], target: str | None, sort: str) -> None:
    """Refuse a target or an order that no table will know, before hours are spent. Raises UnknownName."""
    if target not in (None, *targets):
        raise UnknownName("target of this comparison", str(target), targets)
    known = (*SORTS, "forget", "siblings", "others")
    if sort not in known and not sort.startswith("shifted:"):
        raise UnknownName("order", sort, known)


def target_key(document: Document, label: str) -> int:
    """The key of the target with that label. Raises UnknownName."""
    known = {target["label"]: target["key"] for target in document["targets"]}
    if label not in known:
        raise UnknownName("target of this comparison", label, known)
    return known[label]


def _cells(document: Document, target: int | None, sort: str) -> tuple[list[str], list[tuple[list[str], list[str]]]]:
    """Header, and for each row its figures and what stands beneath them."""
    header = ["method", "runs", *LEAD.values(), *(column["label"] for column in document["columns"]), *COST.values()]
    rows = []
    for row in _ordered(document, target, sort):
        figures = _figures(row, target)
        top = [row["label"], str(figures["n"])]
        top += [_number(figures["alpha"], 1, 2), _number(figures["h"], 1, 1), _number(figures["score"], 1, 1)]
        below = [""] * len(top)
        for column in document["columns"]:
            found = figures["columns"].get(column["key"], {})
            top.append(_number(found.get("after"), 100, 1))
            below.append(f"({_number(found['ratio'], 100, 1)})" if found else "")
        costs = [_number(figures["seconds"], 1, 1), _number(figures["memory"], 2**-20, 0)]
        top += [*costs, _number(figures["parameters"], 1, 0)]
        rows.append((top, [*below, *[""] * len(COST)]))
    return header, rows


def _ordered(document: Document, target: int | None, sort: str) -> list[Mapping[str, Any]]:
    """The rows in the order asked for, doing nothing first, those without figures last."""
    keys = [column["key"] for column in document["columns"]]
    if sort not in (*SORTS, *keys):
        raise UnknownName("order", sort, [*SORTS, *keys])
    first, *rows = document["rows"]
    if sort == "plan":
        return [first, *rows]
    if sort == "label":
        return [first, *sorted(rows, key=lambda row: row["label"].lower())]
    sign = 1 if sort in UPWARDS else -1

    def place(row: Mapping[str, Any]) -> tuple[bool, float]:
        figures = _figures(row, target)
        found = figures[sort] if sort in figures else figures["columns"].get(sort, {}).get("ratio")
        return found is None, sign * found["mean"] if found else 0.0

    return [first, *sorted(rows, key=place)]


def _figures(row: Mapping[str, Any], target: int | None) -> Mapping[str, Any]:
    return row["all"] if target is None else row["targets"][str(target)]


def _pair(stat: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Mean and spread for CSV, blank where there is none."""
    found = stat or {"mean": None, "spread": None}
    return tuple("" if found[name] is None else found[name] for name in ("mean", "spread"))  # type: ignore[return-value]


def _number(stat: Mapping[str, Any] | None, factor: float, digits: int) -> str:
    """Mean and spread as "4.2 ± 1.0"; blank where nothing is known."""
    if stat is None:
        return ""
    mean = f"{factor * stat['mean']:,.{digits}f}"
    return mean if stat["spread"] is None else f"{mean} ± {factor * stat['spread']:,.{digits}f}"


def _scope(document: Document, target: int | None) -> str:
    done = f"{document['done']} of {document['total']} runs"
    if target is None and len(document["targets"]) > 1:
        return f"mean over {len(document['targets'])} targets; {done}"
    chosen = next(one for one in document["targets"] if target in (None, one["key"]))
    return f"{chosen['label']}; {done}"


def _legend(document: Document) -> str:
    chance = f"chance {100 * document['chance']:.1f} %; " if document["chance"] is not None else ""
    return (
        "Accuracies on test images in percent at each run's suggested alpha (the share of the original), with what is "
        f"left of the original's beneath; {chance}± is the standard deviation over runs."
    )
