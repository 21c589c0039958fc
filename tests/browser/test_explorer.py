"""All hits page by page, the view for a room, sums of texts, earlier searches, pasted pictures, blurred images."""

from __future__ import annotations

from typing import Any

import pytest
from drag import drag
from served import Site, query_of, settle
from test_page import alpha, opened

pytestmark = pytest.mark.browser

SHOWN = ".cf-panel[data-side=after] .cf-cell:not([hidden])"
SIZES = """() => [...document.querySelectorAll("#cf-main :not(svg *)")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .filter((one) => [...one.childNodes].some((node) => node.data?.trim()))
    .map((one) => parseFloat(getComputedStyle(one).fontSize))"""
FILTER = "(button) => getComputedStyle(button.querySelector('img')).filter"
PASTE = """async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 48 });
    const blob = await new Promise((done) => canvas.toBlob(done));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([blob], "pasted.png", { type: "image/png" }));
    document.getElementById("cf-tabs").dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def test_all_hits_stand_on_pages_that_follow_alpha_and_a_room_sees_them_large(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=1&q=disc")
    pager, first = page.locator(".cf-pager"), page.locator(f"{SHOWN} >> nth=0 >> .cf-cosine")
    assert page.locator(SHOWN).count() == 24 and pager.is_hidden()
    page.click("#cf-sides [data-k='all']")
    page.wait_for_function("window.clipforget.pack.k === 48")
    assert page.locator(SHOWN).count() == 48 and "1–48 of 90" in pager.inner_text()
    page.get_by_label("Next hits").click()
    page.wait_for_function("window.clipforget.pack.k === 42")
    assert page.locator(SHOWN).count() == 42 and page.get_by_label("Next hits").is_disabled()
    assert first.inner_text().startswith("#49 ") and query_of(page)["page"] == ["1"]
    settle(page)
    assert drag(page)["requests"] == []

    page.click("#cf-sides [data-role=siblings]")
    page.wait_for_function("window.clipforget.pack.after.ranks")
    assert query_of(page)["role"] == ["siblings"] and "page" not in query_of(page)
    roles = page.eval_on_selector_all(SHOWN, "all => all.map((cell) => cell.dataset.role)")
    total = page.evaluate("window.clipforget.pack.total")
    count = page.inner_text(".cf-panel[data-side=after] .cf-count")
    assert set(roles) == {"siblings"} and count == f"{len(roles)} of {total} siblings"
    page.evaluate("window.clipforget.setAlpha(50)")
    ranks = page.evaluate("window.clipforget.pack.after.ranks[50]")
    assert first.inner_text().startswith(f"#{ranks[0]} ")

    page.click("#cf-present")
    for part in ("#cf-header", "#cf-setup", "#cf-cards", "#cf-query-area", "#cf-tabs"):
        assert page.is_hidden(part), part
    name = page.evaluate("window.clipforget.view.suggestions[1]")
    page.keyboard.press("2")
    page.wait_for_function("(name) => window.clipforget.pack.query.label === name", arg=name)
    page.keyboard.press("ArrowLeft")
    assert alpha(page) == "0.49" and f"“{name}”" in page.inner_text(".cf-present-head")
    assert min(page.evaluate(SIZES)) >= 15
    page.wait_for_function("new URLSearchParams(location.search).get('alpha') === '0.49'")
    page.reload()
    page.wait_for_function("window.clipforget?.pack?.after.ranks && window.clipforget.presents()")
    page.keyboard.press("Escape")
    page.wait_for_selector("#cf-tabs", state="visible")
    assert "present" not in query_of(page) and page.evaluate("document.activeElement.id") == "cf-present"
    assert page.get_attribute("#cf-sides [data-role=siblings]", "aria-pressed") == "true"
    page.set_viewport_size({"width": 720, "height": 450})  # 200 % of 1440 x 900
    page.evaluate("scrollTo(0, 0)")
    image = page.locator(f"{SHOWN} >> nth=0 >> img").bounding_box()
    assert image["y"] + image["height"] / 2 < 450, "images are seen with the slider"
    assert page.evaluate("document.documentElement.scrollWidth") <= 720


def test_sums_of_texts_earlier_searches_pasted_pictures_and_blurred_images(visit: Any, site: Site) -> None:
    page = opened(visit, site)
    held: list[Any] = []
    page.route("**/warm", lambda route: held.append(route))  # a model that takes its time
    page.route("**/query?text=disc%20-*", lambda route: held.append(route))
    page.fill("#cf-query", "disc - big")
    page.keyboard.press("Enter")
    page.wait_for_selector(".cf-query-note >> text=Loading the model")
    for route in held:
        route.continue_()
    page.unroute_all()
    page.fill("#cf-query", '"disc" - "square"')
    page.keyboard.press("Enter")
    page.wait_for_function("window.clipforget.pack.query.label.includes('square')")
    assert page.inner_text(".cf-query-note") == "“disc” minus “square”."
    settle(page)
    assert drag(page, 20, 0.4)["requests"] == []

    page.evaluate(PASTE)
    page.wait_for_function("window.clipforget.pack.query.kind === 'upload'")
    thumb = [page.locator(f".cf-panel[data-side=before] .cf-thumb >> nth={i}") for i in (0, 1)]
    assert thumb[0].evaluate(FILTER) == "none"
    page.click("#cf-blur")
    page.reload()
    page.wait_for_function("document.querySelector('.cf-by img')?.naturalHeight === 48")
    page.wait_for_function("window.clipforget?.pack?.query.kind === 'upload'")
    assert page.get_attribute("#cf-blur", "aria-pressed") == "true" and "blur" in thumb[1].evaluate(FILTER)
    settle(page)
    button = "document.querySelector('.cf-panel[data-side=before] .cf-thumb')"  # which the page may make anew
    page.wait_for_function(f"{button}?.focus(), document.activeElement === {button}")
    page.keyboard.press("Enter")
    page.wait_for_function(f"({FILTER})({button}) === 'none'")
    assert "blur" in thumb[1].evaluate(FILTER)
    assert page.locator("dialog[open]").count() == 0, "the first press only shows it"
    thumb[0].press("Enter")
    page.wait_for_selector("dialog.cf-lightbox[open]")
    page.keyboard.press("Escape")
    page.click("#cf-blur")
    assert thumb[1].evaluate(FILTER) == "none"

    page.click("#cf-history summary")
    entry = page.locator("#cf-history button >> nth=0")
    assert entry.inner_text() == '"disc" - "square"'
    entry.click()
    page.wait_for_function("window.clipforget.pack.query.label.includes('square')")
    page.click("#cf-history summary")
    page.click("#cf-history .cf-clear")
    page.click("#cf-history summary")
    page.wait_for_selector("#cf-history .cf-menu-items >> text=None yet.")

    page.click("[aria-label='Keyboard shortcuts (?)']")
    page.uncheck("#cf-one-key")
    page.keyboard.press("Escape")
    before = alpha(page)
    for key in ("r", "p"):
        page.keyboard.press(key)
    assert alpha(page) == before and "present" not in query_of(page), "single letters are switched off"
    page.click("[aria-label='Keyboard shortcuts (?)']")
    page.check("#cf-one-key")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    assert alpha(page) == "1.00"
