"""A data set is downloaded from the page: its terms, how far it is, a stop, and what went wrong."""

import sys
import time

import gradio as gr
import pytest
from pictures import put
from whole import in_a_loop

from clipforget.data.catalogue import DATASETS
from clipforget.errors import RunProblem
from clipforget.web.downloads import DownloadButtons
from clipforget.web.form import Form, form_choices
from clipforget.workspace.downloads import Downloads
from clipforget.workspace.workspace import Workspace

PYTHON = sys.executable
BAR = "\\r 42%|####      | 71.0M/169M [00:07<01:23, 9.9MB/s]"
AT_WORK = f"import sys, time; print({BAR!r}, end='', file=sys.stderr, flush=True); time.sleep(600)"


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Takes the code that runs in place of the command that downloads."""
    monkeypatch.setenv("CLIPFORGET_DATA", str(tmp_path / "sets"))

    def runs(code: str) -> None:
        script = put(tmp_path, "python", f"#!{PYTHON}\n{code}\n".encode())
        script.chmod(0o755)
        monkeypatch.setattr("clipforget.workspace.downloads.sys.executable", str(script))

    return runs


def until(downloads: Downloads, **wanted):
    """The state of a download once it is as wanted; busy machines take their time."""
    for _ in range(600):
        state = downloads.state()
        if all(state[key] == value for key, value in wanted.items()):
            return state
        time.sleep(0.05)
    raise AssertionError(downloads.state())


def test_progress_a_stop_and_a_refusal(command) -> None:
    downloads = Downloads()
    assert not downloads.state()["running"]
    command(AT_WORK)
    downloads.start("cifar100")
    assert until(downloads, text="42 % of 169M, 01:23 left")["running"]
    with pytest.raises(RunProblem, match="CIFAR-100 is being downloaded; wait, or stop it first"):
        downloads.start("cifar10")
    downloads.stop()
    assert "stopped; the next one goes on from there" in until(downloads, running=False)["error"]
    command("import sys; print('python -m clipforget: CIFAR-10 cannot be reached (x).', file=sys.stderr); sys.exit(2)")
    downloads.start("cifar10")
    assert until(downloads, running=False)["error"] == "CIFAR-10 cannot be reached (x)."
    command("")
    downloads.start("cifar10")
    assert until(downloads, running=False)["error"] == ""


def test_the_buttons_follow_the_choice(command, tmp_path) -> None:
    space = Workspace(tmp_path / "runs", sample=False)

    def build() -> Form:
        with gr.Blocks():
            return Form(space, form_choices(space))

    form = in_a_loop(build)
    buttons: DownloadButtons = form.download
    assert [part["visible"] for part in buttons.offer("cifar100")[:2]] == [True, False]
    for name in ("sketchbook", "stanford_cars", "cifar100:/x", "/some/folder", ""):
        assert not buttons.offer(name)[0]["visible"], name
    *_, (*_, shown) = form.show_data("cifar100")
    note = shown["about"]
    assert note["text"] == DATASETS["cifar100"].offer and "169 MB to download. Terms: From https" in note["text"]
    *_, (*_, shown) = form.show_data("stanford_cars")
    assert shown["about"]["text"].startswith("Stanford Cars is not on this disk. Its authors'")
    titles = {name: title for title, name in form.data.choices}
    assert titles["cifar100"] == "CIFAR-100 (not on disk)" and "objectnet" not in titles
    command(AT_WORK)
    assert buttons.start("cifar100")[2]["visible"]
    until(buttons.downloads, text="42 % of 169M, 01:23 left")
    assert buttons.follow()[0]["about"] == {"text": "42 % of 169M, 01:23 left"}
    assert [part["visible"] for part in buttons.offer("food101")[:2]] == [False, True]
    buttons.downloads.stop()
    until(buttons.downloads, running=False)
    assert "stopped" in buttons.follow()[0]["about"]["error"] and buttons.follow()[1]["visible"]
