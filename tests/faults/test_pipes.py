"""A pipe in the place of any file: nobody waits for a writer who never comes."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from clipforget.cli.main import main
from clipforget.errors import ClipforgetError
from clipforget.workspace.workspace import Workspace

SECONDS = 60  # far more than any answer takes


def answers(work: Callable[[], object]) -> bool:
    """Return True where the work ends, well or with a sentence."""
    ended: list[bool] = []

    def run() -> None:
        try:
            work()
            ended.append(True)
        except ClipforgetError:
            ended.append(True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return bool(ended)


def test_a_pipe_for_any_file_of_a_run_holds_nobody_up(finished, tmp_path):
    for file in sorted(path.name for path in finished.folder.iterdir() if path.is_file()):
        folder = tmp_path / file / finished.id
        shutil.copytree(finished.folder, folder)
        (folder / file).unlink()
        os.mkfifo(folder / file)
        space = Workspace(folder.parent, sample=False)
        for work in (
            space.runs,
            lambda space=space: space.view(finished.id),
            lambda space=space: space.events(finished.id),
            lambda space=space: space.query(finished.id, image=1),
        ):
            assert answers(work), file


@pytest.mark.parametrize(
    "words",
    ["apply PIPE clipforget-tiny", "compare --methods targeted --forget a --into PIPE", "data PIPE", "models PIPE"],
)
def test_a_pipe_on_the_command_line_holds_nobody_up(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(Path("pipe.tar"))
    assert answers(lambda: main(words.replace("PIPE", "pipe.tar").split()))
