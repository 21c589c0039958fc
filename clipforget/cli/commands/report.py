"""`report`: a run or a comparison as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_runs, run_id, workspace_of
from clipforget.cli.writing import write_page
from clipforget.errors import BadQuery


def add_options(parser: Parser) -> None:
    """Add the run or comparison, the alpha, the query and the file."""
    parser.add_argument("id", metavar="ID", help="a run or a comparison, or `last` for the last run")
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    parser.add_argument("--query", metavar="TEXT", help="the search it shows (default: the run's first suggestion)")
    parser.add_argument("-o", "--out", metavar="FILE", help="the file to write (default: report-ID.html)")
    add_runs(parser)


@command("report", add_options, order=5.5)
def report(args: argparse.Namespace) -> None:
    """Write a run or a comparison as one HTML file that needs nothing else."""
    workspace = workspace_of(args)
    if args.id in workspace.comparisons.store.ids():
        if args.alpha is not None or args.query is not None:
            raise BadQuery("--alpha and --query belong to the report of a run; each run of a comparison has its own.")
        id, text = args.id, workspace.comparisons.export(args.id, "report.html")[0].decode()
    else:
        id = run_id(workspace, args.id)
        text = workspace.report(id, args.alpha, **({} if args.query is None else {"text": args.query}))
    write_page(Path(args.out or f"report-{id}.html"), text)
