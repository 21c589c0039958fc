"""Start the page: read the options, build a Workspace, launch. Nothing happens on import.

python app.py                     http://127.0.0.1:7860, opened in the browser
python app.py --host 0.0.0.0 --port 8000 --runs /data/runs --no-browser
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; 0, or 2 with one line where the page cannot start."""
    options = _parser().parse_args(arguments)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: no request leaves this machine
    from clipforget.workspace.workspace import Workspace

    workspace = Workspace(options.runs, sample=not options.no_sample)
    threading.Thread(target=_warm, args=(workspace,), daemon=True).start()
    from clipforget.web.page import launch
    from clipforget.web.routes import routes

    shown = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host
    print(f"ClipForget on http://{shown}:{options.port} (Ctrl+C ends it; runs go on by themselves)", flush=True)
    try:
        launch(workspace, routes(workspace), host=options.host, port=options.port, browser=not options.no_browser)
    except (OSError, OverflowError) as error:
        reason = str(error).split(". ")[0].rstrip(".")  # the rest names options of Gradio's, not ours
        print(f"Cannot serve on {options.host}:{options.port}: {reason}. Choose another with --port.", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app.py", description="ClipForget: make a CLIP model forget, and watch it.")
    # Gradio's own names are those that Hugging Face Spaces sets.
    host = os.environ.get("CLIPFORGET_HOST") or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    port = os.environ.get("CLIPFORGET_PORT") or os.environ.get("GRADIO_SERVER_PORT", "7860")
    parser.add_argument("--host", default=host, help="address to listen on; 0.0.0.0 for every network (%(default)s)")
    parser.add_argument("--port", type=int, default=port, help="port to listen on (%(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (%(default)s)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--no-sample", action="store_true", help="leave the sample run out")
    return parser


def _warm(workspace: object) -> None:
    """Read the embedded images while gradio is being imported, so that the form is filled at once."""
    from clipforget.data.catalogue import DATASETS
    from clipforget.errors import ClipforgetError

    try:
        for name in DATASETS.load():
            workspace.data(name)  # type: ignore[attr-defined]
    except ClipforgetError:
        pass  # the form says so, where it matters


if __name__ == "__main__":
    sys.exit(main())
