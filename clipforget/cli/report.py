"""A run's figures at one alpha, as plain records, a table for the terminal or a table in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from clipforget.cli.terminal import clock
from clipforget.errors import BadQuery
from clipforget.evaluation.metrics import ratio
from clipforget.soup.path import index_of
from clipforget.tabular import markdown, table
from clipforget.workspace.documents import RunView

HEADER = ("set", "images", "before", "after", "kept")
RANKED = ("prompt", "score", "before", "after")
COMPARED = ("forget", "alpha", "target accuracy", "siblings kept", "others kept", "H", "Score", "command")


def alpha_index(view: RunView, alpha: float | None) -> int:
    """Return the index of the nearest of view["alphas"]; None takes the suggested alpha.

    Raises BadQuery for anything outside 0 to 1.
    """
    if alpha is None:
        alpha = view.get("best") or 0.0
    if not (math.isfinite(alpha) and 0 <= alpha <= 1):
        raise BadQuery("alpha must be a number from 0 (unlearned) to 1 (original).")
    return index_of(alpha, view["alphas"])


def summary(view: RunView, alpha: float | None = None) -> dict[str, Any]:
    """Return the figures of a finished run at an alpha: rows with before and after (shares), H and Score (0 to 100).

    `retrieval` is None for a run that was scored before there was such a part.
    """
    index = alpha_index(view, alpha)
    copied = ("id", "title", "state", "command", "device", "seconds", "cost", "best", "chance", "template")
    rows = [
        {
            **{name: row[name] for name in ("key", "label", "role", "n", "before")},
            "after": {"value": row["after"][index], "low": row["low"][index], "high": row["high"][index]},
        }
        for row in view["rows"]
    ]
    retrieval = view.get("retrieval")
    ranked = [{**row, "after": row["after"][index]} for row in retrieval["rows"]] if retrieval else []
    at_alpha = {"k": retrieval["k"], "rows": ranked} if retrieval else None
    bounds: Mapping[str, Any] = view.get("bound") or {}
    bound = {name: values[index] for name, values in bounds.items()}
    figures = {"alpha": view["alphas"][index], "h": view["h"][index], "score": view["score"][index], "bound": bound}
    about = {name: view.get(name) for name in (*copied, "do_nothing")}
    return {**about, **figures, "rows": rows, "retrieval": at_alpha, "notes": view.get("notes") or []}


def text(view: RunView, alpha: float | None = None) -> str:
    """Format the summary for a terminal."""
    figures = summary(view, alpha)
    nothing = figures["do_nothing"] or {}
    agreement = figures["bound"].get("agreement")
    between = "" if agreement in (None, 1.0) else f"; interpolated, measured top-24 agreement {percent(agreement)}"
    lines = [
        f"{figures['title']}  at alpha {figures['alpha']:.2f}{_suggested(figures)}{between}",
        "",
        table(HEADER, [_cells(row) for row in figures["rows"]], numbers=(1, 4)),
        "",
        *([table(RANKED, _ranked(figures), numbers=(2, 3)), ""] if figures["retrieval"] else []),
        f"H {figures['h']:.1f}, Score {figures['score']:.1f}"
        f" (doing nothing: H {nothing.get('h', 0):.1f}, Score {nothing.get('score', math.nan):.1f});"
        f" chance {percent(figures['chance'])}",
        *([f"Cost of the method: {spent(figures['cost'])}"] if figures["cost"] else []),
        *figures["notes"],
    ]
    return "\n".join(lines)


def percent(share: float) -> str:
    """Format a share in percent with one digit."""
    return f"{100 * share:.1f} %"


def change(before: float, after: float) -> str:
    """Format a share before and after."""
    return f"{percent(before)} -> {percent(after)}"


def spent(cost: dict[str, Any]) -> str:
    """Format seconds, peak memory and changed weight values of a method in words."""
    changed = f"{cost['parameters']:,} weight values changed"
    return f"{cost['seconds']:.1f} s, {cost['memory'] / 2**20:,.0f} MiB at most, {changed}"


def as_markdown(view: RunView, alpha: float | None = None) -> str:
    """Format the summary as a Markdown table, with a row for doing nothing and the command that repeats the run."""
    figures = summary(view, alpha)
    rows = [_cells(row) for row in figures["rows"]]
    nothing = figures["do_nothing"] or {}
    rows += [
        ["H", "", f"{nothing.get('h', 0):.1f} (do nothing)", f"{figures['h']:.1f}", ""],
        ["Score", "", f"{nothing.get('score', math.nan):.1f} (do nothing)", f"{figures['score']:.1f}", ""],
    ]
    about = f"At alpha {figures['alpha']:.2f}{_suggested(figures)}, chance {percent(figures['chance'])}"
    took = f", {clock(figures['seconds'])} minutes on {figures['device']}" if figures["seconds"] else ""
    notes = "".join(f"{note}\n\n" for note in figures["notes"])
    ranked = f"{markdown(RANKED, _ranked(figures))}\n\n" if figures["retrieval"] else ""
    return f"{markdown(HEADER, rows)}\n\n{ranked}{notes}{about}{took}:\n\n```\n{figures['command']}\n```"


def comparison(views: Sequence[RunView], alpha: float | None = None) -> str:
    """Format several runs as one Markdown table, a row each with its command, and doing nothing above them."""
    rows = []
    for view in views:
        figures = summary(view, alpha)
        row = {row["key"]: row for row in figures["rows"]}
        target = row["forget"]
        kept = [_kept(row[key]) if key in row else "" for key in ("siblings", "others")]
        total = [f"{figures['h']:.1f}", f"{figures['score']:.1f}"]
        names = ", ".join(view["config"]["forget"])
        rows.append(
            [
                names,
                f"{figures['alpha']:.2f}",
                change(target["before"]["value"], target["after"]["value"]),
                *kept,
                *total,
                f"`{figures['command']}`",
            ]
        )
    score = views[0]["do_nothing"]["score"]
    rows.insert(0, ["do nothing", "1.00", "", percent(1.0), percent(1.0), "0.0", f"{score:.1f}", ""])
    return markdown(COMPARED, rows)


def _suggested(figures: dict[str, Any]) -> str:
    return " (suggested)" if figures["best"] is not None and figures["alpha"] == figures["best"] else ""


def _cells(row: dict[str, Any]) -> list[str]:
    return [row["label"], f"{row['n']:,}", _interval(row["before"]), _interval(row["after"]), _kept(row)]


def _ranked(figures: dict[str, Any]) -> list[list[str]]:
    """The cells of the retrieval rows."""
    k = figures["retrieval"]["k"]
    rows = []
    for row in figures["retrieval"]["rows"]:
        score = {"recall": f"recall@{k} of {row['n']:,} images", "overlap": f"overlap of the top {k}"}
        texts = row["prompts"]
        prompt = f"{len(texts)} unrelated prompts, mean" if row["level"] == "unrelated" else texts[0]
        shares = [percent(row[side]) for side in ("before", "after")]
        rows.append([prompt, score.get(row["score"], f"precision@{k}"), *shares])
    return rows


def _kept(row: dict[str, Any]) -> str:
    """The share of the accuracy before that is left, at most 1; blank where there was none."""
    return percent(ratio(row["after"]["value"], row["before"]["value"])) if row["before"]["value"] else ""


def _interval(figure: dict[str, Any]) -> str:
    """A share and its 95 % interval, in percent."""
    return f"{100 * figure['value']:5.1f} % [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]"
