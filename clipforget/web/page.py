"""The page: a set-up form of Gradio components beside one explorer that our own JavaScript draws.

Gradio gives the form, the slider and the events that start a run; everything below the slider is drawn by
static/explorer/explorer.js from the JSON routes, so that dragging alpha never asks the server.
"""

from __future__ import annotations

import base64
from pathlib import Path

import gradio as gr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from clipforget.web.api import add_functions
from clipforget.web.charts import listing
from clipforget.web.components import mount
from clipforget.web.form import Form, form_choices
from clipforget.web.head import EarlyHead
from clipforget.web.responses import COMPRESS_FROM, error_response
from clipforget.web.theme import THEME
from clipforget.workspace.workspace import Workspace

STYLES = (
    "tokens.css",
    "gradio.css",
    "alpha.css",
    "form.css",
    "models.css",
    "explorer.css",
    "found.css",
    "audits.css",
    "grid.css",
    "progress.css",
    "charts.css",
    "runs.css",
    "views.css",
    "compare.css",
    "soup.css",
    "select.css",
    "zoom.css",
    "present.css",
    "functions.css",
)
WAITING = 100  # events of Gradio's in line
LOOK = 0.02  # seconds between Gradio's looks at an empty line; its own thousand a second keep an idle core at 5 %
CALLS = "/gradio_api/call/v2/"  # functions of the API by name
TITLE = "ClipForget: make CLIP forget, and watch it"
# Written into the page: a browser asks again for an icon with an address whenever the page's own changes, as it does
# with alpha.
ICON = base64.b64encode((Path(__file__).parent / "static" / "icon.svg").read_bytes()).decode()
SCRIPTS = ("idle.js", "queue.js")  # they change what Gradio does
# Styles as links and not as Gradio's css_paths, which rewrites every rule and drops @container.
HEAD = "\n".join(
    [
        f'<link rel="icon" href="data:image/svg+xml;base64,{ICON}">',
        *(f'<link rel="stylesheet" href="clipforget/static/css/{name}">' for name in STYLES),
        *(f'<script src="clipforget/static/lib/{name}"></script>' for name in SCRIPTS),
    ]
)


def build(workspace: Workspace) -> gr.Blocks:
    """Build the page over a Workspace; nothing heavy is loaded until a visitor asks for it."""
    setup = form_choices(workspace)
    page: gr.Blocks
    with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False) as page:
        gr.HTML(html_template='<div id="cf-head-mount"></div>', elem_id="cf-header", apply_default_css=False)
        with gr.Row(elem_id="cf-body", equal_height=False):
            with gr.Column(elem_id="cf-setup", scale=0, min_width=320):
                form = Form(workspace, setup)
            with gr.Column(elem_id="cf-main", scale=1, min_width=320):
                _alpha_bar()
                gr.HTML(
                    html_template='<div id="cf-explorer"></div>',
                    js_on_load=mount("explorer/explorer.js"),
                    apply_default_css=False,
                    elem_id="cf-explorer-block",
                    stages={method["name"]: method["stages"] for method in setup["methods"]},
                    charts=listing(),
                    options=setup["options"],
                )
        add_functions(page, workspace)  # before the form's own listeners, which take names as they come
        form.listen(page)
    return page


def _alpha_bar() -> None:
    with gr.Row(elem_id="cf-alpha", equal_height=False):
        # Interactive must be said: Gradio disables a component that is no listener's input. There is no listener,
        # because static/explorer/slider.js reads the slider's own input events, so that none is queued or dropped.
        gr.Slider(0, 1, 1, step=0.01, label="alpha", elem_id="cf-slider", container=False, buttons=[], interactive=True)
        gr.HTML(html_template='<div id="cf-alpha-tools"></div>', elem_id="cf-tools", apply_default_css=False, scale=0)


def build_app(workspace: Workspace, routes: list[Route], mcp: bool = False) -> Starlette:
    """Build the ASGI app: our routes first, then Gradio with the page, and with an MCP server where `mcp` says so."""
    page = build(workspace)
    page.queue(default_concurrency_limit=4, max_size=WAITING)
    page._queue.sleep_when_free = LOOK
    # Gradio sends the page itself as it is, two hundred kilobytes of it; our own routes compress what they answer.
    between = [Middleware(GZipMiddleware, COMPRESS_FROM, compresslevel=5), Middleware(EarlyHead, HEAD)]
    app = Starlette(routes=routes, middleware=between)
    gr.mount_gradio_app(
        app,  # of FastAPI nothing more is used than of Starlette
        page,
        path="/",
        footer_links=[],  # what they lead to has buttons without names; explorer/functions.js lists the functions
        run_history=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=mcp,
        theme=THEME,
        app_kwargs={"exception_handlers": dict.fromkeys((ValueError, LookupError, TypeError), _unreadable)},
    )
    return app


async def _unreadable(request: Request, error: Exception) -> Response:
    """Refuse what Gradio stumbles over: bytes that are no text where JSON should be, and calls that do not fit."""
    if request.url.path.startswith(CALLS):
        return error_response(400, "There is no such function, or it takes other parameters; see /gradio_api/info.")
    if isinstance(error, ValueError):
        return error_response(400, "The request cannot be read.")
    raise error
