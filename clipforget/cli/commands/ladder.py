"""`ladder`: the rows of `compare` from the paper's method up to ours."""

from __future__ import annotations

import argparse

from clipforget.cli.commands import command
from clipforget.cli.commands.compare import add_options as add_compare_options
from clipforget.cli.commands.compare import compare
from clipforget.cli.options import Parser


def add_options(parser: Parser) -> None:
    """Add the options of `compare`."""
    add_compare_options(parser)
    parser.description = "The rows of `compare` from the paper's method, targeted, to ours, one change a row."


@command("ladder", add_options, order=9)
def ladder(args: argparse.Namespace) -> int:
    """Climb from the paper's method to ours, one change a row."""
    from clipforget.benchmark.ladder import ladder_rows

    args.method = [*ladder_rows(), *args.method]
    return compare(args)
