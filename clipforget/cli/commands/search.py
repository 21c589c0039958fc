"""`search`: the images of a run that a text finds, before and after."""

from __future__ import annotations

import argparse
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json, add_runs, run_id, workspace_of
from clipforget.cli.terminal import emit
from clipforget.data.splits import ROLES
from clipforget.errors import BadQuery
from clipforget.files import atomic
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.workspace.results import Hit


def add_options(parser: Parser) -> None:
    """Add the run, the text, the alpha and how many images."""
    parser.add_argument("id", metavar="ID", help="a run, as `runs` lists them, or `last`")
    parser.add_argument(
        "text", metavar="TEXT", help='what to look for: "a photo of an airplane", or a sum of texts: "a dog - a sketch"'
    )
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    parser.add_argument("-k", type=int, default=24, metavar="K", help="how many images, 1 to 48 (default: 24)")
    parser.add_argument("--role", choices=ROLES, default="", help="only images of this role")
    parser.add_argument("--png", metavar="FILE", help="also draw both grids into this file")
    add_runs(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--csv", action="store_true", help="print CSV instead of a table")
    add_json(how)


@command("search", add_options, order=5)
def search(args: argparse.Namespace) -> None:
    """Search the images of a run before and after."""
    from clipforget.evaluation.refusal import refusal_message
    from clipforget.workspace.pages import LONGEST_PAGE, Page
    from clipforget.workspace.results import as_csv

    if not 1 <= args.k <= LONGEST_PAGE:
        raise BadQuery(f"-k must be a whole number from 1 to {LONGEST_PAGE}; it is {args.k}.")
    workspace = workspace_of(args)
    id = run_id(workspace, args.id)
    found = workspace.search(id, args.alpha, Page(count=args.k, role=args.role), text=args.text)
    hits = {"before": found["before"], "after": found["after"]}
    both = len({hit["id"] for hit in hits["before"]} & {hit["id"] for hit in hits["after"]})
    if args.png:
        with atomic(Path(args.png)) as draft:
            draft.write_bytes(workspace.results_png(found, workspace.finished_run(id).view()))
    if args.csv:
        print(as_csv(found), end="")
        return
    rows = [
        [str(rank), *(cell for hit in pair for cell in ((f"{hit['cosine']:.3f}", _marked(hit)) if hit else ("", "")))]
        for rank, pair in enumerate(zip_longest(hits["before"], hits["after"]), start=1)
    ]
    header = ("rank", "cosine", "before (original)", "cosine", f"after (alpha {found['alpha']:.2f})")
    targets = {side: sum(hit["role"] == "forget" for hit in side_hits) for side, side_hits in hits.items()}
    foot = f"* to be forgotten: {targets['before']} before, {targets['after']} after; on both sides: {both}"
    if found["refused"]:
        foot = f"{refusal_message(found['refused'])} {foot}"
    if found["note"]:
        foot = f"{foot}\n{found['note']}"
    emit(args.json, found, f"{table(header, rows, numbers=(0, 1, 3))}\n\n{foot}")


def _marked(hit: Hit) -> str:
    return f"{'*' if hit['role'] == 'forget' else ' '} {hit['label']}"
