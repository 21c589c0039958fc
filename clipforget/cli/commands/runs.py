"""`runs`: the list of runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from clipforget.cli import report
from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json, add_runs, workspace_of
from clipforget.cli.terminal import PROG, clock, emit
from clipforget.tabular import table
from clipforget.workspace.documents import RunEntry

HEADER = ("run", "state", "forget", "method", "data", "alpha", "forget", "siblings", "others", "time")


def add_options(parser: Parser) -> None:
    """Add --runs and --json."""
    add_runs(parser)
    add_json(parser)


@command("runs", add_options, order=3)
def runs(args: argparse.Namespace) -> None:
    """List the runs, newest first."""
    infos = workspace_of(args).runs()
    rows = [
        [
            info["id"],
            report.state(info),
            ", ".join(info["config"]["forget"]),
            info["config"]["method"],
            Path(info["config"]["data"]).name,
            "" if info["best"] is None else f"{info['best']:.2f}",
            *(_change(info, key) for key in ("forget", "siblings", "others")),
            clock(info["seconds"]),
        ]
        for info in infos
    ]
    hint = f"No runs yet. Start one: {PROG} run --forget airplane/biplane"
    problems = [info["error"] or "" for info in infos if info["state"] == "damaged"]
    text = table(HEADER, rows, numbers=(5, 9)) if rows else hint
    emit(args.json, {"runs": infos}, "\n".join([text, *problems]))


def _change(info: RunEntry, key: str) -> str:
    """Return the accuracy before and after of one row of a run's headline."""
    figures = dict(info["headline"] or {}).get(key)
    return report.change(figures["before"], figures["after"]) if isinstance(figures, dict) else ""
