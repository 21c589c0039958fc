"""What all charts share: colours and dashes by role, the bare layout, the empty figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from clipforget.methods import METHODS

COLOURS = {"forget": "#d1495b", "siblings": "#2e6fb7", "others": "#2a9d6f"}
DASHES = {"forget": "solid", "siblings": "dash", "others": "dot"}
PATTERNS = {"forget": "", "siblings": "/", "others": "."}  # bars, for those who do not see the colours
ORIGINAL = "#8a8f98"
OWN = "#6a73e0"  # the run or method that a chart is about; shows on light and dark, and is no role's
GRID = "rgba(128, 128, 128, 0.22)"
LINE = "rgba(128, 128, 128, 0.6)"
MARGIN = {"l": 56, "r": 20, "t": 28, "b": 48}


def faded(colour: str, alpha: float) -> str:
    """Give a #rrggbb colour an opacity, as rgba(...)."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis with a neutral grid that shows on light and on dark."""
    colours = {"gridcolor": GRID, "linecolor": LINE, "zerolinecolor": GRID, "tickcolor": LINE}
    return {"title": {"text": title, "font": {"size": 13}}, **colours, **more}


def figure(**layout: Any) -> go.Figure:
    """Return a figure without traces: transparent, fixed margins, legend above, hover labels for both themes."""
    base: dict[str, Any] = {
        "template": go.layout.Template(),
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "margin": MARGIN,
        "font": {"size": 13},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0, 0, 0, 0)"},
        "hoverlabel": {"bgcolor": "rgba(28, 33, 40, 0.94)", "bordercolor": LINE, "font": {"color": "#ffffff"}},
        "hovermode": "closest",
    }
    return go.Figure(layout={**base, **layout})


def labels_at_ends(
    fig: go.Figure, lines: Sequence[tuple[str, float, str, bool]], span: Sequence[float], gap: float, yref: str = "y"
) -> None:
    """Write the names of lines beside their right ends: (name, height of the end, colour, more).

    Names stay inside the axis, whose range is `span`, and keep the share `gap` of it from each other. Those of lines
    that are shown on demand (more) make way for the rest, and are named "more" as annotations.
    """
    taken: list[float] = []
    between = gap * (span[1] - span[0])
    for name, end, colour, more in sorted(lines, key=lambda line: (line[3], -line[1])):
        places = [end + sign * step * between / 4 for step in range(4 * len(lines) + 1) for sign in (-1, 1)]
        inside = (y for y in places if span[0] <= y <= span[1])
        y = next((y for y in inside if all(abs(y - other) >= between - 1e-9 for other in taken)), end)
        taken.append(y)
        fig.add_annotation(
            text=f'<span style="color:{colour}">━</span> {safe(name)}', name="more" if more else None,
            visible=not more, x=1, xref="paper", xanchor="left", xshift=6, y=y, yref=yref, yanchor="middle",
            showarrow=False, font={"size": 13},
        )  # fmt: skip


def fitted(values: Iterable[float], pad: float = 0.06, least: float = 0.02) -> list[float]:
    """Return the range of an axis that holds these values with a little air around them."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    air = max(high - low, least) * pad
    return [low - air, high + air]


def empty(sentence: str) -> go.Figure:
    """Return a figure that says in one sentence why there is nothing to see."""
    blank = figure(xaxis={"visible": False}, yaxis={"visible": False})
    return blank.add_annotation(text=sentence, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)


def title_of(view: Mapping[str, Any]) -> str:
    """Return the name of a run's method for people."""
    method = (view.get("config") or {}).get("method", "")
    return METHODS.load()[method].title if method in METHODS.load() else "This method"


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
