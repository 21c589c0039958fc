"""The page as a server: a workspace, its routes, and Gradio, which is imported here and not before."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import warnings
import webbrowser
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from clipforget.data.catalogue import DATASETS
from clipforget.errors import BadSetting, ClipforgetError
from clipforget.workspace.public import PublicWorkspace
from clipforget.workspace.workspace import Workspace

SHUTDOWN = 2  # seconds that open streams get at the end


def serve(
    runs: Path,
    *,
    host: str,
    port: int,
    allowed_hosts: Sequence[str] = (),
    proxies: Sequence[str] = (),
    users: Mapping[str, bytes] | None = None,
    public: bool = False,
    notice: str = "",
    mcp: bool = False,
    browser: bool = True,
    sample: bool = True,
) -> None:
    """Serve the page over a folder of runs until it is interrupted; see web.gate for whom it answers.

    A public server is for strangers (see workspace.public); users have to log in; notice is printed once it
    listens; mcp adds an MCP server. Raises BadSetting where it cannot listen there, or has no MCP.
    """
    if mcp and find_spec("mcp") is None:
        raise BadSetting("--mcp needs a package that is not installed; get it with: pip install 'clipforget[mcp]'.")
    if mcp and users is not None:
        raise BadSetting("--mcp and --auth-file do not go together, as its tools cannot log in; leave one of them out.")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: no request leaves this machine
    # Gradio silences this itself, but not reliably while another thread imports; the page makes no sound.
    warnings.filterwarnings("ignore", "Couldn't find ffmpeg", RuntimeWarning)
    # Gradio's own folder, TMPDIR/gradio, may be another user's on a shared machine.
    with listen(host, port) as listening, tempfile.TemporaryDirectory(prefix="clipforget-") as temporary:
        os.environ.setdefault("GRADIO_TEMP_DIR", temporary)
        if notice:
            print(notice, flush=True)
        workspace = (PublicWorkspace if public else Workspace)(runs, sample=sample)
        threading.Thread(target=_warm, args=(workspace,), daemon=True).start()
        import uvicorn

        from clipforget.web.gate import EVERYWHERE, Gate
        from clipforget.web.page import build_app
        from clipforget.web.routes import routes
        from clipforget.web.visitors import visitor_key

        embedders: tuple[str, ...] = ()
        if "SPACE_ID" in os.environ:  # a Space of Hugging Face stands behind its proxy, in a frame
            allowed_hosts = (*allowed_hosts, os.environ.get("SPACE_HOST", "localhost"))
            proxies, embedders = ("*",), ("https://huggingface.co",)
        key = visitor_key(runs) if public else None
        app = build_app(workspace, routes(workspace), mcp)
        gate = Gate(app, host, allowed_hosts, proxies, embedders, users, key)
        if waiting := workspace.watch():
            print(f"{waiting} waiting {'run starts' if waiting == 1 else 'runs start'} now, one by one", flush=True)
        address = f"http://{'127.0.0.1' if host in EVERYWHERE else host}:{port}"
        print(f"ClipForget on {address} (Ctrl+C ends it; a run at work goes on)", flush=True)
        if mcp:
            print(f"Its MCP server: {address}/gradio_api/mcp/", flush=True)
        if browser:
            webbrowser.open(address)  # which waits until the server answers
        config = uvicorn.Config(
            gate, log_level="warning", proxy_headers=False, ws="none", timeout_graceful_shutdown=SHUTDOWN
        )
        uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises BadSetting where it cannot."""
    name = host.strip("[]")
    try:
        name.encode("idna")
        return socket.create_server((name, port), family=socket.AF_INET6 if ":" in name else socket.AF_INET)
    except (OSError, OverflowError, TypeError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        raise BadSetting(f"Cannot serve on {host}:{port}: {reason}. Choose another with --port or --host.") from error


def _warm(workspace: Workspace) -> None:
    """Read the registered data sets while gradio is being imported, so that the form is filled at once."""
    try:
        for name, entry in list(DATASETS.load().items()):
            if not entry.published:
                workspace.data(name)
    except ClipforgetError:
        pass  # the form says so, where it matters
