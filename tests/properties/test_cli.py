"""Whatever is written on the command line: an answer or one sentence, never a traceback.

Commands and options are those that the parser knows, so that a new one is tried by itself. They are tried up to where
a model would be loaded or trained, or the page served.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import io
import shutil
from typing import Any

import pytest
import uvicorn
from hostile import WORDS, words
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

import clipforget.models.export.hub
import clipforget.models.loading
import clipforget.models.pretrain.training
import clipforget.web.page
import clipforget.workspace.bench
from clipforget.cli.commands import COMMANDS
from clipforget.cli.main import build, main
from clipforget.data.catalogue import DATASETS
from clipforget.errors import BadModel
from clipforget.methods import METHODS
from clipforget.runs.resources import Resources
from clipforget.workspace.workers import Workers


@pytest.fixture
def desk(tmp_path, monkeypatch, finished, world) -> tuple[str, ...]:
    """A folder with a run in which nothing heavy happens; returns words that are often right."""

    def enough(*args: Any, **options: Any) -> Any:
        raise BadModel("Nothing is loaded in this test.")

    for module, name in (
        (clipforget.models.loading, "load_clip"), (clipforget.models.export.hub, "push"), (Resources, "clip"),
        (clipforget.models.pretrain.training, "pretrain"), (clipforget.workspace.bench, "measure"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, enough)
    monkeypatch.setattr(clipforget.web.page, "build_app", lambda *_: Starlette())
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    monkeypatch.setattr("webbrowser.open", enough)
    monkeypatch.setattr(Workers, "watch", lambda self: None)
    entry = DATASETS.load()["sketchbook"]
    monkeypatch.setitem(DATASETS, "sketchbook", dataclasses.replace(entry, read=functools.cache(entry.read)))
    here = tmp_path / "a" / "b" / "c"
    shutil.copytree(finished.folder, here / "runs" / finished.id)
    monkeypatch.chdir(here)
    return finished.id, "last", "runs", "disc/big", "airplane", "out", str(world.data)


def value(action: argparse.Action, good: tuple[str, ...]) -> st.SearchStrategy[str]:
    """What may stand behind an option: its default, one of its choices, a good word, or anything but a NUL."""
    default = [str(action.default)] if isinstance(action.default, str | int | float) else []
    default = [text for text in default if text != argparse.SUPPRESS]
    choices = [str(choice) for choice in action.choices or ()]
    return st.one_of(st.sampled_from([*default, *choices, *good]), words(*good)).filter(lambda text: "\0" not in text)


@st.composite
def lines(draw: st.DrawFn, command: str, good: tuple[str, ...]) -> list[str]:
    """A command line of this command; which settings it has depends on the method that is named."""
    named = ["--method", draw(st.sampled_from(sorted(METHODS.load())))] if draw(st.booleans()) else []
    actions = [a for a in build([command, *named]).commands[command]._actions if a.dest != "help"]
    options = [action for action in actions if action.option_strings]
    line = [command, *(named if any("--method" in action.option_strings for action in options) else [])]
    for action in actions:
        most = {None: 1, "?": 1}.get(action.nargs, 3)
        if not action.option_strings:
            line += draw(st.lists(value(action, good), min_size=action.nargs in (None, "+"), max_size=most))
    for action in draw(st.lists(st.sampled_from(options), max_size=4)) if options else ():
        line.append(draw(st.sampled_from(action.option_strings)))
        line += [] if action.nargs == 0 else [draw(value(action, good))]
    return line + draw(st.lists(st.sampled_from(WORDS), max_size=1).filter(lambda more: "\0" not in "".join(more)))


def judge(line: list[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(line)
    said = err.getvalue()
    assert status in (0, 1, 2), (line, said)
    assert "Traceback" not in said + out.getvalue(), line
    if status == 2:
        assert (said + out.getvalue()).strip() and len(said) < 3000, (line, said)
    assert "\x1b[31m" not in said, line


@pytest.mark.parametrize("command", sorted(COMMANDS.load()))
def test_no_command_line_ends_in_a_traceback(command, desk):
    given(lines(command, desk))(judge)()


def test_whatever_stands_first(desk):
    given(st.lists(words(*COMMANDS.load()), max_size=3))(judge)()
