"""The server's own surroundings."""

import os
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

import clipforget.web.page
from clipforget.web.serve import serve
from clipforget.workspace.workspace import Workspace


def test_gradio_keeps_its_files_in_a_folder_of_this_server(tmp_path, monkeypatch):
    """TMPDIR/gradio may belong to another user, which stopped the server."""
    folders = []

    def build(*_):
        folders.append(Path(os.environ["GRADIO_TEMP_DIR"]))
        assert folders[0].is_dir()
        return Starlette()

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    monkeypatch.setattr(clipforget.web.page, "build_app", build)
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    monkeypatch.setattr(Workspace, "watch", lambda self: 0)
    serve(tmp_path, host="127.0.0.1", port=0, browser=False)
    assert folders and not folders[0].exists()
