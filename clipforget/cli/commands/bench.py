"""`bench`: speed and agreement, measured on this machine."""

from __future__ import annotations

import argparse
import sys

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json, add_runs, run_id, workspace_of
from clipforget.cli.terminal import emit
from clipforget.tabular import table


def add_options(parser: Parser) -> None:
    """Add the run to measure on."""
    parser.add_argument("--run", metavar="ID", default="last", help="the finished run to measure on (default: last)")
    add_runs(parser)
    add_json(parser)


@command("bench", add_options, order=13)
def bench(args: argparse.Namespace) -> None:
    """Measure speed and agreement on this machine."""
    from clipforget.workspace.bench import measure

    workspace = workspace_of(args)
    figures = []
    for figure in measure(workspace, run_id(workspace, args.run)):
        print(f"{figure.name} ...", file=sys.stderr, flush=True)
        figures.append(figure)
    rows = [[figure.name, figure.value, figure.note] for figure in figures]
    emit(args.json, {"figures": [vars(figure) for figure in figures]}, table(("what", "measured", "how"), rows))
