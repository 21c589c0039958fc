"""How the method went: losses and accuracies on steer images, step by step."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from clipforget.runs.documents import StepEvent
from clipforget.web.charts import chart
from clipforget.web.charts._style import (
    COLOURS,
    DASHES,
    GRID,
    LINE,
    MARGIN,
    axis,
    empty,
    figure,
    fitted,
    labels_at_ends,
    safe,
    title_of,
)
from clipforget.workspace.documents import RunView

ROLES = {"forget": "forget", "retain": "siblings", "siblings": "siblings", "others": "others"}
STEER = [-0.03, 1.05]
MOST = 4  # lines of a panel that are shown at once
PALETTE = ("#b07aa1", "#e39b3a", "#6f63b8", "#8a8f98", "#9c755f")


@chart("losses", title="Losses", order=70)
def losses(view: RunView) -> go.Figure:
    """Draw losses (above) and accuracies on steer images (below) over the steps of each stage."""
    steps = [event for event in view.get("steps") or [] if event.get("losses") or event.get("steer")]
    if not steps:
        return empty(f"{title_of(view)} computes its change without training steps, so there are no losses to draw.")
    fig = figure(
        xaxis=axis("step", anchor="y2"),
        yaxis=axis("loss", domain=[0.56, 1], tickformat=".3~r", automargin=True),
        yaxis2=axis("steer images", domain=[0, 0.44], range=STEER, tickformat=".0%"),
        hovermode="x unified",
        showlegend=False,
        margin={**MARGIN, "r": 110},
        meta={"sentence": _sentence(steps)},
    )
    for which, panel, form in (("losses", "y", "%{y:.3~r}"), ("steer", "y2", "%{y:.1%}")):
        names = list(dict.fromkeys(name for event in steps for name in _figures(event, which)))
        curves = [_curve(steps, which, name, number, panel, form) for number, name in enumerate(names)]
        for number, curve in enumerate(curves):
            curve.update({"visible": number < MOST, "meta": "more" if number >= MOST else None})
        fig.add_traces(curves)
        ends = [(c.name, c.y[-1], c.line.color, number >= MOST) for number, c in enumerate(curves)]
        every = [y for curve in curves for y in curve.y]
        labels_at_ends(fig, ends, fitted(every) if panel == "y" else STEER, 0.15, panel)
    for stage, first, last in _spans(steps):
        fig.add_vrect(x0=first - 0.5, x1=last + 0.5, line={"color": GRID, "width": 1}, layer="below")
        fig.add_annotation(
            text=safe(stage), x=(first + last) / 2, y=1, yref="paper", yanchor="top", showarrow=False, font={"size": 13}
        )
    return fig


def _curve(steps: list[StepEvent], which: str, name: str, number: int, panel: str, form: str) -> go.Scatter:
    role = ROLES.get(name)
    colour = COLOURS[role] if role else PALETTE[number % len(PALETTE)] if which == "losses" else LINE
    points = [(x, event) for x, event in enumerate(steps, start=1) if name in _figures(event, which)]
    label = safe(name.replace("_", " "))
    return go.Scatter(
        x=[x for x, _ in points],
        y=[_figures(event, which)[name] for _, event in points],
        yaxis=panel,
        mode="lines+markers",
        name=label,
        line={"color": colour, "dash": DASHES[role] if role else "solid", "width": 2},
        marker={"size": 4},
        connectgaps=True,
        hovertemplate=f"<b>{form}</b> {label}<extra></extra>",
    )


def _sentence(steps: list[StepEvent]) -> str:
    """How the training began and ended."""
    said = f"{len(steps)} steps of training."
    ends = [event["steer"]["forget"] for event in steps if "forget" in _figures(event, "steer")]
    if ends:
        said += f" Of the target's steer images {ends[0]:.1%} were recognised at first, {ends[-1]:.1%} at the end."
    return said


def _figures(event: StepEvent, which: str) -> Mapping[str, float]:
    return (event.get("losses") if which == "losses" else event.get("steer")) or {}


def _spans(steps: list[StepEvent]) -> list[tuple[str, int, int]]:
    """Stage, first and last position (from 1) of each run of steps of one stage."""
    spans: list[tuple[str, int, int]] = []
    for x, event in enumerate(steps, start=1):
        if spans and spans[-1][0] == event["stage"]:
            spans[-1] = (event["stage"], spans[-1][1], x)
        else:
            spans.append((event["stage"], x, x))
    return spans
