"""The list of functions for programs: reached from the page's help by keyboard, and as the functions describe it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from served import Site

from clipforget.web.api import Functions

pytestmark = pytest.mark.browser
NAMES = [name for name in vars(Functions) if not name.startswith("_")]


def test_the_help_leads_to_the_functions_for_programs(visit: Any, site: Site) -> None:
    page = visit.lead()
    page.keyboard.press("?")
    page.get_by_role("button", name="Use via API").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Use via API")
    dialog.get_by_text(f"{len(NAMES)} functions").wait_for()
    assert dialog.locator("summary code").all_inner_texts() == NAMES
    search = dialog.locator("details", has=page.locator("summary code", has_text="search"))
    search.locator("summary").focus()
    page.keyboard.press("Enter")
    expected = [name for name in inspect.signature(Functions.search).parameters if name != "self"]
    assert search.locator("dt b").all_inner_texts() == expected
    example = search.locator("pre").inner_text()
    assert f'Client("{site.address.rstrip("/")}")' in example and 'api_name="/search"' in example
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Example copied").wait_for()
    page.keyboard.press("Escape")
    assert dialog.count() == 0
