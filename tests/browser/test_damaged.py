"""Damaged runs, comparisons and presets as the page shows them: with their reason, and a button that deletes them."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from served import Site

pytestmark = pytest.mark.browser
BAD = "20200101-000000-damaged-0000"


def test_damaged_ones_are_shown_with_their_reason_and_deleted(visit: Any, site: Site) -> None:
    run, comparison = site.runs / BAD, site.runs / "comparisons" / BAD
    preset = site.runs / "presets" / site.model.name / "mine" / "targeted.json"
    shutil.copytree(site.runs / site.run, run)
    for path in (run / "run.json", comparison / "comparison.json", preset):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{")
    try:
        page = visit.lead("?list=runs")
        line = page.locator(f".cf-runlist tr:has-text('{BAD}')")
        assert "damaged" in line.inner_text() and "has no readable run.json" in line.inner_text()
        assert line.get_by_label("Use these settings").count() == 0
        line.locator(".cf-open").click()
        page.wait_for_selector(".cf-end[data-state=damaged]")
        assert "has no readable run.json" in page.locator(".cf-end .cf-message").inner_text()
        page.go_back()
        line.get_by_label("Delete this run").click()
        line.wait_for(state="detached")
        page.get_by_label("Dismiss").click()
        page.wait_for_function("!window.clipforget.deleting.size")
        assert not run.exists()

        page.wait_for_selector("#cf-picker .cf-tile, #cf-data-note .cf-error", state="attached")
        page.evaluate("(config) => window.clipforget.useSettings(config)", site.config(method="targeted"))
        page.wait_for_selector("#cf-preset option[value=mine][disabled]", state="attached")
        assert "mine/targeted.json cannot be read" in page.locator(".cf-preset").inner_text()

        page = visit.lead("?compare=list")
        line = page.locator(f".cf-compare-list tr:has-text('{BAD}')")
        assert "damaged" in line.inner_text() and "has no readable comparison.json" in line.inner_text()
        line.locator("button").click()
        page.click(".cf-dialog .cf-danger")
        line.wait_for(state="detached")
        assert not comparison.exists()
    finally:
        for path in (run, comparison, preset.parent):
            shutil.rmtree(path, ignore_errors=True)
