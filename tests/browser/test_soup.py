"""Several forgettings in one soup, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from accessible import PHONE, violations
from served import REFUSED, Site, query_of

pytestmark = pytest.mark.browser
EXACT = "document.querySelector('.cf-soup-status')?.dataset"
SHOWN = "[...document.querySelectorAll('.cf-soup-cards .cf-value')].map((value) => value.textContent)"


@pytest.fixture(scope="module")
def second(visit_once: Any, site: Site) -> str:
    """A second run on the same original, with another target; its soup waits for it and opens when it is done."""
    run: str = site.call("runs", site.config(forget=["square/small"]))["id"]
    page = visit_once(f"?soup={site.run},{run}")
    page.wait_for_selector(".cf-soup-slider")
    assert site.state(run) == "done"
    return run


def settled(page: Any) -> None:
    """Wait until what is shown is exact and nothing is being computed."""
    page.wait_for_function(f"{EXACT}?.exact === 'exact' && {EXACT}.idle === 'true'")


def test_dragging_asks_nothing_and_letting_go_is_exact(visit: Any, site: Site, second: str) -> None:
    page = visit("?list=runs")
    for run in (site.run, second):
        page.locator(f"input[data-focus='choose {run}']").check()
    page.click("#cf-runs-soup")
    settled(page)
    assert sorted(query_of(page)["soup"][0].split(",")) == sorted([site.run, second])
    page.fill("#cf-soup-name", "both at once")

    slider = page.locator(".cf-soup-slider input[type=range]").nth(1)
    box = slider.bounding_box()
    y, left, width = box["y"] + box["height"] / 2, box["x"] + 8, box["width"] - 16
    at = float(slider.input_value())
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if request.resource_type != "image" else None)
    page.mouse.move(left + at * width, y)
    page.mouse.down()
    seen = set()
    for step in range(1, 21):
        page.mouse.move(left + width * (at + step * (0.83 - at) / 20), y)
        seen.add((slider.input_value(), *page.evaluate(SHOWN)))
    assert len({alpha for alpha, *_ in seen}) > 10 and not requests
    assert page.evaluate(EXACT + ".exact") in ("bounded", "exact")
    page.mouse.up()
    page.wait_for_function("new URLSearchParams(location.search).get('alphas')?.includes('0.83')")
    settled(page)
    assert any("/soups/line" in url and "exact=1" in url for url in requests)
    alphas = query_of(page)["alphas"][0]
    line = site.call(f"soups/line?runs={query_of(page)['soup'][0]}&alphas={alphas}&slider=1&text=disc&exact=1")
    assert 0.83 in line["nodes"]
    assert page.evaluate(SHOWN) == [*(f"{100 * row['after'][83]:.1f}%" for row in line["rows"]), f"{line['h'][83]:.1f}"]
    assert violations(page) == []

    chip = page.locator(".cf-soup-query .cf-chip").nth(1)  # another query: the same point, another ranking
    chip.click()
    page.wait_for_function("(q) => new URLSearchParams(location.search).get('q') === q", arg=chip.inner_text())
    settled(page)
    page.click("#cf-soup-save")
    page.wait_for_function("Boolean(window.clipforget.view)")
    (saved,) = query_of(page)["run"]
    assert page.evaluate("window.clipforget.view.title") == "both at once"
    view = site.call(f"runs/{saved}/view")
    assert view["command"].split()[3] == "soup" and [float(alpha) for alpha in view["settings"].values()][1] == 0.83
    page.evaluate("window.clipforget.useSettings(window.clipforget.view.config)")  # leads back to the sliders
    page.wait_for_function("Boolean(new URLSearchParams(location.search).get('soup'))")
    assert [float(alpha) for alpha in query_of(page)["alphas"][0].split(",")] == [*view["settings"].values()]
    rows = {row["key"]: row for row in view["rows"]}
    for row in line["rows"]:
        if row["key"] in rows:
            assert rows[row["key"]]["after"][0] == pytest.approx(row["after"][83], abs=1e-3)


def test_a_phone_refusals_and_the_way_in(visit: Any, site: Site, second: str) -> None:
    page = visit(f"?soup={site.run},{second}&alphas=0.5,1&q=disc", **PHONE, color_scheme="dark")
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [box.input_value() for box in page.locator(".cf-soup-slider input[type=number]").all()] == ["0.50", "1.00"]
    assert page.locator(".cf-soup-both .cf-panel[data-side=before]").is_hidden()
    page.click(".cf-soup-sides >> text=Before")
    assert page.locator(".cf-soup-both .cf-panel[data-side=after]").is_hidden()
    visit.expect(REFUSED)
    for runs, sentence in ((site.run, "2 to 6 finished runs"), (f"{site.run},nothing", "nothing")):
        page.evaluate("(runs) => window.clipforget.openSoup(runs.split(','))", runs)
        page.wait_for_function("(text) => document.querySelector('.cf-end')?.textContent.includes(text)", arg=sentence)
    page.evaluate("window.clipforget.open('')")
    page.click("#cf-open-soup")
    page.wait_for_selector("#cf-soup-example")
