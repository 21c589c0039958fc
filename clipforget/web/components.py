"""Parts of the form: numbered headings, and components drawn by our own JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from clipforget.workspace.setup_documents import NumberOption


def script_component(file: str, **props: Any) -> gr.HTML:
    """Build a component that static/<file> draws from its props, so that names reach the page as text, never as markup.

    It is no subclass of gr.HTML: Gradio would write a .pyi file beside one.
    """
    return gr.HTML(html_template="<div></div>", js_on_load=mount(file), apply_default_css=False, **props)


def number(options: Mapping[str, NumberOption], name: str, **props: Any) -> gr.Number:
    """Build a number box for one of a run's options, with the option's default and help text."""
    option = options[name]
    label = name.replace("_", " ").capitalize()
    return gr.Number(option["default"], label=label, info=option["help"], elem_classes="cf-number", **props)


def mount(file: str, *events: str) -> str:
    """Return the js_on_load that hands a component to static/<file>; Gradio wants custom events in quotes in it."""
    return f"""const events = {[*events]};
    import(new URL("clipforget/static/{file}", document.baseURI)).then(
        (module) => module.mount(element, {{props, trigger, watch, events}}),
    );"""


def heading(number: int, title: str) -> None:
    """Build a numbered heading of the form."""
    gr.HTML(
        html_template=f'<h2 class="cf-step"><span aria-hidden="true">{number}</span>{title}</h2>',
        apply_default_css=False,
        js_on_load=None,
    )
