"""What a query finds before and after at one alpha, to take away: as a document, a table or a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict

from clipforget.evaluation.documents import GalleryListing
from clipforget.evaluation.refusal import refusal_message
from clipforget.tabular import csv_safe
from clipforget.workspace.documents import QueryPack, RunView

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS, CELL, CAPTION, GAP, MARGIN = 6, 96, 34, 8, 20  # cells a row; pixels
PAPER, INK, SOFT = "#ffffff", "#1a2030", "#566075"
ROLE_COLOURS = {"forget": "#d1495b", "siblings": "#2e6fb7", "others": "#2a9d6f"}  # as on the page

MEDIA = {  # what can be had of a query
    "results.png": "image/png",
    "results.csv": "text/csv; charset=utf-8",
    "results.json": "application/json",
    "report.html": "text/html; charset=utf-8",
}


class Hit(TypedDict):
    """An image by its number in the gallery, what it shows, and its cosine with the query."""

    id: int
    label: str
    role: str
    cosine: float


class Results(TypedDict):
    """The first hits of a query under the original, and at an alpha; `refused` is the word that is refused there."""

    id: str
    query: str
    note: str | None
    alpha: float
    refused: str | None
    before: list[Hit]
    after: list[Hit]


def results(view: RunView, pack: QueryPack, index: int, k: int = 24) -> Results:
    """Return the first k hits at the alpha of this index among view["alphas"]."""
    before, after = pack["before"], pack["after"]
    return {
        "id": view["id"],
        "query": pack["query"]["label"],
        "note": pack.get("note"),
        "alpha": view["alphas"][index],
        "refused": None if after["ids"][index] else pack.get("refused"),
        "before": _hits(view["gallery"], before["ids"], before["cosines"], k),
        "after": _hits(view["gallery"], after["ids"][index], after["cosines"][index], k),
    }


def as_csv(found: Results) -> str:
    """Write the hits as CSV, a line each; alpha is "original" for those before."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["query", "alpha", "rank", "image", "label", "role", "cosine"])
    for alpha, hits in (("original", found["before"]), (found["alpha"], found["after"])):
        for rank, hit in enumerate(hits, start=1):
            label = csv_safe(hit["label"])
            writer.writerow([csv_safe(found["query"]), alpha, rank, hit["id"], label, hit["role"], hit["cosine"]])
    return out.getvalue()


def draw(found: Results, title: str, open_image: Callable[[int], Image]) -> Image:
    """Draw both grids side by side, labelled, images to be forgotten framed in red; `open_image` takes a hit's id."""
    from PIL import Image, ImageDraw

    rows = -(-max(len(found["before"]), len(found["after"]), 1) // COLUMNS)
    width = COLUMNS * (CELL + GAP) - GAP
    top = MARGIN + 78
    size = (2 * width + 3 * MARGIN + GAP, top + rows * (CELL + CAPTION + GAP) + MARGIN)
    picture = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(picture)
    right = 2 * MARGIN + GAP + width
    whole = size[0] - 2 * MARGIN
    pen.text((MARGIN, MARGIN - 4), _cut(f"“{found['query']}”", whole, 20), INK, _font(20))
    pen.text((MARGIN, MARGIN + 22), _cut(title, whole, 13), SOFT, _font(13))
    heads = {"before": "Before: the original", "after": f"After: alpha {found['alpha']:.2f}"}
    for left, (side, head) in zip((MARGIN, right), heads.items(), strict=True):
        hits = found["before"] if side == "before" else found["after"]
        targets = sum(hit["role"] == "forget" for hit in hits)
        pen.text((left, top - 28), f"{head} ({targets} of {len(hits)} to be forgotten)", INK, _font(15))
        if side == "after" and found["refused"]:
            pen.text((left, top), _cut(refusal_message(found["refused"]), width, 13), INK, _font(13))
        for rank, hit in enumerate(hits):
            x = left + rank % COLUMNS * (CELL + GAP)
            y = top + rank // COLUMNS * (CELL + CAPTION + GAP)
            image = open_image(hit["id"])
            image.thumbnail((CELL, CELL))
            picture.paste(image, (x + (CELL - image.width) // 2, y + (CELL - image.height) // 2))
            if hit["role"] == "forget":
                pen.rectangle((x - 2, y - 2, x + CELL + 1, y + CELL + 1), outline=ROLE_COLOURS["forget"], width=3)
            name = hit["label"].split("/")[1 if "/" in hit["label"] else 0]
            colour = ROLE_COLOURS.get(hit["role"], INK)
            pen.text((x, y + CELL + 3), _cut(f"{rank + 1}. {name}", CELL, 12), colour, _font(12))
            pen.text((x, y + CELL + 18), f"{hit['cosine']:.3f}", SOFT, _font(11))
    return picture


def as_png(picture: Image) -> bytes:
    """Return a picture as a PNG file."""
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _hits(gallery: GalleryListing, ids: list[int], cosines: list[float], k: int) -> list[Hit]:
    return [_hit(gallery, id, cosine) for id, cosine in zip(ids[:k], cosines[:k], strict=True)]


def _hit(gallery: GalleryListing, id: int, cosine: float) -> Hit:
    _, superclass, subgroup, style, role = gallery["items"][id]
    levels = ((gallery["superclasses"], superclass), (gallery["subgroups"], subgroup), (gallery["styles"], style))
    label = "/".join(names[number] for names, number in levels if number >= 0)
    return {"id": id, "label": label, "role": gallery["roles"][role], "cosine": cosine}


def _font(size: int):  # type: ignore[no-untyped-def]
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _cut(text: str, width: int, size: int) -> str:
    """A text shortened until it is at most so many pixels wide."""
    font = _font(size)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
