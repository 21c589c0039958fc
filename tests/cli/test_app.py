"""The command `app`, and app.py, which is the same."""

import socket
import subprocess
import sys
from pathlib import Path

from clipforget.cli.main import main, read
from clipforget.workspace.bench import LONGEST_WAIT, waiting_for_page
from clipforget.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


def test_the_environment_sets_where_to_listen(monkeypatch):
    for name in ("CLIPFORGET_HOST", "CLIPFORGET_PORT", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert (read(["app"]).host, read(["app"]).port) == ("127.0.0.1", 7860)
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7000")
    assert (read(["app"]).host, read(["app"]).port) == ("0.0.0.0", 7000)
    monkeypatch.setenv("CLIPFORGET_PORT", "8000")
    assert read(["app"]).port == 8000 and read(["app", "--port", "9000"]).port == 9000


def test_a_port_that_is_none_is_refused_in_one_line(monkeypatch, line_of):
    monkeypatch.setenv("CLIPFORGET_PORT", "eighty")
    assert main(["app"]) == 2
    assert "--port: invalid int value: 'eighty'" in line_of()


def test_the_page_answers(tmp_path):
    assert waiting_for_page(Workspace(tmp_path)).number < LONGEST_WAIT


def test_a_port_in_use_is_refused_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = [sys.executable, "app.py", "--port", str(port), "--no-browser", "--no-sample", "--runs", str(tmp_path)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert f"Cannot serve on 127.0.0.1:{port}" in done.stderr and "--port" in done.stderr
