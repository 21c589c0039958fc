"""Models and pages written by commands: where to, and what is said meanwhile and afterwards."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.cli.options import Parser, add_json
from clipforget.cli.terminal import Bar, emit
from clipforget.files import atomic

if TYPE_CHECKING:
    from clipforget.models.export.bundle import Files


def add_out(parser: Parser, default: str) -> None:
    """Add the folder to write, --force and --json."""
    parser.add_argument("-o", "--out", metavar="DIR", help=f"the folder to write (default: {default})")
    parser.add_argument("--force", action="store_true", help="take a folder that is not empty, and replace these files")
    add_json(parser, "print what was written as one JSON document")


def write_model(args: argparse.Namespace, make: Callable[[str], tuple[str, Files]]) -> Path:
    """Make the files of a model and write them where --out says, by default under their own name; return the folder.

    make gets the name that --out gives to the folder, "" without it, and returns a name and the files. Raises BadModel
    for a folder that cannot be taken, before anything is loaded.
    """
    from clipforget.models.export.bundle import check_folder, size_of, write_folder

    named = check_folder(Path(args.out), args.force).name if args.out else ""
    bar = Bar()
    try:
        bar.draw("Loading the model ...", 0, None)
        name, files = make(named)
        out = Path(args.out or name)

        def show(done: int, total: int) -> None:
            bar.draw(f"{done / 2**20:,.0f} of {total / 2**20:,.0f} MiB written", done, total)

        out = write_folder(files, out, force=args.force, progress=show)
    finally:
        bar.close()
    size = size_of(files)
    text = f"Wrote {out} ({size / 2**20:,.1f} MiB); its README.md says how to load it."
    emit(args.json, {"folder": str(out), "files": list(files), "bytes": size}, text)
    return out


def write_page(path: Path, text: str) -> None:
    """Write a page and say so. Raises FileProblem where the file cannot be written."""
    with atomic(path) as draft:
        draft.write_text(text, encoding="utf-8")
    print(f"Wrote {path}.")
