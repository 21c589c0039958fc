"""Queries that cannot be answered, or only in part, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from served import REFUSED, Site, query_of
from test_page import ids, opened

pytestmark = pytest.mark.browser


def test_words_the_model_was_never_taught_are_named(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&q=a+zebra")
    note = page.locator(".cf-query-note")
    assert "never taught “zebra”" in note.inner_text()
    page.click(".cf-chip >> nth=0")
    page.wait_for_function("window.clipforget.pack.query.kind === 'text' && !window.clipforget.isStale()")
    assert not note.is_visible()


def test_an_upload_that_is_no_image_is_refused_and_the_results_stay(visit: Any, site: Site) -> None:
    visit.expect(REFUSED)
    page = opened(visit, site)
    shown, upload = ids(page, "after"), page.locator("#cf-query-area input[type=file]")
    for name, data, words in (
        ("notes.jpg", b"no picture", "cannot be read as an image"),
        ("empty.png", b"", "is empty"),
    ):
        upload.set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})
        page.wait_for_selector(f".cf-toast >> text={words}")
    page.evaluate(
        """() => { const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(10 * 2 ** 20 + 1)], "large.jpg"));
            const drop = new DragEvent("drop", { dataTransfer, bubbles: true });
            document.getElementById("cf-query-area").dispatchEvent(drop); }"""
    )
    page.wait_for_selector(".cf-toast >> text=larger than 10 MiB")
    assert ids(page, "after") == shown and "up" not in query_of(page)


def test_an_address_whose_query_is_gone_falls_back_to_the_first(visit: Any, site: Site) -> None:
    visit.expect(REFUSED)  # the upload
    page = visit(f"?run={site.run}&up=0123456789abcdef")
    page.wait_for_selector(".cf-toast >> text=upload it again")
    page.wait_for_function("window.clipforget.pack?.query.label === window.clipforget.view.suggestions[0]")
    assert len(ids(page, "after")) == 24 and "up" not in query_of(page)
