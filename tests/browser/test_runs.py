"""The table of runs as somebody works in it: sorted, filtered, named, two compared, one deleted and brought back."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from served import Site, query_of, settle

pytestmark = pytest.mark.browser
RENAME = """() => { const { clipforget: app } = window;
    app.runs = app.runs.map((run) => ({ ...run, title: "Renamed" }));
    app.bus.emit("runs"); }"""
COPIES = {"20200101-000000-older-0001": 3, "20200102-000000-newer-0002": 11}  # id -> seed


def test_runs_are_sorted_filtered_named_compared_and_deleted_with_a_way_back(visit: Any, site: Site) -> None:
    for id, seed in COPIES.items():
        shutil.copytree(site.runs / site.run, site.runs / id)
        path = site.runs / id / "run.json"
        info = json.loads(path.read_text())
        info["config"]["seed"] = seed
        path.write_text(json.dumps({**info, "created": "2020-01-01T00:00:00+00:00"}))
    older, newer = COPIES
    page = visit("?list=runs")
    lines = page.locator(".cf-runlist tbody tr")
    page.wait_for_selector(f"[data-focus='choose {older}']")
    page.wait_for_selector("#cf-setup", state="hidden")
    assert lines.count() >= 3
    for width in (390, 1024):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.locator(".cf-runs-page .cf-scroll").evaluate("(node) => node.scrollWidth <= node.clientWidth")

    box = page.locator(f"[data-focus='choose {older}']")
    box.hover()
    pressed = box.element_handle()
    page.mouse.down()
    page.evaluate(RENAME)
    page.mouse.up()
    page.wait_for_function("(box) => !box.isConnected", arg=pressed)
    assert box.is_checked(), "a click is not lost where news come between its halves"
    assert box.evaluate("(box) => box === document.activeElement")
    box.uncheck()

    page.click(".cf-sort >> text=Seed")
    seeds = page.eval_on_selector_all(
        ".cf-col-method [data-head=Seed]", "all => all.map((cell) => Number(cell.textContent))"
    )
    assert seeds == sorted(seeds) and seeds[-1] == 11, "numbers are sorted as numbers"

    page.locator("tr", has=page.locator(f"[data-focus='choose {older}']")).get_by_label("Name, tags and notes").click()
    page.get_by_label("Name", exact=True).fill("<b>For Thursday</b>")
    page.get_by_label("Tags, with commas").fill("talk, rehearsal")
    page.get_by_label("Notes", exact=True).fill("The one with the clean grid.")
    page.click(".cf-annotate button[type=submit]")
    page.wait_for_selector(".cf-open >> text=<b>For Thursday</b>")
    page.fill("[aria-label='Filter the runs']", "rehearsal clean")
    page.wait_for_function("document.querySelectorAll('.cf-runlist tbody tr').length === 1")
    page.fill("[aria-label='Filter the runs']", "")

    for id in COPIES:
        page.check(f"[data-focus='choose {id}']")
    page.click("#cf-runs-compare")
    page.wait_for_function("window.clipforget.rival?.pack")
    assert {query_of(page)["run"][0], query_of(page)["vs"][0]} == set(COPIES)
    page.go_back()

    page.wait_for_selector(f"[data-focus='choose {newer}']")
    settle(page)
    for id in COPIES:
        page.check(f"[data-focus='choose {id}']")
    page.click("#cf-runs-delete")
    page.wait_for_selector(f"[data-focus='choose {newer}']", state="detached")
    assert (site.runs / newer).exists(), "nothing is gone while it can be undone"
    page.click(".cf-toast >> text=Undo")
    page.wait_for_selector(f"[data-focus='choose {newer}']")
    page.locator("tr", has=page.locator(f"[data-focus='choose {newer}']")).get_by_label("Delete this run").click()
    page.wait_for_selector(f"[data-focus='choose {newer}']", state="detached")
    page.locator("tr", has=page.locator(f"[data-focus='choose {older}']")).get_by_label("Delete this run").click()
    page.wait_for_selector(".cf-toast >> text=The run is deleted.")
    settle(page)
    assert not (site.runs / newer).exists(), "the next message takes the way back of the one before"
    page.goto("about:blank")
    for _ in range(100):
        if not (site.runs / older).exists():
            return
        page.wait_for_timeout(50)
    raise AssertionError("leaving the page deletes what was to be deleted")
