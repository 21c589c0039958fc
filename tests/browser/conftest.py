"""The real page, served by app.py in a process of its own, with one finished run on tiny data; a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from served import Site, follow_requests, serve

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
def contexts(browser: Any) -> Iterator[Any]:
    """contexts(**options): a browser context, the same one for the same options, so that its cache is warm."""
    made: dict[str, Any] = {}

    def context(**options: Any) -> Any:
        key = repr(sorted(options.items()))
        if key not in made:
            made[key] = browser.new_context(**options)
        return made[key]

    yield context
    for one in made.values():
        one.close()


@pytest.fixture
def visit(contexts: Any, site: Site) -> Iterator[Any]:
    """visit(query, **options) opens the page; at the end no console error and no request off the host may be left."""
    yield from _visiting(contexts, site)


@pytest.fixture(scope="module")
def visit_once(contexts: Any, site: Site) -> Iterator[Any]:
    """The same for what a module does once."""
    yield from _visiting(contexts, site)


def _visiting(contexts: Any, site: Site) -> Iterator[Any]:
    problems: list[str] = []
    pages = []

    def open_page(query: str = "", **options: Any) -> Any:
        options = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **options}
        page = contexts(**options).new_page()
        pages.append(page)
        page.set_default_timeout(60_000)  # nothing waits so long but on a busy machine
        page.on("console", lambda one: problems.append(f"{one.text} {one.location}") if one.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: _on_host(request.url, site.address, problems))
        follow_requests(page)
        page.goto(site.address + query)
        page.wait_for_selector("#cf-main[data-mode]", state="attached")
        return page

    open_page.problems = problems  # type: ignore[attr-defined]
    yield open_page
    for page in pages:
        page.close()
    assert not problems


def _on_host(url: str, address: str, problems: list[str]) -> None:
    if not url.startswith((address, "data:", "blob:")):
        problems.append(f"request to {url}")
