"""The search for a model on the page: what it lists, keys, what it says of each, and a measurement."""

from __future__ import annotations

from typing import Any

import pytest
from accessible import violations
from served import Site, unfold

pytestmark = pytest.mark.browser

STOP = """() => { const button = document.querySelector(".cf-model-measure button");
    return button?.textContent === "Stop" && (button.click(), true); }"""  # at once: a small model is soon measured
ROWS = "[...document.querySelectorAll('.cf-model-row')].map((row) => row.dataset.name)"


def test_a_model_is_searched_told_about_and_measured(visit: Any, site: Site) -> None:
    page = visit()
    unfold(page)
    box = page.locator("#cf-model input[role=combobox]")
    page.wait_for_function("document.querySelector('.cf-model-facts').textContent.includes('ResNet 1-2-2-2')")
    box.click()  # what is on disk comes first, models of earlier runs among it and their results
    page.wait_for_selector(".cf-model-row")
    names, result = page.evaluate(ROWS), f"run:{site.run}@{site.call(f'runs/{site.run}/view')['best']:g}"
    results = [name for name in names if name.startswith("run:")]
    assert names[: 2 + len(results)] == ["clipforget-tiny", str(site.model), *results] and result in results
    assert page.locator(".cf-model-where[data-disk]").count() == 2 + len(results)
    assert "RN50-quickgelu/openai" in names
    assert page.locator(".cf-model-group").all_inner_texts() == ["Your runs", "Published models"]
    page.locator(".cf-model-row", has_text=result).click()
    page.wait_for_function("document.querySelector('.cf-model-facts').textContent.includes('On this disk')")
    assert box.input_value() == result
    box.click()
    box.fill("mobileclip2")
    page.wait_for_function(f"{ROWS}.length > 0 && {ROWS}.every((name) => name.startsWith('MobileCLIP2'))")
    row = page.locator(".cf-model-row").first
    assert "M · " in row.inner_text() and "224 px" in row.inner_text() and "fetch" in row.inner_text()
    assert box.get_attribute("aria-activedescendant") == row.get_attribute("id")
    assert violations(page, "#cf-model") == []
    box.press("ArrowDown")
    assert page.locator(".cf-model-row[aria-selected=true]").get_attribute("data-name") == "MobileCLIP2-S0/dfndr2b"
    box.fill("no such model")
    page.wait_for_function("document.querySelector('.cf-model-count').textContent.startsWith('No model fits')")
    box.press("Escape")
    assert box.input_value() == result
    box.fill("vit b 32 openai")
    box.press("Enter")  # before the list has come
    page.wait_for_function("document.querySelector('.cf-model-facts').textContent.includes('To download')")
    assert box.input_value() == "ViT-B-32-quickgelu/openai"
    assert page.locator(".cf-model-measure button").count() == 0
    page.wait_for_function("document.querySelector('#cf-estimate').textContent.includes('Time unknown')")
    box.fill("ViT-B-32/opnai")
    box.blur()
    page.wait_for_selector("#cf-estimate .cf-error:has-text('Nearest')")
    assert "Nearest: ViT-B-32-quickgelu/openai" in page.locator(".cf-model-facts").inner_text()
    page.click("#cf-run")
    assert site.call("runs")["runs"][0]["config"]["model"] != "ViT-B-32/opnai"
    for file in (site.runs / "measured").glob("*.json"):
        file.unlink()
    box.fill(str(site.model))
    box.press("Enter")  # it is measured by itself; what was stopped stays so until somebody asks for it
    page.wait_for_function(STOP)
    page.wait_for_selector(".cf-model-measure button:text('Measure')")
    page.click(".cf-model-measure button")
    page.wait_for_function("document.querySelector('.cf-model-measure').textContent.startsWith('Measured here')")
    page.wait_for_function("/about .* of memory/.test(document.querySelector('#cf-estimate').textContent)")
