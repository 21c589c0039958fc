"""The page: a set-up form of Gradio components beside one explorer that our own JavaScript draws.

Gradio gives the form, the slider and the events that start a run; everything below the slider is drawn by
static/explorer.js from the JSON routes, so that dragging alpha never asks the server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from clipforget.web.form import Form
from clipforget.web.theme import THEME

STATIC = Path(__file__).parent / "static"
STYLES = ("tokens.css", "gradio.css", "alpha.css", "form.css", "explorer.css", "grid.css", "charts.css")
TITLE = "ClipForget: make CLIP forget, and watch it"
# Dark or light is decided before anything is painted: the stored choice, else the system's.
HEAD = """<meta name="color-scheme" content="light dark">
<link rel="icon" href="clipforget/static/icon.svg" type="image/svg+xml">"""
LIVE = """(alpha) => { window.clipforget?.slide(alpha); }"""


def build(workspace: Any) -> gr.Blocks:
    """The page over a Workspace; nothing heavy is loaded until a visitor asks for it."""
    with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False) as page:
        gr.HTML(html_template='<div id="cf-head-mount"></div>', elem_id="cf-header", apply_default_css=False)
        with gr.Row(elem_id="cf-body", equal_height=False):
            with gr.Column(elem_id="cf-setup", scale=0, min_width=320):
                form = Form(workspace)
            with gr.Column(elem_id="cf-main", scale=1, min_width=320):
                _alpha_bar()
                explorer = gr.HTML(
                    html_template='<main id="cf-explorer" aria-label="Explorer"></main>',
                    js_on_load=mount("explorer.js", "use"),
                    apply_default_css=False,
                    elem_id="cf-explorer-block",
                )
        form.listen(page, explorer)
    return page


def mount(file: str, *events: str) -> str:
    """The js_on_load that hands a component to static/<file>; Gradio wants its custom events named in quotes here."""
    return f"""const events = {[*events]};
    import(new URL("clipforget/static/{file}", document.baseURI)).then(
        (module) => module.mount(element, {{props, trigger, watch, events}}),
    );"""


def _alpha_bar() -> None:
    with gr.Row(elem_id="cf-alpha", equal_height=False):
        slider = gr.Slider(
            0.0, 1.0, 1.0, step=0.01, label="alpha", elem_id="cf-slider", container=False, buttons=[], min_width=120
        )
        gr.HTML(html_template='<div id="cf-alpha-tools"></div>', elem_id="cf-tools", apply_default_css=False, scale=0)
    # Runs in the browser only. "multiple": the default ("once") drops the last event of a drag.
    slider.input(None, slider, None, js=LIVE, trigger_mode="multiple", queue=False, api_visibility="private")


def launch(workspace: Any, routes: list[Any], *, host: str, port: int, browser: bool, wait: bool = True) -> str:
    """Serve the page together with its routes and return its address; with wait=False it runs on in the background."""
    page = build(workspace)
    page.queue(default_concurrency_limit=4)
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        inbrowser=browser,
        prevent_thread_lock=not wait,
        share=False,
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        quiet=True,
        theme=THEME,
        css_paths=[STATIC / name for name in STYLES],
        head=HEAD,
        app_kwargs={"routes": routes},
    )
    return address
