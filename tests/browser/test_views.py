"""Map, matrix and the page of one image follow alpha by themselves and lead to each other, in a real browser."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from accessible import PHONE
from drag import drag
from served import HOSTILE, Site, query_of, settle
from test_page import opened

pytestmark = pytest.mark.browser
CANVAS = "canvas.cf-map"
PICTURE = f"document.querySelector('{CANVAS}').toDataURL()"
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def with_map(visit: Any, site: Site, more: str = "", **options: Any) -> Any:
    """The page with its map drawn and nothing pending."""
    page = opened(visit, site, f"&view=map{more}", **options)
    page.wait_for_selector("#cf-pane-map .cf-map-legend .cf-toggle")
    page.locator(CANVAS).scroll_into_view_if_needed()
    settle(page)
    return page


def place(page: Any, site: Site, image: int, index: int) -> tuple[float, float]:
    """Where the server's own map has an image at a hundredth of alpha, in pixels of the window."""
    told = site.call(f"runs/{site.run}/map")
    flat = np.frombuffer(base64.b64decode(told["points"]), "<u2") / 65535
    nodes = flat.reshape(len(told["alphas"]), -1, 2)[:, image]
    x, y = (np.interp(index / 100, told["alphas"], nodes[:, axis]) for axis in range(2))
    box = page.locator(CANVAS).bounding_box()
    return box["x"] + 22 + x * (box["width"] - 44), box["y"] + box["height"] - 22 - y * (box["height"] - 44)


def test_the_map_glides_with_alpha_and_asks_nothing(visit: Any, site: Site) -> None:
    page = with_map(visit, site, "&alpha=1")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.resource_type != "image" else None)
    pictures = []
    for index in (100, 50, 0, 100):
        page.evaluate("(index) => window.clipforget.setAlpha(index)", index)
        page.evaluate(FRAME)
        pictures.append(page.evaluate(PICTURE))
        page.mouse.move(*place(page, site, 0, index))
        page.wait_for_selector(".cf-tip:not([hidden])")
        page.mouse.move(5, 5)
        page.wait_for_selector(".cf-tip", state="hidden")
    assert len(set(pictures)) == 3 and pictures[0] == pictures[3]
    found = drag(page)
    assert found["alphas"] >= 0.75 * min(found["inputs"], found["frames"])
    assert asked == []


def test_hovering_links_map_and_grids_both_ways(visit: Any, site: Site) -> None:
    page = with_map(visit, site, "&alpha=1")
    shown = page.evaluate("window.clipforget.pack.before.ids[0]")
    plain = page.evaluate(PICTURE)
    page.evaluate("(id) => window.clipforget.bus.emit('light', id, true)", shown)
    page.evaluate(FRAME)
    assert page.evaluate(PICTURE) != plain and page.locator(".cf-panel .cf-lit").count() == 2
    page.evaluate("(id) => window.clipforget.bus.emit('light', id, false)", shown)
    page.locator(CANVAS).focus()
    page.keyboard.press("ArrowRight")  # the first image
    page.keyboard.press("ArrowLeft")
    alpha = query_of(page)["alpha"]
    page.keyboard.press("Space")
    assert page.evaluate("window.clipforget.picked.size") == 1 and query_of(page)["alpha"] == alpha
    page.keyboard.press("Enter")
    page.wait_for_selector("#cf-image:not([hidden])")
    assert page.evaluate("window.clipforget.picked.has(window.clipforget.state.see)")


def test_a_lasso_picks_marks_and_exports(visit: Any, site: Site) -> None:
    page = with_map(visit, site)
    box = page.locator(CANVAS).bounding_box()

    def around() -> int:
        right, bottom = box["width"] - 12, box["height"] - 12  # no point lies so near to the edge
        page.mouse.move(box["x"] + 12, box["y"] + 12)
        page.mouse.down()
        for x, y in ((right, 12), (right, bottom), (12, bottom), (12, 12)):
            page.mouse.move(box["x"] + x, box["y"] + y, steps=3)
        page.mouse.up()
        return page.evaluate("window.clipforget.picked.size")

    images = page.evaluate("window.clipforget.view.gallery.items.length")
    assert around() == images
    assert page.locator(".cf-panel .cf-marked").count() == 48
    page.click(".cf-map-legend .cf-others")
    few = page.evaluate("window.clipforget.view.gallery.items.filter((item) => item[4] < 2).length")
    assert around() == few < images
    with page.expect_download() as saved:
        page.click("#cf-pane-map .cf-picked-head >> text=JSON")
    document = json.loads(saved.value.path().read_text())
    assert len(document["images"]) == few and {row["role"] for row in document["images"]} == {"forget", "siblings"}
    with page.expect_download() as saved:
        page.click("#cf-pane-map .cf-picked-head >> text=CSV")
    lines = saved.value.path().read_text().splitlines()
    assert lines[0].startswith('"image","dataset_index"') and len(lines) == few + 1
    page.select_option("#cf-map-pick", "role forget")
    assert 0 < page.evaluate("window.clipforget.picked.size") < few


def test_the_matrix_counts_what_the_server_says_and_picks_it(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&view=matrix&alpha=1")
    page.wait_for_selector(".cf-predictions button")
    settle(page)
    told = site.call(f"runs/{site.run}/predictions")["levels"]["superclass"]
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/predictions" in request.url else None)
    for index in (100, 50, 0):
        page.evaluate("(index) => window.clipforget.setAlpha(index)", index)
        now = [
            [name for first, name in zip(c[::2], c[1::2], strict=True) if first <= index][-1] for c in told["called"]
        ]
        shown = page.eval_on_selector_all(
            ".cf-predictions tbody tr",
            """(rows) => rows.map((row) =>
            [...row.querySelectorAll('button')].map((b) => Number(b.textContent.replace('·', '0'))))""",
        )
        assert sum(map(sum, shown)) == len(now)
        right = page.eval_on_selector_all(
            ".cf-predictions td[data-own] button", "(all) => all.map((b) => Number(b.textContent.replace('·', '0')))"
        )
        assert sum(right) == sum(own == name for own, name in zip(told["labels"], now, strict=True))
        assert page.locator("#cf-pane-matrix .cf-sentence").inner_text().startswith(f"At alpha {index / 100:.2f}")
    last = page.locator(".cf-predictions button[data-sign=more]").last
    last.click()
    assert page.evaluate("window.clipforget.picked.size") == int(last.inner_text())
    assert page.locator("#cf-pane-matrix .cf-thumbs .cf-cell:not([hidden])").count() == int(last.inner_text())
    page.click(".cf-switch [data-name=subgroup]")
    page.click(".cf-switch [data-name=difference]")
    assert page.locator(".cf-predictions tbody tr").count() >= 1 and requests == []


def test_an_image_has_a_page_and_an_address(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=0.5&see=3")
    page.wait_for_selector("#cf-image .cf-strip")
    settle(page)
    assert page.locator("#cf-both").is_hidden() and HOSTILE[:12] in page.locator("#cf-image h2").inner_text()
    heads = page.locator("#cf-image h3")
    assert "original model" in heads.first.inner_text() and "alpha 0.50" in heads.last.inner_text()
    found = drag(page)
    assert found["requests"] == [] and "alpha 0.00" in heads.last.inner_text()
    page.locator("#cf-image .cf-thumb").first.click()
    page.wait_for_function("window.clipforget.state.see !== 3")
    page.wait_for_selector("#cf-image .cf-strip")
    page.go_back()
    page.wait_for_function("window.clipforget.state.see === 3")
    settle(page)
    page.evaluate("(run) => window.clipforget.open(run)", site.run)  # as the list of runs does
    page.wait_for_selector("#cf-both", state="visible")
    page.go_back()
    page.wait_for_selector("#cf-image .cf-strip")
    settle(page)
    page.keyboard.press("Escape")
    page.wait_for_selector("#cf-both", state="visible")
    assert "see" not in query_of(page)
    first = page.locator(".cf-panel[data-side=after] .cf-thumb").first
    first.focus()
    page.keyboard.press("i")
    page.wait_for_selector("#cf-image .cf-strip")
    page.click("#cf-image >> text=Back to the search")
    page.wait_for_selector("#cf-image", state="hidden")
    assert first.evaluate("(button) => button === document.activeElement")
    first.click()
    page.click(".cf-lightbox >> text=All about this image")
    page.wait_for_selector("#cf-image .cf-strip")
    page.go_back()
    page.wait_for_selector("#cf-image", state="hidden")


def test_views_fit_a_phone(visit: Any, site: Site) -> None:
    page = with_map(visit, site, **PHONE)
    for view in ("map", "matrix"):
        page.evaluate("(view) => window.clipforget.setView(view)", view)
        page.wait_for_selector(f"#cf-pane-{view} .cf-toggle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("window.clipforget.see(3)")
    page.wait_for_selector("#cf-image .cf-strip")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
