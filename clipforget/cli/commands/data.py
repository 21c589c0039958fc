"""`data`: what there is to forget in."""

from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_fields, add_json
from clipforget.cli.terminal import PROG, Bar, as_started, emit, reading_bar
from clipforget.data.folder import count_files
from clipforget.data.layout import describe_layout
from clipforget.data.names import coded_note
from clipforget.errors import BadQuery
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.data.catalogue import CatalogueEntry
    from clipforget.data.dataset import Dataset


def add_options(parser: Parser) -> None:
    """Add the name of a data set, `download NAME` or `build sketchbook OUT`."""
    parser.usage = (
        f"{PROG} data [NAME] [--levels LEVELS] [--json] | data download NAME [--yes] | data build sketchbook OUT"
    )
    parser.add_argument(
        "words", nargs="*", metavar="NAME", help="a known set, a folder, a .zip or a .tar; without: the list"
    )
    add_fields(parser, "levels")
    parser.add_argument("--yes", action="store_true", help="download without a question: the terms are agreed to")
    add_json(parser)


@command("data", add_options, order=6)
def data(args: argparse.Namespace) -> None:
    """List data sets, describe or download one, or build the embedded one."""
    from clipforget.data.catalogue import load_dataset

    if args.words[:1] == ["build"]:
        _build(args.words[1:])
    elif args.words[:1] == ["download"]:
        _download(args.words[1:], args.yes)
    elif len(args.words) > 1:
        raise BadQuery("Name one data set; quote a path with spaces.")
    elif not args.words:
        _list(args.json)
    else:
        with reading_bar():
            dataset = load_dataset(args.words[0], args.levels)
        emit(args.json, _described(dataset), _counted(dataset))


def _list(as_json: bool) -> None:
    from clipforget.data.catalogue import DATASETS, data_folder

    entries = sorted(DATASETS.load().values(), key=lambda entry: (bool(entry.published), entry.name))
    about = {
        entry.name: {
            "title": entry.title, "where": str(entry.place) if entry.place else "", "on_disk": entry.on_disk,
            "bytes": entry.size, "terms": entry.terms, "download": as_started(entry.command), "get": entry.get,
        }
        for entry in entries
    }  # fmt: skip
    rows = [[entry.name, entry.title, _where(entry)] for entry in entries]
    more = f"""Data sets lie in {data_folder()}, or where CLIPFORGET_DATA says; cifar10:FOLDER reads one from elsewhere.
Any folder, .zip or .tar of pictures is named by its path; `{PROG} data PATH` tells how it is understood."""
    emit(as_json, {"data": about}, f"{table(('name', 'title', 'where'), rows)}\n\n{more}")


def _where(entry: CatalogueEntry) -> str:
    if entry.on_disk:
        return str(entry.place or "")
    return f"not on disk, {entry.size / 1e6:,.0f} MB to download" if entry.download else "not on disk"


def _download(words: list[str], agreed: bool) -> None:
    """Show the terms of a data set, ask, and download it."""
    from clipforget.data.catalogue import DATASETS
    from clipforget.data.download import download

    if len(words) != 1:
        raise BadQuery(f"Name one data set: {PROG} data download cifar10.")
    entry = DATASETS.load()[words[0]]
    if entry.on_disk:
        print(f"{entry.title} is there already: {entry.place}.")
        return
    if entry.download:
        print(f"{entry.offer}\nIt will lie in {entry.place}.")
        if not agreed and not sys.stdin.isatty():
            raise BadQuery(f"If you agree to the terms: {PROG} data download {entry.name} --yes.")
        if not agreed and input("Do you agree? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Nothing was downloaded.")
            return
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what there is of it is taken away
    try:
        download(entry)
    finally:
        signal.signal(signal.SIGTERM, former)
    print(f"{entry.title} lies in {entry.place}; name it {entry.name}.")


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
        "layout": list(describe_layout(dataset)),
        "levels": list(dataset.layout.levels),
        "other_levels": list(dataset.layout.options),
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
    lines += filter(None, [coded_note(dataset), *describe_layout(dataset)])
    lines += [f"To read them as {text.replace(',', ', then ')}: --levels {text}" for text in dataset.layout.options]
    if dataset.skipped:
        lines.append(f"{count_files(len(dataset.skipped))} skipped:")
        lines += [f"  {key} {reason}" for key, reason in dataset.skipped[:20]]
        lines += [f"  and {len(dataset.skipped) - 20:,} more (--json lists all)"] if len(dataset.skipped) > 20 else []
    return "\n".join(lines)
