"""A comparison from the form to the table, and two of its runs side by side, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from accessible import PHONE
from served import HOSTILE, REFUSED, Site, query_of
from waiting import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def compared(visit_once: Any, site: Site) -> str:
    """The id of a comparison started from the form: two methods, one target, one seed."""
    page = visit_once("?compare=list")
    page.wait_for_selector(".cf-nothing")
    page.wait_for_selector(".cf-checks input")
    page.fill("#cf-compare-model", str(site.model))
    page.fill("#cf-compare-data", str(site.data))
    page.keyboard.press("Tab")
    page.wait_for_selector(".cf-compare-form .cf-target >> text=disc/")
    page.click(".cf-compare-form .cf-remove")
    page.fill("#cf-compare-target", "disc/enormous")
    page.keyboard.press("Enter")
    assert "disc/enormous" in page.locator(".cf-compare-form .cf-message").inner_text()
    known = page.eval_on_selector_all("#cf-compare-targets option", "all => all.map((option) => option.value)")
    hostile = next(name for name in known if name.startswith(f"disc/{HOSTILE[:20]}"))
    page.fill("#cf-compare-target", f"square/big + {hostile}")
    page.click(".cf-compare-form .cf-add button")
    page.click(".cf-check-tools >> text=None")
    for method in ("anchored", "gradient_ascent"):
        page.check(f".cf-checks input[value={method}]")
    page.click(".cf-compare-form [data-value='1']")
    page.click(".cf-compare-form [data-value='never-seen']")
    assert "never saw it" in page.locator(".cf-compare-form").inner_text()
    page.check(".cf-checks input[value=image_query]")
    page.click("#cf-compare-more summary")
    page.select_option("#cf-compare-kind", "development")  # a rule picks; its number counts
    page.wait_for_function("document.querySelector('.cf-compare-estimate').textContent.startsWith('20 runs')")
    page.select_option("#cf-compare-kind", "")
    page.fill("#cf-compare-levels", "superclass,subgroup,style")
    page.wait_for_function("document.querySelector('.cf-compare-estimate').textContent.startsWith('2 runs')")
    page.click("#cf-compare-start")
    page.wait_for_selector(".cf-matrix .cf-square")
    return query_of(page)["compare"][0]


def test_from_the_form_to_the_table_and_to_two_runs(visit: Any, site: Site, compared: str) -> None:
    page = visit.lead(f"?compare={compared}")
    done = "document.querySelectorAll('.cf-matrix .cf-square[data-state=done]').length === 2"
    page.wait_for_function(done)
    wait_for(lambda: site.call(f"comparisons/{compared}")["state"] == "done")  # audits come after the last run
    page.wait_for_selector(".cf-bar[aria-label='Runs done']", state="hidden")
    assert page.locator(".cf-matrix thead th span").first.bounding_box()["width"] >= 100  # the target can be read
    found = site.call(f"comparisons/{compared}")
    lines = page.locator(".cf-results tbody tr")
    assert lines.first.locator("th").inner_text() == "do nothing"
    order = sorted(found["rows"][1:], key=lambda row: row["all"]["rank"])
    shown = page.eval_on_selector_all(".cf-results .cf-method", "all => all.map((node) => node.firstChild.textContent)")
    assert shown == ["do nothing", *(row["label"] for row in order)]
    first = order[0]["all"]
    if first["forgot"]["10"]:  # else nobody forgot, and a dash stands in the place of a figure
        best = page.locator(".cf-best .cf-mean").first.inner_text()
        assert f"{100 * first['matched']['least_10']['mean']:.1f}" == best
    heads = page.eval_on_selector_all(".cf-results thead th", "all => all.map((node) => node.textContent)")
    assert heads[1:4] == ["tier", "rank", "least kept at 10\u00a0%"] and "verdict" in heads
    assert "--levels superclass,subgroup,style" in found["command"]
    assert "--goal never-seen" in found["command"] and "--audits image_query" in found["command"]
    assert heads[heads.index("verdict") + 1 : heads.index("H")] == [
        "gap to reference",
        "Image query",
        "Image query at 10\u00a0%",
    ]
    shown = page.eval_on_selector_all(
        "td[data-column=audit-image_query] .cf-mean", "all => all.map((n) => n.textContent)"
    )
    audited = [row["all"]["audits"]["image_query"]["value"]["mean"] for row in (found["rows"][0], *order)]
    assert [float(text) for text in shown] == pytest.approx([100 * value for value in audited], abs=0.06)
    shown = page.eval_on_selector_all("td[data-column=verdict]", "all => all.map((node) => node.textContent)")
    assert shown == ["did not forget", *(row["all"]["verdict"] for row in order)]
    page.click(".cf-results thead >> text=Method")
    assert query_of(page)["sort"] == ["label"]
    names = page.eval_on_selector_all(".cf-results .cf-method", "all => all.map((node) => node.firstChild.textContent)")
    assert names == ["do nothing", *sorted(row["label"] for row in order)]
    page.wait_for_function("document.querySelector('.cf-compare-block .js-plotly-plot')?.data?.length >= 2")
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0  # the hostile name stayed a name
    squares = page.locator(".cf-matrix .cf-square")
    squares.nth(0).click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.click(".cf-chosen >> text=Side by side")
    page.wait_for_function("window.clipforget.rival?.pack")
    runs = [cell["run"] for cell in found["cells"]]
    assert [query_of(page)["run"][0], query_of(page)["vs"][0]] == runs and "compare" not in query_of(page)
    page.go_back()
    page.wait_for_selector(".cf-results")


def test_runs_of_comparisons_do_not_crowd_the_list(visit: Any, compared: str) -> None:
    page = visit.lead("?list=runs")
    page.wait_for_selector(".cf-compared >> text=runs of comparisons (2)")
    before = page.locator(".cf-runlist tbody tr").count()
    page.check(".cf-compared input")
    assert page.locator(".cf-runlist tbody tr").count() == before + 2


def test_the_list_and_an_unknown_comparison(visit: Any, compared: str) -> None:
    visit.expect(REFUSED)  # the unknown comparison
    page = visit.lead("?compare=nothing", **PHONE)
    page.click("text=All comparisons")
    page.click(".cf-compare-open")
    page.wait_for_selector(".cf-matrix")
    assert query_of(page)["compare"] == [compared]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_experiment_of_the_paper_needs_no_further_choice(visit: Any, site: Site) -> None:
    page = visit.lead("?compare=list")
    shown = site.call("setup")["experiments"]
    page.wait_for_selector("#cf-compare-experiment")
    options = page.eval_on_selector_all("#cf-compare-experiment option", "all => all.map((option) => option.value)")
    assert options == ["", *(entry["name"] for entry in shown)]
    entry = min(shown, key=lambda entry: len(entry["rows"]) * len(entry["targets"]))
    page.select_option("#cf-compare-experiment", entry["name"])
    page.wait_for_selector(f".cf-compare-form >> text={entry['note']}")
    assert not page.is_visible(".cf-checks") and not page.is_visible("#cf-compare-target")
    page.click(".cf-compare-form [data-value='1']")
    count = len(entry["rows"]) * len(entry["targets"])
    page.wait_for_function(f"document.querySelector('.cf-compare-estimate').textContent.startsWith('{count} run')")
    page.click("#cf-compare-start")
    page.wait_for_selector(".cf-matrix .cf-square")
    id = query_of(page)["compare"][0]
    site.call(f"comparisons/{id}/stop", {})
    found = site.call(f"comparisons/{id}")
    assert found["title"] == f"{entry['name']}: {entry['title']}" and found["total"] == count
    page.wait_for_selector(".cf-compare-head [data-state=stopped]")
    site.call(f"comparisons/{id}/delete", {})
    page.goto("about:blank")
