"""`apply`: a patch put on the original it was made for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_runs
from clipforget.cli.writing import add_out, write_model

if TYPE_CHECKING:
    from clipforget.models.export.bundle import Files


def add_options(parser: Parser) -> None:
    """Add the patch, the model, the alpha and the folder."""
    parser.add_argument("patch", metavar="PATCH", help="a patch that export wrote: its folder or its file")
    parser.add_argument("model", metavar="MODEL", help="the original it was made for, named as for run --model")
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the patch's)")
    add_out(parser, "RUN-alphaNNN-openclip")
    add_runs(parser)


@command("apply", add_options, order=5.7)
def apply(args: argparse.Namespace) -> None:
    """Put a patch on the original model and write the result for open_clip."""

    def make(folder: str) -> tuple[str, Files]:
        from clipforget.models.export.openclip import open_clip_files
        from clipforget.models.export.patch import patch_card, patched, read_patch
        from clipforget.runs.originals import load_original
        from clipforget.soup.arithmetic import soup
        from clipforget.soup.path import check_alpha

        patch, metadata = read_patch(args.patch)
        alpha = check_alpha(float(metadata["alpha"]) if args.alpha is None else args.alpha)
        clip = load_original(args.model, "cpu", Path(args.runs))
        state = clip.model.state_dict()
        delta = patched(state, patch, metadata, clip.fingerprint())
        files = open_clip_files(clip, {**state, **soup(state, delta, alpha)})
        name = f"{metadata.get('run', 'patched')}-alpha{round(100 * alpha):03d}-openclip"
        return name, {"README.md": patch_card(metadata, args.model, alpha, folder or name).encode(), **files}

    write_model(args, make)
