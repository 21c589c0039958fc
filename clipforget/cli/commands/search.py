"""`search`: the images of a run that a text finds, before and after."""

from __future__ import annotations

import argparse
from itertools import zip_longest
from typing import TypedDict

from clipforget.cli import report
from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json, add_runs, run_id, workspace_of
from clipforget.cli.terminal import emit
from clipforget.errors import BadQuery
from clipforget.evaluation.documents import GalleryListing
from clipforget.tabular import table


class Hit(TypedDict):
    """An image by its number in the gallery, what it shows, and its cosine with the text."""

    id: int
    label: str
    role: str
    cosine: float


def add_options(parser: Parser) -> None:
    """Add the run, the text, the alpha and how many images."""
    parser.add_argument("id", metavar="ID", help="a run, as `runs` lists them, or `last`")
    parser.add_argument("text", metavar="TEXT", help='what to look for, e.g. "a photo of an airplane"')
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    parser.add_argument("-k", type=int, default=24, metavar="K", help="how many images, 1 to 24 (default: 24)")
    add_runs(parser)
    add_json(parser)


@command("search", add_options, order=5)
def search(args: argparse.Namespace) -> None:
    """Search the images of a run before and after."""
    from clipforget.evaluation.refusal import refusal_message

    if not 1 <= args.k <= 24:
        raise BadQuery(f"-k must be a whole number from 1 to 24; it is {args.k}.")
    workspace = workspace_of(args)
    id = run_id(workspace, args.id)
    view = workspace.finished_run(id).view()
    index = report.alpha_index(view, args.alpha)
    pack = workspace.query(id, text=args.text)
    before, after = pack["before"], pack["after"]
    hits = {
        "before": _hits(view["gallery"], before["ids"], before["cosines"], args.k),
        "after": _hits(view["gallery"], after["ids"][index], after["cosines"][index], args.k),
    }
    both = len({hit["id"] for hit in hits["before"]} & {hit["id"] for hit in hits["after"]})
    refused = None if after["ids"][index] else pack.get("refused")
    rows = [
        [str(rank), *(cell for hit in pair for cell in ((f"{hit['cosine']:.3f}", _marked(hit)) if hit else ("", "")))]
        for rank, pair in enumerate(zip_longest(hits["before"], hits["after"]), start=1)
    ]
    alpha = view["alphas"][index]
    header = ("rank", "cosine", "before (original)", "cosine", f"after (alpha {alpha:.2f})")
    targets = {side: sum(hit["role"] == "forget" for hit in side_hits) for side, side_hits in hits.items()}
    foot = f"* to be forgotten: {targets['before']} before, {targets['after']} after; on both sides: {both}"
    if refused:
        foot = f"{refusal_message(refused)} {foot}"
    if note := pack.get("note"):
        foot = f"{foot}\n{note}"
    result = {"id": id, "query": args.text, "note": note, "alpha": alpha, "refused": refused, **hits}
    emit(args.json, result, f"{table(header, rows, numbers=(0, 1, 3))}\n\n{foot}")


def _hits(gallery: GalleryListing, ids: list[int], cosines: list[float], k: int) -> list[Hit]:
    return [_hit(gallery, id, cosine) for id, cosine in zip(ids[:k], cosines[:k], strict=True)]


def _hit(gallery: GalleryListing, id: int, cosine: float) -> Hit:
    _, superclass, subgroup, style, role = gallery["items"][id]
    levels = ((gallery["superclasses"], superclass), (gallery["subgroups"], subgroup), (gallery["styles"], style))
    label = "/".join(names[number] for names, number in levels if number >= 0)
    return {"id": id, "label": label, "role": gallery["roles"][role], "cosine": cosine}


def _marked(hit: Hit) -> str:
    return f"{'*' if hit['role'] == 'forget' else ' '} {hit['label']}"
