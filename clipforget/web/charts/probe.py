"""What a linear probe reads out of every stage, beside the original and a model that never saw the target."""

from __future__ import annotations

import plotly.graph_objects as go

from clipforget.runs.audited import AuditsView
from clipforget.web.charts import chart
from clipforget.web.charts._models import Model, models
from clipforget.web.charts._style import LINE, axis, empty, figure, safe

PROBE, SHOTS = "logistic", 0  # fitted on all images


@chart(
    "probe",
    title="Probe by stage",
    of="audits",
    note="How well a linear classifier tells the target's test images from its siblings': AUC, .5 is guessing.",
    order=20,
)
def probe(view: AuditsView) -> go.Figure:
    """Draw the AUC of a logistic regression on each stage's output, a line for each model.

    `layout.meta.sentence` says in one sentence what is read at the end of the tower.
    """
    lines = [(model, *line) for model in models(view, "probe") if (line := _line(model))]
    if not lines:
        return empty("This appears here with the audit “Probe by stage”.")
    against = lines[0][2]
    fig = figure(
        xaxis=axis("", type="category", tickangle=-30, automargin=True),
        yaxis=axis(f"AUC, target against {against}", range=[0.45, 1.02]),
        meta={"sentence": _sentence({model.kind: areas[-1] for model, areas, _ in reversed(lines)})},
    )
    fig.add_hline(y=0.5, line={"color": LINE, "dash": "dash", "width": 1})
    for model, areas, _ in lines:
        symbol = "diamond" if model.kind == "reference" else "circle"
        hover = f"{safe(model.name)}, %{{x}}: <b>%{{y:.3f}}</b><extra></extra>"
        look = {"color": model.colour, "dash": model.dash, "width": 2}
        fig.add_trace(go.Scatter(x=[safe(name) for name in model.details["stages"]], y=areas, mode="lines+markers",
                                 name=safe(model.name), line=look, marker={"size": 6, "symbol": symbol},
                                 hovertemplate=hover))  # fmt: skip
    return fig


def _line(model: Model) -> tuple[list[float], str] | None:
    """The AUC by stage, and what the target is told from; None where this probe was not fitted."""
    for line in model.details.get("lines", ()):
        if (line["probe"], line["shots"]) == (PROBE, SHOTS):
            return line["auc"], line["against"]
    return None


def _sentence(last: dict[str, float]) -> str:
    """What a probe of the embedding reads of each model."""
    words = {"original": "{:.2f} in the original", "chosen": "{:.2f} at the chosen alpha", "zero": "{:.2f} at alpha 0",
             "reference": "{:.2f} in a model that never saw it"}  # fmt: skip
    parts = [text.format(last[kind]) for kind, text in words.items() if kind in last]
    return f"Read from the embedding: {', '.join(parts)}."
