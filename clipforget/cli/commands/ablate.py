"""`ablate`: the rows of `compare` that take a part of the paper's method away."""

from __future__ import annotations

import argparse

from clipforget.cli.commands import command
from clipforget.cli.commands.compare import add_options as add_compare_options
from clipforget.cli.commands.compare import compare
from clipforget.cli.options import Parser


def add_options(parser: Parser) -> None:
    """Add the options of `compare`."""
    add_compare_options(parser)
    parser.description = "The rows of `compare` for the paper's method, targeted, each without one of its parts."


@command("ablate", add_options, order=9)
def ablate(args: argparse.Namespace) -> int:
    """Compare the paper's method with itself, one part taken away at a time."""
    from clipforget.benchmark.ablation import ablation_rows

    args.method = [*ablation_rows(args.preset), *args.method]
    return compare(args)
