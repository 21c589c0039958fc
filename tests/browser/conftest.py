"""The real page, served by app.py in a process of its own, with one finished run on tiny data; a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from served import Site, answered, follow_requests, serve

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # other sites
]


@pytest.fixture(scope="session")
def site(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """app.py on a free port, with a finished run; not started where there is no browser."""
    with serve(tmp_path_factory.mktemp("site")) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, driven by playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test installs it")
    with playwright.sync_playwright() as driver:
        paths = [
            os.environ.get("CLIPFORGET_BROWSER"),
            *map(shutil.which, BROWSERS),
            MAC,
            driver.chromium.executable_path,
        ]
        path = next((path for path in paths if path and os.path.exists(path)), None)
        if path is None:
            pytest.skip("There is no Chromium on this machine; install the package chromium to run the browser tests.")
        running = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def context(browser: Any) -> Iterator[Any]:
    """The one browser context of all tests: its caches are warm."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(120_000)  # nothing waits so long but on a very busy machine
    yield context
    context.close()


@pytest.fixture(scope="session")
def tabs() -> dict[str, list[Any]]:
    """The tabs that earlier tests left, by the options they were opened with."""
    return {}


@pytest.fixture
def visit(context: Any, tabs: dict[str, list[Any]], site: Site, request: pytest.FixtureRequest) -> Iterator[Any]:
    """visit(query, **options) opens the page; at the end no console error and no request off the host may be left.

    visit.lead(query, **options) opens it as a link inside it does, where an earlier test left it: that costs a tenth.
    The options are viewport, has_touch and color_scheme. What a test may find in the console it names by a part of it:
    visit.expect(words).
    """
    yield from _visiting(context, tabs, site, request.session)


@pytest.fixture(scope="module")
def visit_once(context: Any, tabs: dict[str, list[Any]], site: Site, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The same for what a module does once."""
    yield from _visiting(context, tabs, site, request.session)


VIEWPORT = {"width": 1440, "height": 900}
LEAD = """(query) => {
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
    document.querySelector(".cf-phone [data-side=after]")?.click();  // a phone begins with After
    document.activeElement?.blur();
    scrollTo(0, 0);
    Object.assign(window.clipforget, { view: null, rival: null, pack: null, answered: null, audits: null });
    history.pushState(history.state, "", location.pathname + query);
    dispatchEvent(new PopStateEvent("popstate"));
}"""


def _visiting(context: Any, tabs: dict[str, list[Any]], site: Site, session: pytest.Session) -> Iterator[Any]:
    problems: list[str] = []
    # What Gradio says of its stream when a page is left.
    expected = ["AbortError: signal is aborted", "Unexpected error Connection errored out."]
    taken: dict[str, Any] = {}  # tabs by their options

    def take(options: dict[str, Any]) -> Any:
        key = repr(sorted(options.items()))
        if key not in taken:
            free = tabs.setdefault(key, [])
            page = taken[key] = free.pop() if free else _tab(context, site.address, **options)
            page.bring_to_front()  # in the back its timers and frames would hardly run
            page.set_viewport_size(options.get("viewport", VIEWPORT))  # which the test before may have changed
        return taken[key]

    def open_page(query: str = "", **options: Any) -> Any:
        page = take(options)
        if page.url.startswith(site.address):
            page.evaluate("sessionStorage.clear()")  # steps that were folded
        page.goto("about:blank")  # what the last test asked for and no longer needs ends here
        page.problems = problems
        page.goto(site.address + query)
        page.wait_for_selector("#cf-main[data-mode]", state="attached")
        return page

    def lead(query: str = "", **options: Any) -> Any:
        page = take(options)
        if not page.url.startswith(site.address):
            return open_page(query, **options)
        page.problems = problems
        page.evaluate(LEAD, query or "?")
        return page

    open_page.expect = expected.append  # type: ignore[attr-defined]
    open_page.lead = lead  # type: ignore[attr-defined]
    failed = session.testsfailed
    yield open_page
    whole = session.testsfailed == failed
    for page in taken.values():
        with suppress(Exception):
            page.unroute_all(behavior="ignoreErrors")
            answered(page)  # and complained of in this test, not in the next one
    left = [problem for problem in problems if not any(words in problem for words in expected)]
    for key, page in taken.items():
        if whole and not left:
            tabs[key].append(page)
            continue
        with suppress(Exception):
            page.evaluate("localStorage.clear()")  # what is remembered for good, as the blur of images
        page.close()
    if not whole:
        with suppress(Exception):
            site.stop_all()
    assert not left


def _tab(context: Any, address: str, has_touch: bool = False, color_scheme: str | None = None, **_: Any) -> Any:
    page = context.new_page()
    page.emulate_media(color_scheme=color_scheme)
    if has_touch:
        page.wire = context.new_cdp_session(page)  # as long as there is one
        page.wire.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    page.on("console", lambda one: page.problems.append(f"{one.text} {one.location}") if one.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("dialog", lambda dialog: (page.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: _on_host(request.url, address, page.problems))
    follow_requests(page)
    return page


def _on_host(url: str, address: str, problems: list[str]) -> None:
    if not url.startswith((address, "data:", "blob:")):
        problems.append(f"request to {url}")
