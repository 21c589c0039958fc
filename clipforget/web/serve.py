"""The page as a server: a workspace, its routes, and Gradio, which is imported here and not before."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path

from clipforget.data.catalogue import DATASETS
from clipforget.errors import BadSetting, ClipforgetError
from clipforget.workspace.workspace import Workspace


def serve(runs: Path, *, host: str, port: int, browser: bool = True, sample: bool = True) -> None:
    """Serve the page over a folder of runs until it is interrupted. Raises BadSetting where it cannot listen there."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: no request leaves this machine
    # Gradio silences this itself, but not reliably while another thread imports; the page makes no sound.
    warnings.filterwarnings("ignore", "Couldn't find ffmpeg", RuntimeWarning)
    workspace = Workspace(runs, sample=sample)
    threading.Thread(target=_warm, args=(workspace,), daemon=True).start()
    from clipforget.web.page import launch
    from clipforget.web.routes import routes

    if waiting := workspace.watch():
        print(f"{waiting} waiting {'run starts' if waiting == 1 else 'runs start'} now, one by one", flush=True)
    address = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    print(f"ClipForget on http://{address}:{port} (Ctrl+C ends it; a run at work goes on)", flush=True)
    try:
        launch(workspace, routes(workspace), host=host, port=port, browser=browser)
    except (OSError, OverflowError) as error:
        reason = str(error).split(". ")[0].rstrip(".")  # the rest names options of Gradio's, not ours
        raise BadSetting(f"Cannot serve on {host}:{port}: {reason}. Choose another with --port.") from error


def _warm(workspace: Workspace) -> None:
    """Read the registered data sets while gradio is being imported, so that the form is filled at once."""
    try:
        for name in list(DATASETS.load()):
            workspace.data(name)
    except ClipforgetError:
        pass  # the form says so, where it matters
