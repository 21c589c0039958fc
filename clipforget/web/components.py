"""Parts of the form: numbered headings, and components drawn by our own JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr


def live(file: str, **props: Any) -> gr.HTML:
    """A component that static/<file> draws from its props, so that names reach the page as text, never as markup.

    It is no subclass of gr.HTML: Gradio would write a .pyi file beside one.
    """
    return gr.HTML(html_template="<div></div>", js_on_load=mount(file), apply_default_css=False, **props)


def number(options: Mapping[str, Any], name: str, **props: Any) -> gr.Number:
    """A number box for one of a run's options, with the option's default and help text."""
    about = options[name]
    return gr.Number(
        about["default"], label=name.capitalize(), info=about["help"], elem_classes="cf-number", **props
    )  # fmt: skip


def mount(file: str, *events: str) -> str:
    """The js_on_load that hands a component to static/<file>; Gradio wants custom events named in quotes in it."""
    return f"""const events = {[*events]};
    import(new URL("clipforget/static/{file}", document.baseURI)).then(
        (module) => module.mount(element, {{props, trigger, watch, events}}),
    );"""


def step(number: int, title: str) -> None:
    """A numbered heading of the form."""
    gr.HTML(
        html_template=f'<h2 class="cf-step"><span aria-hidden="true">{number}</span>{title}</h2>',
        apply_default_css=False,
        js_on_load=None,
    )
