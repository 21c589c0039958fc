"""What is taken away of a query, a run and a comparison: tables, pictures, and reports that need nothing else."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from clipforget.runs.config import shown_command
from clipforget.workspace.report import comparison_report
from clipforget.workspace.results import ROLE_COLOURS, as_csv, as_png, draw, results
from clipforget.workspace.workspace import Workspace

VOID = {"meta", "img", "br", "line", "polyline", "circle"}


@pytest.fixture(scope="module")
def space(finished):
    return Workspace(finished.folder.parent, sample=False)


@pytest.fixture(scope="module")
def found(space, finished):
    view = space.finished_run(finished.id).view()
    return results(view, space.query(finished.id, text="disc"), 40, 12)


class Elements(HTMLParser):
    """Reads a page: every element is closed, and what it would fetch is kept."""

    def __init__(self, page):
        super().__init__()
        self.open, self.sources, self.count, self.text = [], [], 0, ""
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.count += 1
        self.sources += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        assert tag not in ("script", "link", "iframe", "object", "form")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.count += 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_results_are_the_packs_at_that_alpha(space, finished, found):
    pack = space.query(finished.id, text="disc")
    assert [hit["id"] for hit in found["after"]] == pack["after"]["ids"][40][:12] and found["alpha"] == 0.4
    assert [hit["cosine"] for hit in found["before"]] == pack["before"]["cosines"][:12]
    assert {hit["role"] for hit in found["before"]} <= set(ROLE_COLOURS)


def test_results_as_csv(found):
    header, *rows = csv.reader(io.StringIO(as_csv({**found, "query": "=cmd()"})))
    assert header == ["query", "alpha", "rank", "image", "label", "role", "cosine"] and len(rows) == 24
    assert rows[0][:3] == ["'=cmd()", "original", "1"] and rows[12][1] == "0.4"
    assert [row[3] for row in rows[12:]] == [str(hit["id"]) for hit in found["after"]]


def test_results_as_a_picture(space, finished, found):
    """A frame in red around each image that was to be forgotten, and the image itself inside."""
    colours = [Image.new("RGB", (96, 96), (0, 10 * number, 90)) for number in range(12)]
    shown = {hit["id"]: image for hit, image in zip(found["before"], colours, strict=True)}
    blank = Image.new("RGB", (40, 60), "black")
    picture = Image.open(io.BytesIO(as_png(draw(found, "title", lambda id: shown.get(id, blank).copy()))))
    assert picture.format == "PNG"
    red = tuple(int(ROLE_COLOURS["forget"][i : i + 2], 16) for i in (1, 3, 5))
    for rank, hit in enumerate(found["before"]):
        x, y = 20 + rank % 6 * 104, 98 + rank // 6 * 138
        assert picture.getpixel((x + 50, y + 50)) == (0, 10 * rank, 90)
        assert (picture.getpixel((x - 1, y + 50)) == red) == (hit["role"] == "forget")
    assert space.results_png(found, space.finished_run(finished.id).view()).startswith(b"\x89PNG")


def test_a_refused_query_is_drawn_without_images(found):
    blank = Image.new("RGB", (96, 96))
    picture = draw({**found, "after": [], "refused": "disc"}, "title", lambda id: blank.copy())
    assert picture.getbbox()


def test_the_report_of_a_run_needs_nothing_else(space, finished):
    page = space.report(finished.id, 0.4, text="<b>disc</b>")
    read = Elements(page)
    assert len(page) < 2 * 2**20 and read.sources and all(source.startswith("data:image/") for source in read.sources)
    assert len(read.sources) == 48 and not re.search(r"url\(|@import", page)
    for part in ("At alpha 0.40", "“<b>disc</b>”", "disc/big", shown_command(finished.info()["command"]), finished.id):
        assert part in read.text
    assert str(Path(finished.info()["config"]["data"]).parent) not in page
    view = space.finished_run(finished.id).view()
    for row in view["rows"]:
        assert f"{row['after'][40]:.1%} [{100 * row['low'][40]:.1f}, {100 * row['high'][40]:.1f}]" in read.text
    assert page.count("<polyline") == 3
    assert "(suggested)" in space.report(finished.id)


def test_the_report_of_a_comparison_needs_nothing_else(comparison_summary):
    page = comparison_report(comparison_summary)
    read = Elements(page)
    assert not read.sources and len(page) < 2**20
    for part in ("All targets, mean", "has collapsed", "a/b", "GA <x>", comparison_summary["command"], "To repeat it"):
        assert part in read.text
    assert page.count("<polyline") == len(comparison_summary["curves"])


@pytest.fixture
def comparison_summary():
    """Doing nothing and one row over two targets."""
    stat = {"mean": 0.5, "spread": 0.1}
    figures = dict.fromkeys(("alpha", "h", "score", "seconds", "memory", "parameters"), stat)
    figures |= {"n": 2, "columns": {"forget": {"before": stat, "after": stat, "ratio": stat}}}
    kept = {"mean": 0.5, "low": 0.4, "high": 0.6, "worst": 0.3}
    figures |= {"matched": {"least_10": kept}, "forgot": {"10": 2, "chance": 0}, "verdict": "has collapsed"}
    figures |= {"collapsed": 2, "rank": 1, "tier_rank": 1, "difference": None, "gap": None, "audits": {}}
    row = {"method": "m", "tier": 1, "preset": "", "settings": {}, "notes": [], "cells": [], "all": figures}
    rows = [{**row, "label": label, "targets": {"0": figures, "1": figures}} for label in ("do nothing", "GA <x>")]
    along = {"alphas": [0, 1], "forgotten": [1, 0], "retained": [0.5, 1], "method": "m", "label": "GA <x>"}
    point = {"alpha": 0, "forgotten": 1, "retained": 0.5}
    curves = [{**along, "target": target, "index": None, "point": point} for target in (None, 0, 1)]
    return {
        "id": "c", "title": "t & t", "created": "", "state": "done", "error": None, "command": "compare", "model": "m",
        "data": "d", "seeds": [0], "chance": 0.1, "done": 4, "total": 4, "eta": None, "now": None, "cells": [],
        "targets": [{"key": 0, "label": "a/b"}, {"key": 1, "label": "c/d"}], "rows": rows, "curves": curves,
        "columns": [{"key": "forget", "label": "forget"}], "reasons": [],
        "matched": [{"key": "least_10", "label": "least kept at 10 %"}], "audits": [],
    }  # fmt: skip
