"""What a visitor does with the explorer, done in a real browser."""

from __future__ import annotations

import re
import zipfile
from typing import Any

import pytest
from drag import drag
from served import HOSTILE, REFUSED, Site, query_of, settle, unfold

pytestmark = pytest.mark.browser


def opened(visit: Any, site: Site, more: str = "", anew: bool = False, **options: Any) -> Any:
    """The page with the finished run open and its images asked for; led there, where an earlier test left a page."""
    page = (visit if anew else visit.lead)(f"?run={site.run}{more}", **options)
    page.wait_for_selector("#cf-main[data-mode=open]", state="attached")
    page.wait_for_function("window.clipforget?.pack")
    return page


def ids(page: Any, side: str) -> list[str]:
    """The image addresses of a grid, in order."""
    return page.eval_on_selector_all(
        f".cf-panel[data-side={side}] .cf-cell:not([hidden]) img", "all => all.map((i) => i.src)"
    )


def alpha(page: Any) -> str:
    """The alpha that the slider tells."""
    return page.get_attribute("#cf-slider input[type=range]", "aria-valuetext")[:4]


def test_answers_soon_and_opens_a_run_from_the_start_page(visit: Any, site: Site) -> None:
    assert site.answered < 100  # 10 s alone; a test machine may be ten times busier
    page = visit()
    page.wait_for_selector(".cf-demo:not([hidden])")
    count = page.locator(".cf-demo figure:last-of-type .cf-demo-count")
    before = page.inner_text(".cf-demo figure >> nth=0 >> .cf-demo-count")
    page.locator(".cf-demo input").fill("100")
    assert count.inner_text() == before, "at alpha 1 the example is the original"
    page.click("#cf-open-sample")
    page.wait_for_selector("#cf-main[data-mode=open]", state="attached")
    assert query_of(page)["run"] == [site.run]
    page.go_back()
    page.wait_for_selector("#cf-open-sample")


def test_drag_follows_the_mouse_and_asks_nothing(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=1")
    settle(page)
    found = drag(page)
    times = f"median {found['median']} ms, p95 {found['p95']} ms to the screen"
    print(f"drag: {found['inputs']} inputs, {times}, {found['alphas']} alphas shown")
    assert found["requests"] == []
    assert found["shown"] == found["slider"] == "0.00"
    assert found["alphas"] >= 0.75 * min(found["inputs"], found["frames"])  # as good as every frame shows another one
    assert found["inputs"] >= 45
    settle(page)
    assert work(page) < 0.005, "a page at which nobody looks costs nothing"


def work(page: Any) -> float:
    """The seconds that scripts take in a second in which nothing is asked for."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    told = [0.0, 0.0]
    for i in range(2):
        metrics = session.send("Performance.getMetrics")["metrics"]
        told[i] = next(each["value"] for each in metrics if each["name"] == "ScriptDuration")
        page.wait_for_timeout(1000 * (1 - i))
    session.detach()
    return told[1] - told[0]


def test_ends_of_the_path(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=1")
    assert ids(page, "after") == ids(page, "before")
    page.evaluate("window.clipforget.setAlpha(0)")
    pack = page.evaluate("window.clipforget.pack.after.ids[0]")
    view = page.evaluate("window.clipforget.view.gallery")
    wanted = [f"/images/{view['data']}/{view['items'][i][0]}?size=96" for i in pack]
    assert all(src.endswith(end) for src, end in zip(ids(page, "after"), wanted, strict=True))


def test_summary_scores_are_per_cent(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=0")
    shown = [float(number) for number in re.findall(r"[\d.]+", page.inner_text(".cf-card[aria-label='H / Score']"))]
    assert len(shown) >= 4 and max(shown) <= 100


def test_two_quick_inputs_end_on_the_second(visit: Any, site: Site) -> None:
    page = opened(visit, site)
    page.eval_on_selector(
        "#cf-slider input[type=range]",
        """(range) => { for (const value of ["0.80", "0.23"]) {
            range.value = value; range.dispatchEvent(new Event("input", { bubbles: true })); } }""",
    )
    page.wait_for_timeout(300)
    assert alpha(page) == "0.23"
    page.evaluate(
        """() => { const { search } = window.clipforget;
            search({ q: "a photo of a disc.", img: null, up: "" });
            search({ q: "square", img: null, up: "" }); }"""
    )
    page.wait_for_function("window.clipforget.pack.query.label.includes('square')")
    page.wait_for_timeout(300)
    assert page.locator("#cf-query").input_value() == "square"
    assert "square" in page.evaluate("window.clipforget.pack.query.label")


def test_every_way_to_set_alpha_agrees(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=0.5")
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if request.url.startswith(f"{site.address}?") else None
    )

    def agrees(value: str) -> None:
        page.wait_for_function("(value) => new URLSearchParams(location.search).get('alpha') === value", arg=value)
        assert alpha(page) == value
        assert float(page.locator("#cf-slider input[type=range]").input_value()) == float(value)
        assert float(page.locator(".cf-alpha-number").input_value()) == float(value)

    agrees("0.50")
    page.locator(".cf-alpha-number").fill("0.62")
    agrees("0.62")
    page.keyboard.press("Tab")
    page.locator("body").click(position={"x": 700, "y": 5})
    page.keyboard.press("[")
    agrees("0.61")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    agrees("0.63")
    page.click("#cf-reset")
    agrees("1.00")
    page.click("#cf-best")
    agrees(f"{page.evaluate('window.clipforget.view.best'):.2f}")
    page.wait_for_function("document.querySelector('#cf-pane-alpha .js-plotly-plot')?._fullLayout?.xaxis")
    place = page.evaluate(
        """() => { const plot = document.querySelector("#cf-pane-alpha .js-plotly-plot");
            plot.scrollIntoView({ block: "center" });
            const box = plot.getBoundingClientRect(), { xaxis, yaxis } = plot._fullLayout;
            const row = window.clipforget.view.rows.find((row) => row.key === "others");
            return [box.x + xaxis._offset + xaxis.l2p(0.3), box.y + yaxis._offset + yaxis.l2p(row.after[30])]; }"""
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    page.mouse.click(*place)
    page.wait_for_function("window.clipforget.index >= 28 && window.clipforget.index <= 32")
    agrees(f"{page.evaluate('window.clipforget.index') / 100:.2f}")
    axis = "JSON.stringify(document.querySelector('#cf-pane-alpha .js-plotly-plot')._fullLayout.xaxis.range)"
    whole = page.evaluate(axis)

    def drag_over_the_chart() -> None:
        page.mouse.move(*place)
        page.mouse.down()
        page.mouse.move(place[0] + 60, place[1] + 60, steps=4)
        page.mouse.up()

    drag_over_the_chart()
    moved = page.evaluate("window.clipforget.index")
    assert moved > 32 and page.evaluate(axis) == whole, "dragging moves alpha and does not zoom"
    agrees(f"{moved / 100:.2f}")
    assert f"At alpha {moved / 100:.2f}" in page.inner_text("#cf-pane-alpha .cf-help"), "the chart says what it shows"
    page.click("#cf-pane-alpha >> text=Zoom")
    drag_over_the_chart()
    page.wait_for_function(f"(whole) => {axis} !== whole", arg=whole)
    assert page.evaluate("window.clipforget.index") == moved
    page.click("#cf-pane-alpha >> text=Zoom")
    page.wait_for_function(f"(whole) => {axis} === whole", arg=whole)
    assert asked == [], "no clip path of a chart names an earlier address of the page"


def test_nothing_the_page_does_surprises(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=0.7")
    settle(page)
    box, asked = page.locator(".cf-alpha-number"), query_of(page)
    assert box.input_value() == "0.70"
    for wrong in ("", "5", "-1"):
        box.fill(wrong)
        assert box.get_attribute("aria-invalid") == "true", wrong
        box.blur()
        now = (alpha(page), box.input_value(), float(page.input_value("#cf-slider input[type=range]")), query_of(page))
        assert now == ("0.70", "0.70", 0.7, asked), "what is no alpha changes nothing, neither box nor thumb"
    box.fill("0.2")
    assert alpha(page) == "0.20"
    box.press("Enter")
    assert box.input_value() == "0.20"

    runs = len(site.call("runs")["runs"])
    visit.expect(REFUSED)  # the query
    page.fill("#cf-query", "x" * 400)
    page.keyboard.press("Control+Enter")
    page.wait_for_function("document.querySelector('.cf-query-note').textContent.includes('300 characters')")
    assert len(page.input_value("#cf-query")) == 400, "it stays in the box, to be shortened"
    assert query_of(page)["q"] == asked["q"], "and leaves the address"
    assert page.locator(".cf-panel .cf-sub", has_text="still").count() == 0
    assert len(site.call("runs")["runs"]) == runs and page.locator("#cf-main[data-mode=open]").count(), "no run began"

    width = "document.querySelector('#cf-slider input[type=range]').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.click("#cf-play")
    page.wait_for_selector("#cf-play >> text=Pause")
    assert page.evaluate(width) == before, "Pause takes no more room than Play"
    page.click("#cf-play")

    page.evaluate("window.clipforget.useSettings(window.clipforget.view.config)")
    page.click("#cf-copy-link")
    toasts = "[...document.querySelectorAll('.cf-toast')].map((one) => one.textContent).join()"
    page.wait_for_function(f"{toasts} === 'Link copied'")  # they do not pile up

    page.locator(".cf-error-card .cf-explain").focus()
    page.keyboard.press("Enter")
    assert "share of the original" in page.inner_text(".cf-explained")
    page.keyboard.press("Escape")
    page.wait_for_selector(".cf-explained", state="hidden")


def test_retrieval_follows_alpha_and_a_prompt_can_be_searched_for(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=1&view=retrieval")
    settle(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.resource_type != "image" else None)
    numbers = "lines => lines.map((line) => [...line.querySelectorAll('.cf-number')].map((one) => one.textContent))"
    lines = page.locator("#cf-pane-retrieval tbody tr")
    assert all(before == after and change == "±0.0" for before, after, change in lines.evaluate_all(numbers))
    rows = page.evaluate("window.clipforget.view.retrieval.rows")
    for index in (0, 37):
        page.evaluate("(index) => window.clipforget.setAlpha(index)", index)
        shown = [after for _, after, _ in lines.evaluate_all(numbers)]
        assert shown == [f"{100 * row['after'][index]:.1f}%" for row in rows]
    assert asked == [] and len(rows) == 5
    page.click("#cf-pane-retrieval tbody button")
    page.wait_for_function("window.clipforget.pack.query.label === 'a photo of a disc.'")
    page.evaluate(
        """() => { const { view, bus } = window.clipforget;
            window.clipforget.view = { ...view, id: "older", retrieval: undefined };
            bus.emit("view"); }"""
    )
    assert "before there were retrieval scores" in page.locator("#cf-pane-retrieval").inner_text()


def test_reload_and_history_keep_the_view(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=0.4&view=recipe&k=12")
    page.fill("#cf-query", "a photo of a stripe.")
    page.keyboard.press("Enter")
    page.wait_for_function("window.clipforget.pack?.query.label.includes('stripe')")
    shown = ids(page, "after")
    assert len(shown) == 12
    page.reload()
    page.wait_for_function("window.clipforget?.pack?.query.label.includes('stripe')")
    assert (alpha(page), ids(page, "after")) == ("0.40", shown)
    assert page.locator("#cf-tab-recipe").get_attribute("aria-selected") == "true"
    page.go_back()
    page.wait_for_function("window.clipforget.pack && !window.clipforget.pack.query.label.includes('stripe')")


def test_search_by_image_lightbox_peek_and_exact(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=0.37")
    first = page.locator(".cf-panel[data-side=after] .cf-thumb").first
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog.cf-lightbox[open]")
    before = page.locator(".cf-lightbox img").get_attribute("src")
    page.keyboard.press("ArrowRight")
    assert page.locator(".cf-lightbox img").get_attribute("src") != before
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog.cf-lightbox", state="hidden")
    page.keyboard.down("b")
    assert ids(page, "after") == ids(page, "before")
    page.keyboard.up("b")
    page.click("#cf-exact")
    page.wait_for_function("document.querySelector('.cf-error-card .cf-value span').textContent === 'exact'")
    assert query_of(page)["alpha"] == ["0.37"]
    first.focus()
    page.keyboard.press("s")
    page.wait_for_function("window.clipforget.pack?.query.kind === 'image'")
    assert "img" in query_of(page)


def test_every_image_can_be_reached_and_has_a_name(visit: Any, site: Site) -> None:
    page = opened(visit, site)
    cells = page.locator(".cf-cell:not([hidden]) .cf-thumb")
    shown = cells.count()
    assert shown == 48, cells.evaluate_all("all => all.map((b) => b.closest('section, [id]').outerHTML.slice(0, 90))")
    stops = ".cf-panel[data-side={}] .cf-thumb[tabindex='0']"
    assert [page.locator(stops.format(side)).count() for side in ("before", "after")] == [1, 1], "a grid is one stop"
    page.focus("[data-k=all]")
    page.keyboard.press("Tab")
    reached, value = [], alpha(page)
    columns = page.evaluate(
        "getComputedStyle(document.querySelector('.cf-grid')).gridTemplateColumns.split(' ').length"
    )
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "End", "ArrowRight", "Home", "Shift+Tab", "Tab"):
        page.keyboard.press(key)
        reached.append(cells.evaluate_all("all => all.indexOf(document.activeElement)"))
    assert reached == [1, columns + 1, columns, 0, 23, 23, 0, -1, 0]
    assert alpha(page) == value, "on an image that the keyboard has reached the arrows walk"
    cells.nth(3).click()
    page.click(".cf-lightbox [aria-label=Close]")
    page.keyboard.press("ArrowLeft" if value == "1.00" else "ArrowRight")
    assert alpha(page) != value, "and move alpha where the mouse was"
    assert page.evaluate(
        "[...document.querySelectorAll('#cf-explorer .cf-cell:not([hidden]) img')].every((i) => i.alt)"
    )


def test_nothing_hides_what_the_keyboard_has_reached(visit: Any, site: Site) -> None:
    page = opened(visit, site)
    unfold(page)
    settle(page)
    page.focus("#cf-method-select")
    reached = 0
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.id !== 'cf-run'"):
        assert page.evaluate(
            "document.activeElement.getBoundingClientRect().bottom <= "
            "document.querySelector('#cf-go').getBoundingClientRect().top"
        )
        reached += 1
        assert reached < 40
        page.keyboard.press("Tab")
    assert reached > 5


def test_hostile_names_are_text(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&view=classes")
    page.evaluate("(name) => window.clipforget.search({ q: name, img: null, up: '' })", HOSTILE)
    page.wait_for_function("window.clipforget.pack.query.kind === 'text'")
    page.wait_for_timeout(500)
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    names = page.evaluate("window.clipforget.view.gallery.subgroups")
    assert any(name.startswith("${alert(1)} <img") for name in names)
    assert page.locator("#cf-query").input_value() == HOSTILE


def test_bad_addresses_show_what_is_wrong(visit: Any, site: Site) -> None:
    page = visit("?run=../../etc/passwd&alpha=nan&img=-3&view=nothing")
    page.wait_for_selector(".cf-end[data-state=missing]")
    page = opened(visit, site, "&alpha=5&k=7&view=nothing")
    assert re.fullmatch(r"[01]\.\d\d", alpha(page))


def test_server_away_is_said_and_mended(visit: Any, site: Site) -> None:
    page = opened(visit, site)
    visit.expect("net::ERR_FAILED")
    page.route("**/clipforget/**", lambda route: route.abort())
    page.fill("#cf-query", "a photo of a stripe.")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cf-away:not([hidden])")
    assert "still" in page.locator(".cf-panel[data-side=after] h2").inner_text()  # the grids show the query before
    page.unroute("**/clipforget/**")
    page.wait_for_selector("#cf-away", state="hidden")
    page.wait_for_function("window.clipforget.pack.query.label.includes('stripe')")


def test_the_model_is_exported_where_the_slider_stands(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=0.3")
    page.click("#cf-export summary")
    page.wait_for_selector(".cf-export-model a[href]")  # the first to load the model
    assert page.input_value("#cf-export-alpha") == "0.30"
    refused = page.locator(".cf-export-model label", has_text="For transformers")
    assert refused.locator("input").is_disabled() and "is a ResNet" in refused.inner_text()
    save = page.locator(".cf-export-model a")
    whole = save.inner_text()
    page.check("input[value=patch]")
    assert re.fullmatch(r"Download \.zip, [\d.]+ MB", whole) and save.inner_text() != whole
    page.fill("#cf-export-alpha", "1.5")
    assert save.inner_text() == "Alpha is 0 to 1" and save.get_attribute("href") is None
    page.fill("#cf-export-alpha", "0.25")
    with page.expect_download() as waiting:
        save.click()
    assert waiting.value.suggested_filename == f"{site.run}-alpha025-patch.zip"
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert {name.rpartition("/")[2] for name in archive.namelist()} == {"README.md", "patch.safetensors"}
    assert not page.locator(".cf-exports").is_visible()
