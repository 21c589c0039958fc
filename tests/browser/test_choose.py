"""Choosing images that nobody labelled, in a real browser: by words, threshold, clicks and map; named, saved, used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from accessible import PHONE, serious
from served import REFUSED, Site, settle, unfold

pytestmark = pytest.mark.browser


def chooser(visit: Any, site: Site, **options: Any) -> Any:
    """The page with "Choose images" open on the site's own data and model, which have been looked at."""
    page = visit(**options)
    page.wait_for_selector("#cf-picker .cf-tile", state="attached")
    if options:
        page.evaluate("window.clipforget.toggleSetup(true)")
    unfold(page)
    for name, value in (("model", site.model), ("data", site.data)):
        page.fill(f"#cf-{name} input", str(value))
        page.press(f"#cf-{name} input", "Enter")
    page.wait_for_selector("#cf-picker .cf-tile[data-name=big]")
    settle(page)
    page.click("#cf-choose")
    page.wait_for_selector("#cf-choose-text:enabled")
    return page


def chosen(page: Any) -> int:
    return int(page.locator(".cf-choose-tabs button").nth(3).inner_text().split()[1])


def test_images_are_chosen_saved_and_become_a_target(visit: Any, site: Site) -> None:
    page = chooser(visit, site)
    page.fill("#cf-choose-text", "disc")
    page.press("#cf-choose-text", "Enter")
    page.wait_for_selector("#cf-threshold")
    assert chosen(page) == 30
    settle(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "similar" in request.url else None)
    page.evaluate("""() => { const slider = document.getElementById("cf-threshold");
        slider.value = String(Number(slider.value) + 0.02); slider.dispatchEvent(new Event("input")); }""")
    more = chosen(page)
    assert more > 30 and not asked, "the threshold is followed without asking"
    cells = page.locator(".cf-choice:visible")
    cells.nth(0).click()
    cells.nth(3).click(modifiers=["Shift"])
    assert chosen(page) == more - 4
    page.click("text=Undo")
    assert chosen(page) == more - 1
    page.click("text=Undo")
    page.wait_for_selector(".cf-choose .cf-chip")  # captions are proposed
    settle(page)
    assert serious(page, ".cf-choose") == []
    visit.expect(REFUSED)  # the name
    page.fill("#cf-selection-name", "a/b")
    page.click("text=Save and use")
    page.wait_for_selector(".cf-name-panel .cf-message >> text=which parts the levels")
    page.fill("#cf-selection-name", "red ones")
    page.fill("#cf-selection-caption", "ball")
    body = {"name": "red ones", "caption": "old", "images": [0]}
    site.call(f"selections?model={site.model}&data={site.data}", body)
    page.click("text=Save and use")
    page.click(".cf-name-panel button >> text=Replace it")
    page.wait_for_selector('#cf-picker .cf-tile[data-name="red ones"]:has(:checked)')
    page.wait_for_function("document.querySelector('#cf-superclass').value === 'ball'")
    page.wait_for_selector("#cf-estimate strong")
    saved = json.loads((site.runs / "selections" / "red ones.json").read_text())
    assert len(saved["images"]) >= more and saved["how"]["text"] == "disc" and "threshold" in saved["how"]


def test_groups_map_siblings_and_saved_selections(visit: Any, site: Site) -> None:
    page = chooser(visit, site, **PHONE, color_scheme="dark")
    tabs = page.locator(".cf-choose-tabs button")
    tabs.nth(2).click()
    page.locator(".cf-group >> text=Take all").first.click()
    taken = chosen(page)
    assert taken > 10 and page.locator(".cf-group >> text=Leave all").count() == 1
    tabs.nth(1).click()
    page.wait_for_function("!document.querySelector('.cf-choice-map').hidden")
    settle(page)
    canvas = page.locator(".cf-choice-map canvas")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert abs(chosen(page) - taken) == 1
    page.locator("text=Choose none").click()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    for x, y in ((0.6, 0), (0.6, 0.9), (0, 0.9), (0, 0)):
        page.mouse.move(box["x"] + 2 + x * (box["width"] - 4), box["y"] + 2 + y * (box["height"] - 4), steps=4)
    page.mouse.up()
    assert chosen(page) > 10
    settle(page)
    page.fill("#cf-selection-caption", "thing")
    page.wait_for_function("document.querySelectorAll('.cf-choose-tabs button')[4].textContent !== 'Siblings 0'")
    tabs.nth(4).click()
    page.locator(".cf-choice:visible").first.click()
    assert page.locator(".cf-choice[aria-pressed=true]:visible").count() < page.locator(".cf-choice:visible").count()
    assert serious(page, ".cf-choose") == []
    site.call(
        f"selections?model={site.model}&data={site.data}", {"name": "kept", "caption": "thing", "images": [0, 1, 2]}
    )
    page.click(".cf-saved-box summary")
    page.locator(".cf-saved li", has_text="kept").locator("text=Open").click()
    page.wait_for_function("document.querySelector('#cf-selection-name').value === 'kept'")
    assert chosen(page) == 3
    page.locator(".cf-saved li", has_text="kept").locator("[title^=Delete]").click()
    page.locator(".cf-sure-button:visible").click()
    page.wait_for_selector(".cf-toast >> text=Deleted “kept”")
