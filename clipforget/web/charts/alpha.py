"""Accuracy at every alpha, with its intervals."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from clipforget.data.splits import ROLES
from clipforget.evaluation.documents import ScoreRow
from clipforget.web.charts import chart
from clipforget.web.charts._style import (
    COLOURS,
    DASHES,
    LINE,
    MARGIN,
    axis,
    empty,
    faded,
    figure,
    labels_at_ends,
    safe,
)
from clipforget.workspace.documents import RunView

YRANGE = [-0.02, 1.04]


@chart("alpha", title="Accuracy over alpha", order=10)
def alpha(view: RunView) -> go.Figure:
    """Draw the accuracy of every set at every alpha: 95 % intervals, exact nodes, chance and the suggested alpha."""
    alphas, rows = view.get("alphas") or [], [row for row in view.get("rows") or [] if row.get("after")]
    if not alphas or not rows:
        return empty("The accuracies appear here when the run has been scored.")
    fig = figure(
        xaxis=axis("alpha, share of the original", range=[-0.015, 1.015], tickangle=0, hoverformat=".2f"),
        yaxis=axis("accuracy", range=YRANGE, tickformat=".0%"),
        hovermode="x unified",
        showlegend=False,
        margin={**MARGIN, "r": 96},
        meta={"sentences": _sentences(alphas, rows)},
    )
    fig.update_xaxes(unifiedhovertitle={"text": "alpha %{x:.2f}"})
    main = [row for row in rows if row["key"] in ROLES]
    for row in main:
        fig.add_trace(_band(alphas, row))
    for row in rows:
        fig.add_trace(_line(alphas, row, thick=row["key"] in ROLES))
    for row in main:
        fig.add_trace(_nodes(alphas, row, view.get("nodes") or []))
    ends = [(row["label"], row["after"][-1], COLOURS[row["role"]], row not in main) for row in rows]
    labels_at_ends(fig, ends, YRANGE, 0.062)
    if view.get("chance") is not None:
        fig.add_hline(y=view["chance"], line={"color": LINE, "width": 1, "dash": "dash"})
        _note(fig, "chance", x=1, xanchor="right", y=view["chance"], yanchor="bottom")
    if view.get("best") is not None:
        fig.add_vline(x=view["best"], line={"color": LINE, "width": 1.5, "dash": "dashdot"})
        _note(fig, f"suggested {view['best']:.2f}", x=view["best"], y=1.04, yanchor="bottom")
    return fig


def _band(alphas: list[float], row: ScoreRow) -> go.Scatter:
    return go.Scatter(
        x=[*alphas, *reversed(alphas)],
        y=[*row["high"], *reversed(row["low"])],
        fill="toself",
        fillcolor=faded(COLOURS[row["role"]], 0.14),
        line={"width": 0},
        hoverinfo="skip",
        legendgroup=row["key"],
        name=safe(row["label"]),
    )


def _line(alphas: list[float], row: ScoreRow, *, thick: bool) -> go.Scatter:
    return go.Scatter(
        x=alphas,
        y=row["after"],
        mode="lines",
        name=safe(row["label"]),
        legendgroup=row["key"],
        line={"color": COLOURS[row["role"]], "dash": DASHES[row["role"]], "width": 2.5 if thick else 1.3},
        opacity=1 if thick else 0.8,
        visible=thick,  # the others on demand
        meta=None if thick else "more",
        customdata=alphas,
        text=[f"{low:.1%} to {high:.1%}" for low, high in zip(row["low"], row["high"], strict=True)],
        hovertemplate="<b>%{y:.1%}</b> %{fullData.name} (%{text})<extra></extra>",
    )


def _nodes(alphas: list[float], row: ScoreRow, nodes: list[float]) -> go.Scatter:
    accuracies = {round(alpha, 2): value for alpha, value in zip(alphas, row["after"], strict=True)}
    exact = [node for node in nodes if round(node, 2) in accuracies]
    return go.Scatter(
        x=exact,
        y=[accuracies[round(node, 2)] for node in exact],
        mode="markers",
        marker={"color": COLOURS[row["role"]], "size": 7},
        customdata=exact,
        hoverinfo="skip",
        legendgroup=row["key"],
        name=f"{safe(row['label'])}, exact",
    )


def _note(fig: go.Figure, text: str, **position: Any) -> None:
    fig.add_annotation(text=text, showarrow=False, font={"size": 13}, **position)


def _sentences(alphas: list[float], rows: list[ScoreRow]) -> list[str]:
    """What the lines say at each alpha."""
    by_key = {row["key"]: row for row in rows}
    kept = [row for key, row in by_key.items() if key in ROLES and key != "forget"]
    sentences = []
    for index, alpha in enumerate(alphas):
        parts = [f"{row['after'][index]:.1%} of the {row['label']}" for row in kept]
        target = by_key.get("forget")
        of_target = f"{target['after'][index]:.1%} of the target's images are still recognised" if target else ""
        before = f" ({target['before']['value']:.1%} before)" if target else ""
        rest = f"{' and '.join(parts)} are too" if of_target and parts else " and ".join(parts)
        said = f"{of_target}{before}; {rest}" if of_target and rest else of_target + before or rest
        sentences.append(f"At alpha {alpha:.2f}, {said}.")
    return sentences
