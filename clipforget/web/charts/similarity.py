"""How alike every stage of the image tower is to the original's, on the target, siblings and others."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from clipforget.data.splits import ROLES
from clipforget.runs.audited import AuditsView
from clipforget.web.charts import chart
from clipforget.web.charts._models import REFERENCE, models
from clipforget.web.charts._style import COLOURS, DASHES, axis, empty, figure, safe

LEFT = 0.9  # CKA below which a stage no longer looks like the original's


@chart(
    "similarity",
    title="Similarity by stage",
    of="audits",
    note="Linear CKA of each stage's output with the original's on test images: 1 is the same but for a rotation.",
    order=10,
)
def similarity(view: AuditsView) -> go.Figure:
    """Draw CKA over the stages: each role at the chosen alpha, and the target at alpha 0 and where it was never seen.

    `layout.meta.sentence` says in one sentence where the target parts from the original.
    """
    measured = [model for model in models(view, "representation") if model.kind != "original"]
    chosen = next((model for model in measured if model.kind == "chosen"), None)
    if chosen is None:
        return empty("This appears here with the audit “Representation”.")
    stages = [safe(name) for name in chosen.details["stages"]]
    every = [
        value for model in measured for line in model.details["cka"].values() for value in line if value is not None
    ]
    low = max(0.0, math.floor(10 * min(every, default=0.0)) / 10 - 0.1)
    fig = figure(
        xaxis=axis("", type="category", tickangle=-30, automargin=True),
        yaxis=axis("CKA with the original", range=[low, 1.0 + 0.04 * (1 - low)]),
        meta={"sentence": _sentence(chosen.details["stages"], chosen.details["cka"])},
    )
    lines = [(role, role, chosen.details["cka"].get(role), COLOURS[role], DASHES[role], 2.4) for role in ROLES]
    for model in measured:
        if model.kind != "chosen" and model.details.get("stages") == chosen.details["stages"]:
            colour = REFERENCE if model.kind == "reference" else COLOURS["forget"]
            lines.append((model.kind, f"forget, {model.name}", model.details["cka"].get("forget"), colour, "dot", 1.6))
    for kind, name, values, colour, dash, width in lines:
        if values:
            symbol = "diamond" if kind == "reference" else "circle"
            line, marker = {"color": colour, "dash": dash, "width": width}, {"size": 6, "symbol": symbol}
            hover = f"{safe(name)}, %{{x}}: <b>%{{y:.2f}}</b><extra></extra>"
            fig.add_trace(go.Scatter(x=stages, y=values, mode="lines+markers", name=safe(name), line=line,
                                     marker=marker, hovertemplate=hover))  # fmt: skip
    return fig


def _sentence(stages: list[str], cka: dict[str, list[float | None]]) -> str:
    """Where the target parts from the original, and how much of the rest stays; a stage may have no figure."""
    target = {name: value for name, value in zip(stages, cka["forget"], strict=True) if value is not None}
    rest = [value for role in ROLES[1:] for value in cka.get(role, ()) if value is not None]
    if not target:
        return "All features of the target are alike, so they have no similarity to measure."
    start = next((name for name, value in target.items() if value < LEFT), None)
    least, last = min(target.values()), [*target.values()][-1]
    where = (
        f"The target's features part from the original's at {start} and end at a CKA of {last:.2f}"
        if start
        else f"No stage makes anything else of the target than the original did: CKA at least {least:.2f}"
    )
    return f"{where}; siblings and others keep at least {min(rest):.2f}." if rest else f"{where}."
