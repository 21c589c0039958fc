"""Two runs side by side, driven by one slider, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from accessible import PHONE
from served import REFUSED, Site, query_of, tables_fit

pytestmark = pytest.mark.browser
GRID = """(side) => [...document.querySelectorAll(`.cf-panel[data-side=${side}] .cf-cell:not([hidden]) img`)]
    .map((image) => image.src)"""


@pytest.fixture(scope="module")
def second(site: Site) -> str:
    """A second finished run on the same images, by another method."""
    return site.finished(method="gradient_ascent", settings={"steps": 3})


def opened(visit: Any, query: str, **options: Any) -> Any:
    page = visit.lead(query, **options)
    page.wait_for_function("window.clipforget?.rival?.pack")
    return page


def wanted(page: Any, pack: str) -> list[str]:
    """The image addresses that a side must show at the present alpha, from the packs the server gave."""
    return page.evaluate(
        """(pack) => { const { clipforget: app } = window, own = pack === "b" ? app.rival.pack : app.pack;
            return own.after.ids[app.index].map((id) => new URL(
                `clipforget/images/${app.view.gallery.data}/${app.view.gallery.items[id][0]}?size=96`,
                document.baseURI).href); }""",
        pack,
    )


def test_one_slider_drives_both_runs_and_everything_stands_in_the_address(visit: Any, site: Site, second: str) -> None:
    page = opened(visit, f"?run={site.run}&vs={second}&alpha=0.3")
    for step in (30, 0):
        page.evaluate("(step) => window.clipforget.setAlpha(step)", step)
        assert page.evaluate(GRID, "before") == wanted(page, "a")
        assert page.evaluate(GRID, "after") == wanted(page, "b")
    assert "targeted" in page.locator(".cf-panel[data-side=before] h2").inner_text()
    assert "gradient ascent" in page.locator(".cf-panel[data-side=after] h2").inner_text()
    row = page.evaluate(
        """[window.clipforget.view, window.clipforget.rival.view].map((view) =>
            view.rows.find((row) => row.key === "others").after[0])"""
    )
    card = page.locator(".cf-card.cf-others").inner_text()
    assert f"{100 * row[0]:.1f}%" in card and f"{100 * row[1]:.1f}%" in card
    page.click("#cf-vs + .cf-button")  # exchange
    page.wait_for_function("(id) => window.clipforget.view.id === id && window.clipforget.rival?.pack", arg=second)
    assert query_of(page)["run"] == [second] and query_of(page)["vs"] == [site.run]
    page.go_back()
    page.wait_for_function("(id) => window.clipforget.view.id === id && window.clipforget.rival?.pack", arg=site.run)
    page.select_option("#cf-vs", "")
    page.wait_for_function("!window.clipforget.rival && document.querySelector('.cf-heading').textContent === 'Before'")
    assert "vs" not in query_of(page)


def test_a_run_that_cannot_stand_beside_is_dropped_with_a_sentence(visit: Any, site: Site) -> None:
    visit.expect(REFUSED)  # the unknown run
    page = visit.lead(f"?run={site.run}&vs=nothing")
    page.wait_for_function("document.querySelector('.cf-toast')?.textContent.includes('nothing')")
    page.wait_for_function("document.querySelector('.cf-heading')?.textContent === 'Before'")
    assert "vs" not in query_of(page)


def test_on_a_phone_a_switch_chooses_the_run(visit: Any, site: Site, second: str) -> None:
    page = opened(visit, f"?run={site.run}&vs={second}", **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".cf-panel[data-side=before]").is_hidden()
    page.click(".cf-switch >> text=Run A")
    assert page.locator(".cf-panel[data-side=after]").is_hidden()
    assert page.locator("#cf-vs-phone").input_value() == second
    tables_fit(page)
