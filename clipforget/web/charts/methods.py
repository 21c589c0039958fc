"""The methods of a comparison against each other: how much each forgets and keeps along alpha."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from clipforget.benchmark.documents import ComparisonSummary, Curve
from clipforget.runs.config import RunConfig
from clipforget.web.charts import chart
from clipforget.web.charts._style import LINE, ORIGINAL, OWN, axis, empty, figure, safe

MOST = 4  # curves that are shown at once: ours, then the best
OURS = RunConfig.method  # the page's default
READ = {"10": ("10 % forget accuracy", "diamond-open"), "chance": ("chance", "square-open")}
WHEEL = (
    "#c77f1a", "#5c6b7a", "#7b5ea7", "#1f9aa8", "#b5568f", "#7a8b2a", "#8c5a3c", "#334155", "#a16207", "#c4a1d8",
)  # fmt: skip
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "pentagon", "hexagon", "triangle-down")
HOVER = "alpha %{customdata:.2f}<br>forgotten %{x:.1%}<br>kept %{y:.1%}"


@chart(
    "methods", title="Trade-off over alpha", of="comparison", order=10,
    note="Up and to the right is better: everything forgotten, nothing harmed. Open marks: where curves are read at "
    "10 % forget accuracy and at chance; filled ones: each method's suggested alpha. Click a name to show or hide it.",
)  # fmt: skip
def methods(summary: ComparisonSummary) -> go.Figure:
    """Draw a curve for each method along alpha, marked where suggested and where it is read at matched forgetting.

    Upper right forgets all and harms nothing. Its "target" (a key, which the page adds) chooses a target; without it
    the mean over all is drawn.
    """
    keys = [target["key"] for target in summary.get("targets") or []]
    target = summary.get("target", keys[0] if len(keys) == 1 else None)
    every = summary.get("curves") or []
    curves = [curve for curve in every if curve["target"] == target]
    curves = curves or [curve for curve in every if target is None]  # so far all finished runs are of one target
    if not curves:
        return empty("The methods appear here as soon as one of their runs has finished.")
    fig = figure(
        xaxis=axis("forgotten share of the target", tickformat="~%"),
        yaxis=axis("kept share of the worst other set", tickformat="~%"),
        legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top", "bgcolor": "rgba(0, 0, 0, 0)"},
    )
    rows = [row for row in summary["rows"] if row["method"]]
    best = sorted(curves, key=lambda c: (c["method"] != OURS, -c["point"]["forgotten"] - c["point"]["retained"]))
    first = [curve["label"] for curve in best[:MOST]]
    for ours in (False, True):  # ours last, so on top
        labels = [row["label"] for row in rows if (row["method"] == OURS) == ours]
        for curve in curves:
            if curve["label"] in labels:
                traces = _traces(curve, labels.index(curve["label"]))
                for trace in traces:
                    trace.visible = True if curve["label"] in first else "legendonly"
                fig.add_traces(traces)
    fig.add_trace(_point("do nothing", "do nothing", (0.0, 1.0, 1.0), {"symbol": "x", "color": ORIGINAL, "size": 11}))
    return fig


def _traces(curve: Curve, number: int) -> list[go.Scatter]:
    """The curve of a row, and its suggested point."""
    ours, name = curve["method"] == OURS, safe(curve["label"])
    colour = OWN if ours else WHEEL[number % len(WHEEL)]
    dash = DASHES[(number if ours else number // len(WHEEL)) % len(DASHES)]
    line = go.Scatter(
        x=curve["forgotten"],
        y=curve["retained"],
        mode="lines",
        name=name,
        legendgroup=name,
        showlegend=False,
        line={"color": colour, "width": 3.5 if ours else 1.6, "dash": dash},
        opacity=1.0 if ours else 0.8,
        customdata=curve["alphas"],
        hovertemplate=f"<b>{name}</b><br>{HOVER}<extra></extra>",
    )
    point = curve["point"]
    symbol = "star" if ours else SYMBOLS[number % len(SYMBOLS)]
    marker = {"symbol": symbol, "color": colour, "size": 16 if ours else 10}
    values = (point["forgotten"], point["retained"], point["alpha"])
    return [
        line,
        *_read_points(curve, name, colour),
        _point(name, name, values, marker, {"color": colour, "dash": dash}),
    ]


def _read_points(curve: Curve, name: str, colour: str) -> list[go.Scatter]:
    """The points where a curve is read at matched forgetting, with a mark for each level; none where it never is."""
    points = [(words, symbol, point) for level, (words, symbol) in READ.items() if (point := curve["read"][level])]
    if not points:
        return []
    marks = go.Scatter(
        x=[point["forgotten"] for *_, point in points],
        y=[point["retained"] for *_, point in points],
        customdata=[[point["alpha"], words] for words, _, point in points],
        mode="markers", name=name, legendgroup=name, showlegend=False,
        marker={"symbol": [symbol for _, symbol, _ in points], "color": colour, "size": 9, "line": {"width": 1.5}},
        hovertemplate=f"<b>{name}</b>, read at %{{customdata[1]}}<br>{HOVER.replace('customdata', 'customdata[0]')}"
        "<extra></extra>",
    )  # fmt: skip
    return [marks]


def _point(
    name: str,
    group: str,
    values: tuple[float, float, float],
    marker: dict[str, Any],
    line: dict[str, Any] | None = None,
) -> go.Scatter:
    """One point (forgotten, kept, alpha); with a line its legend entry shows the curve's dash as well."""
    x, y, alpha = values
    hover = f", suggested<br>{HOVER}" if line else ""
    return go.Scatter(
        x=[x], y=[y], customdata=[alpha],
        mode="lines+markers" if line else "markers",
        name=name, legendgroup=group, line=line,
        marker={**marker, "line": {"color": LINE, "width": 1}},
        hovertemplate=f"<b>{name}</b>{hover}<extra></extra>",
    )  # fmt: skip
