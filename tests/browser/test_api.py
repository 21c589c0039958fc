"""The list of functions for programs, which Gradio draws: reached from the page's help, and these alone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clipforget.web.api import Functions

pytestmark = pytest.mark.browser
NAMES = [name for name in vars(Functions) if not name.startswith("_")]
UNASKED = ("/monitoring/summary", "/gradio_api/mcp/schema")  # what that list asks for and is not there


def test_the_help_leads_to_the_functions_for_programs(visit: Any) -> None:
    page = visit()
    for _ in range(2):  # also after a reload, with the list in the address
        page.get_by_role("button", name="Keyboard shortcuts").click()
        page.get_by_role("button", name="Use via API").click()
        listed = page.locator(".api-docs")
        listed.get_by_text("/list_methods").first.wait_for()
        assert listed.get_by_text(re.compile(r"^API name: /\w+")).count() == len(NAMES)
        page.reload()
        page.wait_for_selector("#cf-main[data-mode]", state="attached")
    visit.problems[:] = [problem for problem in visit.problems if not any(path in problem for path in UNASKED)]
