"""A run that refuses names, in a real browser: the After grid says why it is empty."""

from __future__ import annotations

from typing import Any

import pytest
from served import Site
from test_page import ids

pytestmark = pytest.mark.browser


def test_a_refused_prompt_says_so_and_the_original_still_answers(visit: Any, site: Site) -> None:
    run = site.finished(method="prompt_filter", settings={})
    page = visit.lead(f"?run={run}&q=two+big+things&alpha=0.5")
    page.wait_for_function("window.clipforget?.pack?.refused")
    refused = page.locator(".cf-panel[data-side=after] .cf-refused")
    assert refused.inner_text() == "Refused: this prompt names big." and refused.is_visible()
    assert ids(page, "after") == [] and len(ids(page, "before")) > 10
    notes = page.locator("#cf-notes")
    assert "changes no weights" in notes.inner_text() and notes.is_visible()
    page.evaluate("window.clipforget.setAlpha(100)")
    assert not refused.is_visible() and ids(page, "after") == ids(page, "before")
    page.evaluate("window.clipforget.setAlpha(30)")
    assert refused.is_visible() and ids(page, "after") == []
    page.evaluate("window.clipforget.search({ q: 'square', img: null, up: '' })")
    page.wait_for_function("window.clipforget.pack.query.label === 'square'")
    assert not refused.is_visible() and len(ids(page, "after")) > 10
    page.evaluate(f"window.clipforget.open({site.run!r})")
    page.wait_for_function("(run) => window.clipforget.view?.id === run", arg=site.run)
    assert "changes no weights" not in notes.inner_text(), "the note goes with its run"
