"""A public server in a real browser: two visitors see the same runs, and each can end only their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import serving

from clipforget.files import FileLock

pytestmark = pytest.mark.browser
RUN = {"forget": ["airplane/biplane"], "method": "do_nothing", "device": "cpu"}
START = "(run) => fetch('clipforget/runs', { method: 'POST', body: JSON.stringify(run) }).then((reply) => reply.json())"


@pytest.fixture(scope="module")
def public(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a public server of its own, and its runs."""
    folder = tmp_path_factory.mktemp("public")
    with serving(folder, "--public") as (address, *_):
        yield address, folder / "runs"


def test_each_visitor_sees_all_runs_and_ends_only_their_own(browser: Any, public: tuple[str, Path]) -> None:
    address, runs = public
    ann, bob = (browser.new_context(reduced_motion="reduce").new_page() for _ in range(2))
    for page in (ann, bob):
        page.set_default_timeout(120_000)
        page.goto(address)
        page.wait_for_selector("#cf-picker .cf-tile")
    assert ann.locator("#cf-setting-eval").count() == 0 and "Everybody here can see" in ann.inner_text("#cf-go")
    assert not any(word in ann.inner_text("#cf-setup").lower() for word in ("folder", "path", ".tar"))
    with FileLock(runs / ".lane-cpu"):  # so that it waits
        id = ann.evaluate(START, RUN)["id"]
        for page, own in ((bob, False), (ann, True)):
            page.evaluate("(run) => window.clipforget.open(run)", id)
            page.wait_for_selector(".cf-progress")
            assert page.locator("#cf-stop").is_visible() is own
            page.evaluate("window.clipforget.openCompare('list')")
            page.wait_for_selector("#cf-compare-model")
            assert page.evaluate("document.querySelector('#cf-compare-data').tagName") == "SELECT"
            page.evaluate("window.clipforget.openRuns()")
            line = page.locator(".cf-runlist tbody tr:visible", has_text="do_nothing")
            line.wait_for()
            assert ("yours" in line.inner_text()) is own
            assert line.get_by_title("Delete this run").or_(line.get_by_title("Stop this run")).count() == own
        line.get_by_title("Stop this run").click()
        line.get_by_text("stopped").wait_for()
    for page in (ann, bob):
        page.context.close()
