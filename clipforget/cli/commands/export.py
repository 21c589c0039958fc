"""`export`: the model of a run, to take away."""

from __future__ import annotations

import argparse
import sys

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_runs, run_id, workspace_of
from clipforget.cli.writing import add_out, write_model
from clipforget.workspace.documents import FORMATS


def add_options(parser: Parser) -> None:
    """Add the run, the alpha, the format and the folder."""
    parser.add_argument("id", metavar="RUN", help="a run, as `runs` lists them, or `last`")
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    about = "the whole model for a library, or only what changed, for `apply` (default: open_clip)"
    parser.add_argument("--format", metavar="|".join(FORMATS), choices=FORMATS, default="open_clip", help=about)
    add_out(parser, "RUN-alphaNNN-FORMAT")
    about = "also upload it to the Hugging Face hub, with your own login; private where it is new"
    parser.add_argument("--push", metavar="USER/NAME", help=about)
    add_runs(parser)


@command("export", add_options, order=5.6)
def export(args: argparse.Namespace) -> None:
    """Write the model of a run for open_clip or transformers, or as a patch."""
    from clipforget.models.export.hub import check_name, push

    if args.push:
        check_name(args.push)
    workspace = workspace_of(args)
    id = run_id(workspace, args.id)
    out = write_model(args, lambda folder: workspace.model_files(id, args.alpha, args.format, args.push or folder))
    if args.push:
        print(f"Uploading to {args.push} ...", file=sys.stderr)
        print(f"It is on the hub: {push(out, args.push)}", file=sys.stderr)
