"""Runs started, watched, reloaded and stopped from the page."""

from __future__ import annotations

import time
from typing import Any

import pytest
from accessible import serious
from served import QUICK, Site, query_of, settle, unfold
from waiting import wait_for

from clipforget.files import FileLock

pytestmark = pytest.mark.browser


def choose(page: Any, field: str, value: str) -> None:
    """Type a value of our own into one of the form's drop-downs."""
    box = page.locator(f"#{field} input[role=combobox]")
    box.click()
    box.fill(value)
    box.press("Enter")
    box.blur()


def filled(visit: Any, site: Site) -> Any:
    """The form set to the tiny model and data, with its estimate shown."""
    page = visit()
    page.wait_for_selector("#cf-picker .cf-tile, #cf-data-note .cf-error", state="attached")
    unfold(page)
    choose(page, "cf-model", str(site.model))
    choose(page, "cf-data", str(site.data))
    page.wait_for_selector("#cf-picker .cf-tile[data-name=big]")
    page.wait_for_function("document.querySelector('#cf-estimate').textContent.includes('to forget')")
    return page


def test_a_data_set_that_is_not_here_shows_its_terms(visit: Any, site: Site) -> None:
    page = filled(visit, site)
    assert page.is_hidden("#cf-download")
    choose(page, "cf-data", "caltech101")
    page.wait_for_selector("#cf-download")
    assert "Caltech-101: 137 MB to download. Terms: CC BY 4.0" in page.inner_text("#cf-data-note")
    choose(page, "cf-data", str(site.data))
    page.wait_for_selector("#cf-download", state="hidden")


def test_form_starts_a_run_that_opens_by_itself(visit: Any, site: Site) -> None:
    page = filled(visit, site)
    page.click("#cf-picker .cf-tile[data-name=small]")
    for label, value in (("Forget margin", "1.25"), ("Retain margin", "0.2")):
        page.get_by_label(label).first.fill(value)
        page.get_by_label(label).first.blur()
    page.fill("#cf-setting-gallery", "60")
    page.locator("#cf-setting-gallery").blur()
    settle(page)
    page.click("#cf-run")
    page.wait_for_selector(".cf-progress")
    run = query_of(page)["run"][0]
    assert len(site.call("runs")["runs"]) >= 2
    page.reload()
    page.wait_for_selector("#cf-main[data-mode=open]", state="attached")
    assert query_of(page)["run"] == [run]
    view = site.call(f"runs/{run}/view")
    assert "disc/small" in view["config"]["forget"]
    assert (
        view["config"]["settings"] == {"forget_margin": 1.25, "retain_margin": 0.2} and view["config"]["gallery"] == 60
    )


def test_stop_keeps_the_run_and_use_fills_the_form(visit: Any, site: Site) -> None:
    page = visit()
    run = site.call("runs", site.config(seed=7, settings={**QUICK, "remind_steps": 1000}))["id"]
    page.evaluate("(run) => window.clipforget.follow(run)", run)
    page.wait_for_selector("#cf-stop")
    page.wait_for_function("document.querySelector('.cf-stages [data-state=now]')")
    assert "is to forget big (disc / big) and to keep everything else" in page.inner_text(".cf-what")
    page.wait_for_function("document.querySelector('.cf-watched small')?.textContent.includes('after step')")
    assert page.locator(".cf-watched h4").all_inner_texts()[:2] == ["“a photo of a disc.”", "“a photo of a big.”"]
    page.wait_for_function("[...document.querySelectorAll('.cf-watched li img')].every((image) => image.naturalWidth)")
    assert page.locator(".cf-watched li img:not([alt=''])").count() >= 72, "before and now"
    texts = page.locator(".cf-live figure >> nth=0").inner_text()
    assert "Loss" in texts and "target" in texts and "step" in texts
    page.wait_for_function("/[0-9] left/.test(document.querySelector('.cf-left').textContent)")
    assert serious(page, "#cf-stage") == []
    begun = time.monotonic()
    page.click("#cf-stop")
    page.wait_for_selector(".cf-end[data-state=stopped]")
    assert time.monotonic() - begun < 30  # 1 s alone
    assert page.locator(".cf-end .cf-message, #cf-stage .cf-wait").count() == 0
    assert page.locator(".cf-end .cf-primary").inner_text() == "Run again"
    page.wait_for_selector("[aria-label='What was done'] .cf-watched img")
    assert page.locator("[aria-label='What was done'] .cf-live figure").count() >= 1
    assert page.locator(".cf-stages [data-state=now]").count() == 0, "nothing turns any more"
    assert "Delete" in page.locator(".cf-end .cf-buttons").inner_text()
    assert serious(page, "#cf-stage") == []
    page.click(".cf-end >> text=Change the settings")
    page.wait_for_function("document.querySelector('#cf-data input').value.includes('data')")
    page.wait_for_function("Number(document.querySelector('#cf-setting-seed').value) === 7")


def test_a_waiting_run_shows_its_place_in_line_and_is_cancelled(visit: Any, site: Site) -> None:
    page = visit()
    lock = FileLock(site.runs / ".lane-cpu")
    with lock:
        first, second = (site.call("runs", site.config(seed=seed))["id"] for seed in (8, 9))
        page.evaluate("(run) => window.clipforget.follow(run)", second)
        page.wait_for_function("document.querySelector('.cf-progress h2').textContent === '2nd in line'")
        assert page.inner_text("#cf-stop") == "Cancel"
        site.call(f"runs/{first}/stop", {})
        page.wait_for_function("document.querySelector('.cf-progress h2').textContent === '1st in line'")
        page.click("#cf-stop")
        page.wait_for_selector(".cf-end[data-state=stopped]")
    assert site.state(first) == site.state(second) == "stopped"
    page.click(".cf-end >> text=Delete")
    page.wait_for_selector("#cf-main[data-mode=empty]", state="attached")
    page.click("#cf-toasts [aria-label=Dismiss]")
    page.wait_for_function("(run) => !window.clipforget.runs.some((one) => one.id === run)", arg=second)
    wait_for(lambda: second not in [run["id"] for run in site.call("runs")["runs"]])


def test_use_fills_the_form_with_several_superclasses_and_a_preset_fills_the_settings(visit: Any, site: Site) -> None:
    page = visit()
    page.wait_for_selector("#cf-picker .cf-tile, #cf-data-note .cf-error", state="attached")
    config = site.config(method="targeted", forget=["disc/big", "square", "*/*/dark"], settings={"rank": 3})
    page.evaluate("(config) => window.clipforget.useSettings(config)", config)
    page.wait_for_selector("#cf-picker .cf-tile[data-name=big]:has(:checked)")
    unfold(page)
    shown = page.eval_on_selector_all("#cf-extra .cf-target > span", "all => all.map((node) => node.textContent)")
    assert shown == ["square", "*/*/dark"]
    assert page.locator("#cf-setting-rank").input_value() == "3"
    assert page.locator("#cf-preset").input_value() == "own settings"
    paper = next(m for m in site.call("setup")["methods"] if m["name"] == "targeted")["presets"][0]
    page.select_option("#cf-preset", paper["name"])
    assert paper["note"] in page.locator(".cf-preset").inner_text()
    for name, value in paper["settings"].items():
        if not isinstance(value, bool):
            assert type(value)(page.locator(f"#cf-setting-{name}").input_value()) == value, name
    page.select_option("#cf-method-select", "gradient_ascent")
    assert page.locator("#cf-setting-rank").count() == 0
    page.click("#cf-extra .cf-remove >> nth=1")
    page.wait_for_function("document.querySelector('#cf-estimate strong')")
