"""Parts of the form: numbered headings, a component per setting, and components drawn by our own JavaScript."""

from __future__ import annotations

from typing import Any

import gradio as gr


def live(file: str, **props: Any) -> gr.HTML:
    """A component that static/<file> draws from its props, so that names reach the page as text, never as markup.

    It is no subclass of gr.HTML: Gradio would write a .pyi file beside one.
    """
    return gr.HTML(html_template="<div></div>", js_on_load=mount(file), apply_default_css=False, **props)


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


def group(method: dict[str, Any], visible: bool) -> tuple[gr.Column, dict[str, Any]]:
    """A method's settings, the rare ones under Advanced. Gives the group and its components by name."""
    fields: dict[str, Any] = {}
    with gr.Column(visible=visible, elem_classes="cf-settings") as column:
        live("note.js", value={"text": " ".join([method["summary"], *method["notes"]])})
        common = [option for option in method["options"] if not option["advanced"]]
        rare = [option for option in method["options"] if option["advanced"]]
        fields |= _rows(common)
        if rare:
            with gr.Accordion("Advanced", open=False):
                fields |= _rows(rare)
    return column, {option["name"]: fields[option["name"]] for option in method["options"]}


def _rows(options: list[dict[str, Any]]) -> dict[str, Any]:
    return {option["name"]: field(option) for option in options}


def field(option: dict[str, Any]) -> Any:
    """The component of one setting, with its help and bounds; a registered option needs nothing else to show."""
    label = option["name"].replace("_", " ").capitalize()
    common = {"label": label, "elem_classes": "cf-field"}
    if option["choices"]:
        return gr.Dropdown(list(option["choices"]), value=option["default"], info=option["help"], **common)
    if option["kind"] == "bool":
        return gr.Checkbox(value=option["default"], info=option["help"], **common)
    if option["kind"] in ("int", "float"):
        # Bounds are shown here and checked by the settings themselves: Gradio's own check answers with a red pop-up.
        whole = option["kind"] == "int"
        common["elem_classes"] = "cf-field cf-number"
        info = f"{option['help']} ({bounds(option)})" if bounds(option) else option["help"]
        extra: dict[str, Any] = {"precision": 0, "step": 1} if whole else {}
        return gr.Number(value=option["default"], info=info, **extra, **common)
    return gr.Textbox(value=option["default"], info=option["help"], **common)


def bounds(option: dict[str, Any]) -> str:
    """The bounds of a setting in words."""
    low, high = option["low"], option["high"]
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"at least {low:g}"
    return "" if high is None else f"at most {high:g}"
