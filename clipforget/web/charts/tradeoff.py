"""How much is forgotten against how much is kept."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from clipforget.web.charts import chart
from clipforget.web.charts._style import COLOURS, LINE, ORIGINAL, axis, empty, figure

KEPT = ("siblings", "others")


@chart("tradeoff", title="Trade-off")
def tradeoff(view: dict[str, Any]) -> go.Figure:
    """Forgetting against retention along alpha: the upper right corner forgets everything and harms nothing."""
    alphas, forgetting, retention = view.get("alphas") or [], _forgetting(view), _retention(view)
    if not alphas or not forgetting or not retention:
        return empty("The trade-off appears here when the run has been scored.")
    fig = figure(
        xaxis=axis("forgotten share of the target", range=[-0.03, 1.04], tickformat=".0%"),
        yaxis=axis("kept share of the worst other set", range=[-0.03, 1.06], tickformat=".0%"),
    )
    hover = "alpha %{customdata:.2f}<br>forgotten %{x:.1%}<br>kept %{y:.1%}<extra></extra>"
    fig.add_trace(
        go.Scatter(
            x=forgetting,
            y=retention,
            mode="lines+markers",
            name="alpha 0 to 1",
            line={"color": LINE, "width": 1.5},
            marker={"color": alphas, "colorscale": [[0, COLOURS["forget"]], [1, ORIGINAL]], "size": 6},
            customdata=alphas,
            hovertemplate=hover,
        )
    )
    fig.add_trace(_mark("do nothing", 0.0, 1.0, 1.0, "x", ORIGINAL, hover))
    if view.get("best") is not None:
        at = min(range(len(alphas)), key=lambda i: abs(alphas[i] - view["best"]))
        name = f"suggested, alpha {alphas[at]:.2f}"
        fig.add_trace(_mark(name, forgetting[at], retention[at], alphas[at], "star", COLOURS["forget"], hover))
    return fig


def _mark(name: str, x: float, y: float, alpha: float, symbol: str, colour: str, hover: str) -> go.Scatter:
    marker = {"symbol": symbol, "color": colour, "size": 13, "line": {"color": LINE, "width": 1}}
    where = {"x": [x], "y": [y], "customdata": [alpha]}
    return go.Scatter(**where, mode="markers", name=name, marker=marker, hovertemplate=f"<b>{name}</b><br>{hover}")


def _forgetting(view: dict[str, Any]) -> list[float]:
    """1 - ratio of the forget row at each alpha; empty without that row."""
    rows = [row for row in view.get("rows") or [] if row["key"] == "forget" and row["before"]["value"] > 0]
    return [1 - ratio for ratio in _ratios(rows[0])] if rows else []


def _retention(view: dict[str, Any]) -> list[float]:
    """The smallest ratio of siblings, others and shifted sets at each alpha, as in H; empty without such rows."""
    kept = [row for row in view.get("rows") or [] if row["key"] in KEPT or row["key"].startswith("shifted:")]
    rows = [row for row in kept if row["before"]["value"] > 0]
    return [min(ratios) for ratios in zip(*map(_ratios, rows), strict=True)] if rows else []


def _ratios(row: dict[str, Any]) -> list[float]:
    return [min(1.0, after / row["before"]["value"]) for after in row["after"]]
