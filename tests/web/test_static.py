"""The page's own scripts and style sheets: what they import exists and stands below them, and no line is too long."""

import re
from pathlib import Path

import pytest

import clipforget.web

STATIC = Path(clipforget.web.__file__).parent / "static"
FILES = [path.relative_to(STATIC).as_posix() for path in sorted(STATIC.rglob("*")) if path.suffix in (".js", ".css")]
# A script imports from its own folder and those before.
FOLDERS = ("lib", "run", "form", "compare", "explorer", "soup", "select")


@pytest.mark.parametrize("name", FILES)
def test_no_line_is_longer_than_120(name):
    long = [n for n, line in enumerate((STATIC / name).read_text(encoding="utf-8").splitlines(), 1) if len(line) > 120]
    assert not long, f"{name}: lines {long}"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_imports_lead_to_a_script_and_point_down(name):
    path = STATIC / name
    for other in re.findall(r'from "([^"]+)"', path.read_text(encoding="utf-8")):
        target = (path.parent / other).resolve()
        assert target.is_file(), f"{name} imports {other}"
        assert FOLDERS.index(target.parent.name) <= FOLDERS.index(path.parent.name), f"{name} imports {other}"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".css")])
def test_no_rule_restyles_the_whole_page_whenever_something_in_it_changes(name):
    # With a :has on the body, a change of a text in a cell restyled all 1,400 elements, in every frame of a drag.
    assert not re.findall(
        r"(?:body|:root|html|#cf-main|\.gradio-container)[\w.\[\]=\"-]*:has\(", (STATIC / name).read_text()
    )
