"""Parts of the form: steps that fold, and components drawn by our own JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr


def script_component(file: str, **props: Any) -> gr.HTML:
    """Build a component that static/<file> draws from its props, so that names reach the page as text, never as markup.

    It is no subclass of gr.HTML: Gradio would write a .pyi file beside one.
    """
    return gr.HTML(html_template="<div></div>", js_on_load=mount(file), apply_default_css=False, **props)


def mount(file: str) -> str:
    """Return the js_on_load that hands a component to static/<file>."""
    return f"""import(new URL("clipforget/static/{file}", document.baseURI)).then(
        (module) => module.mount(element, {{props, trigger, watch}}),
    );"""


@contextmanager
def step(title: str, number: int | None = None, is_open: bool = False) -> Iterator[gr.HTML]:
    """Build a step of the form that folds to its title and one line, the property `summary` of what this yields."""
    name = title.lower()
    with gr.Column(elem_id=f"cf-step-{name}", elem_classes="cf-fold"):
        yield script_component("form/step.js", title=title, number=number, summary="", opens=is_open)
