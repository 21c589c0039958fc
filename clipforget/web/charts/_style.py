"""What all charts share: colours and dashes by role, the bare layout, the empty figure."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

COLOURS = {"forget": "#d1495b", "siblings": "#2e6fb7", "others": "#2a9d6f"}
DASHES = {"forget": "solid", "siblings": "dash", "others": "dot"}
PATTERNS = {"forget": "", "siblings": "/", "others": "."}  # bars, for those who do not see the colours
ORIGINAL = "#8a8f98"
GRID = "rgba(128, 128, 128, 0.22)"
LINE = "rgba(128, 128, 128, 0.6)"
MARGIN = {"l": 56, "r": 20, "t": 44, "b": 48}


def faded(colour: str, alpha: float) -> str:
    """Give a #rrggbb colour an opacity, as rgba(...)."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis with a neutral grid that shows on light and on dark."""
    colours = {"gridcolor": GRID, "linecolor": LINE, "zerolinecolor": GRID, "tickcolor": LINE}
    return {"title": {"text": title, "font": {"size": 12}}, **colours, **more}


def figure(**layout: Any) -> go.Figure:
    """Return a figure without traces: transparent, fixed margins, legend above, hover labels for both themes."""
    base: dict[str, Any] = {
        "template": go.layout.Template(),
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "margin": MARGIN,
        "font": {"size": 12},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0, 0, 0, 0)"},
        "hoverlabel": {"bgcolor": "rgba(28, 33, 40, 0.94)", "bordercolor": LINE, "font": {"color": "#ffffff"}},
        "hovermode": "closest",
    }
    return go.Figure(layout={**base, **layout})


def empty(sentence: str) -> go.Figure:
    """Return a figure that says in one sentence why there is nothing to see."""
    blank = figure(xaxis={"visible": False}, yaxis={"visible": False})
    return blank.add_annotation(text=sentence, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)


def short(names: list[str], length: int, *, tail: bool = False) -> list[str]:
    """Cut long names to their first characters (or their last, with tail), kept distinct, ready for plotly."""
    cut = [name[-length:] if tail else name[:length] for name in names]
    cut = [c if c == n else f"…{c[1:]}" if tail else f"{c[:-1]}…" for c, n in zip(cut, names, strict=True)]
    seen: dict[str, int] = {}
    for i, name in enumerate(cut):  # one category would swallow the other
        seen[name] = seen.get(name, 0) + 1
        cut[i] = safe(f"{name} ({seen[name]})" if seen[name] > 1 else name)
    return cut


def safe(name: str) -> str:
    """Escape a name from outside: no markup is left for plotly's text renderer to interpret."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "% {")
