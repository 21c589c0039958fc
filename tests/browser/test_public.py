"""A public server in a real browser: two visitors see the same runs, and each can end only their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from served import serving

pytestmark = pytest.mark.browser
RUN = {"forget": ["airplane/biplane"], "method": "do_nothing", "device": "cpu"}
START = "(run) => fetch('clipforget/runs', { method: 'POST', body: JSON.stringify(run) }).then((reply) => reply.json())"


@pytest.fixture(scope="module")
def address(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A public server of its own."""
    with serving(tmp_path_factory.mktemp("public"), "--public") as (address, *_):
        yield address


def test_each_visitor_sees_all_runs_and_ends_only_their_own(browser: Any, address: str) -> None:
    ann, bob = (browser.new_context(reduced_motion="reduce").new_page() for _ in range(2))
    for page in (ann, bob):
        page.set_default_timeout(120_000)
        page.goto(address)
        page.wait_for_selector("#cf-picker .cf-tile")
    assert ann.locator("#cf-setting-eval").count() == 0 and "Everybody here can see" in ann.inner_text("#cf-go")
    assert not any(word in ann.inner_text("#cf-setup").lower() for word in ("folder", "path", ".tar"))
    id = ann.evaluate(START, RUN)["id"]
    for page, own in ((ann, True), (bob, False)):
        page.goto(f"{address}?run={id}")
        page.wait_for_selector("#cf-main[data-mode]:not([data-mode=loading])")
        page.evaluate("window.clipforget.openCompare('list')")
        page.wait_for_selector("#cf-compare-model")
        assert page.evaluate("document.querySelector('#cf-compare-data').tagName") == "SELECT"
        page.goto(f"{address}?list=runs")
        line = page.locator(".cf-runlist tbody tr:visible", has_text="do_nothing")
        line.wait_for()
        assert ("yours" in line.inner_text()) is own
        assert line.locator("[title='Delete this run'], [title='Stop this run']").count() == own
    for page in (ann, bob):
        page.context.close()
