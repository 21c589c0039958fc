"""A run's figures at one alpha, as plain records, a table for the terminal or a table in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clipforget.cli.terminal import PROG, clock
from clipforget.evaluation.documents import Estimate, RunCost, found_sentence
from clipforget.runs.config import shown_command
from clipforget.tabular import markdown, ordinal, table, with_article

if TYPE_CHECKING:
    from clipforget.runs.audited import AuditsView
    from clipforget.workspace.documents import ListedComparison, RunEntry, RunView
    from clipforget.workspace.figures import RetrievalFigures, RunFigures, SetFigures

HEADER = ("set", "images", "before", "after", "kept")
RANKED = ("prompt", "score", "before", "after")
COMPARED = ("forget", "alpha", "target accuracy", "siblings kept", "others kept", "H", "Score", "command")


def state(entry: RunEntry | ListedComparison) -> str:
    """Return the state of a run or a comparison for a list, with its place in line while it waits."""
    position = entry.get("position")
    return f"{entry['state']}, {ordinal(position)}" if position else entry["state"]


def audits_text(audits: AuditsView) -> str:
    """Format the primary figures of the audits that have been run, and their verdicts; empty without any."""
    from clipforget.runs.audited import HEADER, audit_rows, audit_sentences

    rows = audit_rows(audits, controls=False)
    if not rows:
        return "".join(f"\n\n{sentence}" for sentence in audit_sentences(audits))
    title = f"Audits at alpha {audits['alpha']:.2f}: gone, or only hidden?"
    return "\n".join(["", "", title, "", table(HEADER, rows), "", *audit_sentences(audits)])


def text(view: RunView, alpha: float | None = None) -> str:
    """Format the figures for a terminal."""
    from clipforget.workspace.figures import alpha_index, run_figures  # numpy waits, so that --help is quick

    figures = run_figures(view, alpha)
    nothing, agreement, retrieval = figures["do_nothing"], figures["bound"]["agreement"], figures["retrieval"]
    between = "" if agreement == 1.0 else f"; interpolated, measured top-24 agreement {percent(agreement)}"
    lines = [
        f"{figures['title']}  at alpha {figures['alpha']:.2f}{_suggested(figures)}{between}",
        found_sentence(view["found"], view["target"], alpha_index(view, alpha)),
        *_audited(figures),
        "",
        table(HEADER, [_cells(row) for row in figures["rows"]], numbers=(1, 4)),
        "",
        *([table(RANKED, _ranked_cells(retrieval), numbers=(2, 3)), ""] if retrieval else []),
        f"H {figures['h']:.1f}, Score {figures['score']:.1f}"
        f" (doing nothing: H {nothing['h']:.1f}, Score {nothing['score']:.1f}); chance {percent(figures['chance'])}",
        *([f"Cost of the method: {cost_text(figures['cost'])}"] if figures["cost"] else []),
        *figures["notes"],
    ]
    return "\n".join(lines)


def percent(share: float) -> str:
    """Format a share in percent with one digit."""
    return f"{100 * share:.1f} %"


def change(before: float, after: float) -> str:
    """Format a share before and after."""
    return f"{percent(before)} -> {percent(after)}"


def cost_text(cost: RunCost) -> str:
    """Format seconds, peak memory and changed weight values of a method in words."""
    changed = f"{cost['parameters']:,} weight values changed"
    return f"{cost['seconds']:.1f} s, {cost['memory'] / 2**20:,.0f} MiB at most, {changed}"


def as_markdown(view: RunView, alpha: float | None = None) -> str:
    """Format the figures as a Markdown table, with a row for doing nothing and the command that repeats the run."""
    from clipforget.workspace.figures import alpha_index, run_figures

    figures = run_figures(view, alpha)
    nothing, retrieval = figures["do_nothing"], figures["retrieval"]
    rows = [_cells(row) for row in figures["rows"]]
    rows += [
        ["H", "", f"{nothing['h']:.1f} (do nothing)", f"{figures['h']:.1f}", ""],
        ["Score", "", f"{nothing['score']:.1f} (do nothing)", f"{figures['score']:.1f}", ""],
    ]
    about = f"At alpha {figures['alpha']:.2f}{_suggested(figures)}, chance {percent(figures['chance'])}"
    time = f", {clock(figures['seconds'])} minutes on {figures['device']}" if figures["seconds"] else ""
    found = found_sentence(view["found"], view["target"], alpha_index(view, alpha))
    notes = "".join(f"{note}\n\n" for note in (found, *_audited(figures), *figures["notes"]))
    ranked = f"{markdown(RANKED, _ranked_cells(retrieval))}\n\n" if retrieval else ""
    return f"{markdown(HEADER, rows)}\n\n{ranked}{notes}{about}{time}:\n\n```\n{shown_command(figures['command'])}\n```"


def comparison(views: Sequence[RunView], alpha: float | None = None) -> str:
    """Format several runs as one Markdown table, a row each with its command, and doing nothing above them."""
    from clipforget.workspace.figures import run_figures

    rows = []
    for view in views:
        figures = run_figures(view, alpha)
        by_key = {row["key"]: row for row in figures["rows"]}
        target = by_key["forget"]
        rows.append(
            [
                ", ".join(view["config"]["forget"]),
                f"{figures['alpha']:.2f}",
                change(target["before"]["value"], target["after"]["value"]),
                *(_retained(by_key[key]) if key in by_key else "" for key in ("siblings", "others")),
                f"{figures['h']:.1f}",
                f"{figures['score']:.1f}",
                f"`{shown_command(figures['command'])}`",
            ]
        )
    score = views[0]["do_nothing"]["score"]
    rows.insert(0, ["do nothing", "1.00", "", percent(1.0), percent(1.0), "0.0", f"{score:.1f}", ""])
    return markdown(COMPARED, rows)


def _audited(figures: RunFigures) -> list[str]:
    """What the audits come to, where they were made, and how to make them; nothing of a run just made."""
    if (audits := figures.get("audits")) is None:
        return []
    at = f"Audits at alpha {audits['alpha']:.2f}: " if audits["audited"] else ""
    those = f" ({', '.join(audits['failed'])})" if audits["failed"] else ""
    return [f"{at}{audits['sentence'].rstrip('.')}{those}. To audit it: {PROG} audit {figures['id']}"]


def _suggested(figures: RunFigures) -> str:
    return " (suggested)" if figures["alpha"] == figures["best"] else ""


def _cells(row: SetFigures) -> list[str]:
    return [row["label"], f"{row['n']:,}", _interval(row["before"]), _interval(row["after"]), _retained(row)]


def _ranked_cells(retrieval: RetrievalFigures) -> list[list[str]]:
    k, rows = retrieval["k"], []
    for row in retrieval["rows"]:
        score = {"recall": f"recall@{k} of {row['n']:,} images", "overlap": f"overlap of the top {k}"}
        texts = row["prompts"]
        prompt = f"{len(texts)} unrelated prompts, mean" if row["level"] == "unrelated" else with_article(texts[0])
        name = score.get(row["score"], f"precision@{k}")
        rows.append([prompt, name, percent(row["before"]), percent(row["after"])])
    return rows


def _retained(row: SetFigures) -> str:
    """The share of the accuracy before that is left, at most 1; blank where there was none."""
    from clipforget.evaluation.metrics import ratio

    return percent(ratio(row["after"]["value"], row["before"]["value"])) if row["before"]["value"] else ""


def _interval(accuracy: Estimate) -> str:
    """An accuracy and its 95 % interval, in percent."""
    return f"{100 * accuracy['value']:5.1f} % [{100 * accuracy['low']:.1f}, {100 * accuracy['high']:.1f}]"
