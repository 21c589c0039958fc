"""`data`: what there is to forget in."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json
from clipforget.cli.terminal import PROG, Bar, emit
from clipforget.data.names import coded_note
from clipforget.errors import BadQuery
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.data.dataset import Dataset


def add_options(parser: Parser) -> None:
    """Add the name of a data set, or `build sketchbook OUT`."""
    parser.usage = f"{PROG} data [NAME] [--json] | data build sketchbook OUT"
    parser.add_argument("words", nargs="*", metavar="NAME", help="a known set, a folder or a .tar; without: the list")
    add_json(parser)


@command("data", add_options, order=6)
def data(args: argparse.Namespace) -> None:
    """List data sets, describe one, or build the embedded one."""
    from clipforget.data.catalogue import DATASETS, load_dataset

    if args.words[:1] == ["build"]:
        _build(args.words[1:])
    elif len(args.words) > 1:
        raise BadQuery("Name one data set; quote a path with spaces.")
    elif not args.words:
        paths = {name: str(entry.path or entry.title) for name, entry in DATASETS.load().items()}
        more = "Any folder or .tar of train|test/<superclass>/<subgroup>/*.jpg is named by its path."
        listed = table(("name", "where"), [list(row) for row in paths.items()])
        emit(args.json, {"data": paths}, f"{listed}\n\n{more}")
    else:
        dataset = load_dataset(args.words[0])
        emit(args.json, _described(dataset), _counted(dataset))


def _build(words: list[str]) -> None:
    if len(words) != 2 or words[0] != "sketchbook":
        raise BadQuery(f"Only the embedded set can be built: {PROG} data build sketchbook OUT.")
    from clipforget.data.sketchbook import build

    bar = Bar()
    try:
        count = build(words[1], progress=lambda done, total: bar.draw(f"{done:,} of {total:,} images", done, total))
    finally:
        bar.close()
    bar.write(f"Wrote {count:,} images to {words[1]}.")


def _described(dataset: Dataset) -> dict[str, object]:
    counts = Counter((i.split, i.superclass, i.subgroup) for i in dataset.items)
    return {
        "name": dataset.name,
        "images": len(dataset.items),
        "fingerprint": dataset.fingerprint,
        "template": dataset.template,
        "superclasses": {name: list(dataset.subgroups(name)) for name in dataset.superclasses},
        "styles": list(dataset.styles()),
        "evaluation_sets": list(dataset.evaluation_sets),
        "counts": [{"split": a, "superclass": b, "subgroup": c, "n": n} for (a, b, c), n in counts.items()],
        "note": coded_note(dataset),
        "skipped": [{"file": key, "reason": reason} for key, reason in dataset.skipped],
    }


def _counted(dataset: Dataset) -> str:
    from clipforget.data.dataset import SPLITS

    splits = [*SPLITS, *dataset.evaluation_sets]
    counts = Counter((item.superclass, item.subgroup, item.split) for item in dataset.items)
    groups = sorted({key[:2] for key in counts})
    rows = [["/".join(filter(None, group)), *(f"{counts[(*group, split)]:,}" for split in splits)] for group in groups]
    rows.append(["all", *(f"{len(dataset.of(split)):,}" for split in splits)])
    lines = [table(("superclass/subgroup", *splits), rows, numbers=range(1, len(splits) + 1))]
    if dataset.styles():
        lines.append(f"styles: {', '.join(dataset.styles())}")
    lines += filter(None, [coded_note(dataset)])
    if dataset.skipped:
        lines.append(f"{len(dataset.skipped):,} files skipped:")
        lines += [f"  {key} {reason}" for key, reason in dataset.skipped[:20]]
        lines += [f"  and {len(dataset.skipped) - 20:,} more (--json lists all)"] if len(dataset.skipped) > 20 else []
    return "\n".join(lines)
