"""The page on a phone and on other narrow screens: nothing is cut, and nothing is wider than the screen."""

from __future__ import annotations

from typing import Any

import pytest
from accessible import PHONE
from served import Site, query_of, settle, tables_fit
from test_page import opened

pytestmark = pytest.mark.browser


def test_phone_has_no_horizontal_scroll(visit: Any, site: Site) -> None:
    page = opened(visit, site, anew=True, **PHONE)
    for query in ("", "nope", "open"):
        if query != "open":
            visit.lead(f"?run={query}", **PHONE)
        else:
            opened(visit, site, **PHONE)
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert not page.locator("#cf-setup").is_visible()
        page.click("#cf-setup-toggle")
        assert page.locator("#cf-run").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.evaluate("window.clipforget.toggleSetup(false)")
    assert page.locator(".cf-panel[data-side=before]").is_hidden()
    page.click(".cf-switch [data-side=before]")
    assert page.locator(".cf-panel[data-side=after]").is_hidden()


def test_narrow_screens_cut_nothing(visit: Any, site: Site) -> None:
    page = opened(visit, site, **PHONE)
    page.set_input_files("#cf-query-area input[type=file]", next(site.data.glob("test/*/*/*/*.png")))
    page.wait_for_selector(".cf-by img[alt='your picture']")
    page.wait_for_function("window.clipforget.state.up")
    first = query_of(page)["up"]
    page.evaluate(
        """async () => { const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 32 });
            const blob = await new Promise((done) => canvas.toBlob(done));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([blob], "dropped.png", { type: "image/png" }));
            const cards = document.getElementById("cf-cards");
            cards.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true })); }"""
    )
    page.wait_for_function("(up) => window.clipforget.state.up && window.clipforget.state.up !== up", arg=first[0])
    for width in (390, 820):
        page.set_viewport_size({"width": width, "height": 844})
        tables_fit(page)
        assert page.inner_text("#cf-more-tabs summary") == "All figures"
        bar = page.locator(".cf-tabbar").bounding_box()
        more = page.locator("#cf-more-tabs").bounding_box()
        assert bar["height"] < 60 and more["x"] + more["width"] <= bar["x"] + bar["width"] <= width, "one calm row"
        search, upload = (
            page.locator(f".cf-querybar > {part}").bounding_box() for part in (".cf-search", ".cf-button")
        )
        assert search["x"] + search["width"] <= upload["x"] or search["y"] + search["height"] <= upload["y"]
        page.click("[aria-label='Keyboard shortcuts (?)']")
        box = page.locator("dialog[open]").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        page.keyboard.press("Escape")
