"""Colours and shapes of the Gradio components; the same values stand as CSS variables in static/css/tokens.css."""

from __future__ import annotations

import gradio as gr

FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]

ACCENT = gr.themes.Color(
    "#f2f3fd",
    "#e6e8fb",
    "#ced2f7",
    "#a9b0ef",
    "#8089e6",
    "#5d66d9",
    "#4750c4",
    "#3b43a3",
    "#323983",
    "#2b3168",
    "#1b1f45",
)
GREY = gr.themes.Color(
    "#f8f9fb",
    "#f1f3f6",
    "#e4e7ec",
    "#d0d5dd",
    "#98a1b0",
    "#667085",
    "#4c5566",
    "#39414f",
    "#212733",
    "#171b24",
    "#0f1218",
)


def _theme() -> gr.themes.Base:
    theme = gr.themes.Base(primary_hue=ACCENT, neutral_hue=GREY, font=FONT, font_mono=MONO, text_size="sm")
    return theme.set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#0e1116",
        body_text_color="#1a2030",
        body_text_color_dark="#e7eaf0",
        body_text_color_subdued="#5a6478",
        body_text_color_subdued_dark="#9aa5b8",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#161b23",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_text_weight="500",
        block_title_text_weight="500",
        block_title_text_size="13px",
        block_title_text_color="#39414f",
        block_title_text_color_dark="#c5ccd9",
        block_info_text_size="12px",
        border_color_primary="#e1e5eb",
        border_color_primary_dark="#2a313d",
        input_background_fill="#ffffff",
        input_background_fill_dark="#0f141b",
        input_border_color="#cfd5df",
        input_border_color_dark="#343d4b",
        input_border_color_focus="#4750c4",
        input_border_color_focus_dark="#a9b0ef",
        input_radius="8px",
        input_padding="7px 10px",
        input_shadow="none",
        input_shadow_focus="0 0 0 3px rgba(71, 80, 196, .18)",
        button_large_radius="10px",
        button_primary_background_fill="#4750c4",
        button_primary_background_fill_hover="#3b43a3",
        button_primary_background_fill_dark="#5d66d9",
        button_primary_background_fill_hover_dark="#4f58cc",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_primary_shadow="none",
        slider_color="#4750c4",
        slider_color_dark="#8089e6",
        checkbox_background_color_selected="#4750c4",
        checkbox_background_color_selected_dark="#5d66d9",
    )


THEME = _theme()
