"""How much is forgotten against how much is kept."""

from __future__ import annotations

import plotly.graph_objects as go

from clipforget.evaluation.metrics import is_retained
from clipforget.evaluation.scores import tradeoff_at
from clipforget.soup.path import index_of
from clipforget.web.charts import chart
from clipforget.web.charts._style import LINE, ORIGINAL, OWN, axis, empty, figure, fitted
from clipforget.workspace.documents import RunView


@chart("tradeoff", title="Trade-off", order=20)
def tradeoff(view: RunView) -> go.Figure:
    """Draw forgetting against retention along alpha: the upper right corner forgets everything and harms nothing."""
    alphas, rows = view.get("alphas") or [], [row for row in view.get("rows") or [] if row["before"]["value"] > 0]
    if not alphas or not any(row["key"] == "forget" for row in rows) or not any(is_retained(r["key"]) for r in rows):
        return empty("The trade-off appears here when the run has been scored.")
    tradeoffs = [tradeoff_at(rows, index) for index in range(len(alphas))]
    fig = figure(
        xaxis=axis(
            "forgotten share of the target", range=fitted([0, *(p.forgotten for p in tradeoffs)]), tickformat="~%"
        ),
        yaxis=axis(
            "kept share of the worst other set",
            automargin=True,
            range=fitted([1, *(p.retained for p in tradeoffs)], 0.12),
            tickformat="~%",
        ),
        showlegend=False,
        meta={
            "sentences": [
                f"At alpha {alpha:.2f}, {point.forgotten:.1%} of the target is forgotten, and the worst other set "
                f"keeps {point.retained:.1%} of what it had."
                for alpha, point in zip(alphas, tradeoffs, strict=True)
            ]
        },
    )
    hover = "alpha %{customdata:.2f}<br>forgotten %{x:.1%}<br>kept %{y:.1%}<extra></extra>"
    fig.add_trace(
        go.Scatter(
            x=[point.forgotten for point in tradeoffs],
            y=[point.retained for point in tradeoffs],
            mode="lines+markers",
            name="alpha 0 to 1",
            line={"color": LINE, "width": 1.5},
            marker={"color": alphas, "colorscale": [[0, OWN], [1, ORIGINAL]], "size": 6},
            customdata=alphas,
            hovertemplate=hover,
        )
    )
    fig.add_trace(_point("do nothing", 0.0, 1.0, 1.0, "x", ORIGINAL, hover))
    if view.get("best") is not None:
        index = index_of(view["best"], alphas)
        name, best = f"suggested, alpha {alphas[index]:.2f}", tradeoffs[index]
        fig.add_trace(_point(name, best.forgotten, best.retained, alphas[index], "star", OWN, hover))
    return fig


def _point(name: str, x: float, y: float, alpha: float, symbol: str, colour: str, hover: str) -> go.Scatter:
    marker = {"symbol": symbol, "color": colour, "size": 13, "line": {"color": LINE, "width": 1}}
    point = {"x": [x], "y": [y], "customdata": [alpha], "text": [name]}
    place = "top left" if x > 0.5 else "bottom right"  # on a phone they would meet at one height
    look = {"mode": "markers+text", "textposition": place, "textfont": {"size": 13}, "marker": marker}
    return go.Scatter(**point, **look, name=name, hovertemplate=f"<b>{name}</b><br>{hover}")
