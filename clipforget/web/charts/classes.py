"""Accuracy of each class before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from clipforget.data.splits import ROLES
from clipforget.soup.path import index_of
from clipforget.web.charts import chart
from clipforget.web.charts._style import COLOURS, LINE, ORIGINAL, PATTERNS, axis, empty, figure, short
from clipforget.workspace.documents import RunView

LIGHT = "rgba(255, 255, 255, 0.6)"  # of the patterns
LIMIT = 32  # classes; of more, the target, its siblings and those that change most


@chart("classes", title="Per class", order=30)
def classes(view: RunView) -> go.Figure:
    """Draw each class's accuracy before and after at the suggested alpha; the target's class is split by subgroup.

    `layout.meta.classes` lists which classes of the view the bars show, so that a page can move them along alpha.
    """
    per_class: Mapping[str, Any] = view.get("per_class") or {}
    labels, roles, before = (per_class.get(key) or [] for key in ("labels", "roles", "before"))
    alphas, after = view.get("alphas") or [], per_class.get("after") or []
    if not labels or not after:
        return empty("The classes appear here when the run has been scored.")
    suggested = after[index_of(view.get("best") or 0.0, alphas)]
    indices = _indices(roles, before, after)
    fig = figure(
        xaxis=axis("", type="category", tickangle=-40, showgrid=False, automargin=True),
        yaxis=axis("accuracy", range=[0, 1.04], tickformat=".0%"),
        barmode="group",
        bargap=0.25,
        margin={"l": 60, "r": 20, "t": 44, "b": 110},
        showlegend=False,
        meta={"classes": indices, "sentences": _sentences(alphas, labels, roles, before, after)},
    )
    names = short([labels[i] for i in indices], 24)
    fig.add_trace(_bars("before", names, [before[i] for i in indices], {"color": ORIGINAL, "opacity": 0.55}))
    marker = {
        "color": [COLOURS[roles[i]] for i in indices],
        "pattern": {"shape": [PATTERNS[roles[i]] for i in indices], "fillmode": "overlay", "fgcolor": LIGHT},
        "line": {"color": LINE, "width": 0.5},
    }
    fig.add_trace(_bars("after", names, [suggested[i] for i in indices], marker))
    if len(indices) < len(labels):
        text = f"{len(labels) - len(indices)} classes that change less are not shown"
        fig.add_annotation(
            text=text, x=1, y=1.02, xref="paper", yref="paper", xanchor="right", yanchor="bottom", showarrow=False
        )
    return fig


def _sentences(
    alphas: list[float], labels: list[str], roles: list[str], before: list[float], after: list[list[float]]
) -> list[str]:
    """Which class besides the target changed most, at each alpha."""
    kept = [i for i, role in enumerate(roles) if role != "forget"]
    sentences = []
    for alpha, values in zip(alphas, after, strict=True):
        changes = {i: values[i] - before[i] for i in kept if values[i] is not None}
        most = max(changes, key=lambda i: abs(changes[i]), default=None)
        if most is None or abs(changes[most]) < 0.005:
            said = "no class but the target has changed by half a point"
        else:
            said = (
                f"{labels[most]} has changed most beside the target: {before[most]:.1%} before, {values[most]:.1%} now"
            )
        sentences.append(f"Grey is before, colour is now. At alpha {alpha:.2f}, {said}.")
    return sentences


def _indices(roles: list[str], before: list[float], after: list[list[float]]) -> list[int]:
    """Indices of the classes to show, the target first, then its siblings, then the others in their order."""
    order = sorted(range(len(roles)), key=lambda i: ROLES.index(roles[i]))
    if len(order) <= LIMIT:
        return order
    changes = [max(abs(values[i] - before[i]) for values in after if values[i] is not None) for i in range(len(roles))]
    first = [i for i in order if roles[i] != "others"][:LIMIT]
    rest = sorted((i for i in order if roles[i] == "others"), key=lambda i: -changes[i])[: LIMIT - len(first)]
    return [*first, *sorted(rest)]


def _bars(name: str, labels: list[str], values: list[float], marker: dict[str, Any]) -> go.Bar:
    hover = f"%{{x}}<br>{name} %{{y:.1%}}<extra></extra>"
    return go.Bar(x=labels, y=values, name=name, marker=marker, hovertemplate=hover)
