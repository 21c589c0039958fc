"""Which layers tell the target from its siblings."""

from __future__ import annotations

import plotly.graph_objects as go

from clipforget.web.charts import chart
from clipforget.web.charts._style import MARGIN, ORIGINAL, OWN, axis, empty, faded, figure, safe, short, title_of
from clipforget.workspace.documents import LayerRecord, RunView

LIMIT = 20  # layers with the highest relative Fisher information
CHANGED, LEFT, FAR = "changed", "left alone", "further from the output than the setting depth allows"
KINDS = {CHANGED: OWN, LEFT: ORIGINAL, FAR: faded(ORIGINAL, 0.35)}


@chart("layers", title="Layers", order=60)
def layers(view: RunView) -> go.Figure:
    """Draw each layer's relative Fisher information, highest first: which were changed, and why others were not."""
    records = [layer for layer in view.get("layers") or [] if layer.get("relative") is not None]
    if not records:
        return empty(f"{title_of(view)} does not choose among layers, so there is no ranking to draw.")
    records = sorted(records, key=lambda layer: -layer["relative"])
    drawn = records[:LIMIT] + [layer for layer in records[LIMIT:] if layer.get("chosen")]
    values = [layer["relative"] for layer in drawn]
    wide = min(values) > 0 and max(values) / min(values) > 100
    fig = figure(
        xaxis=axis("", type="log" if wide else "linear"),
        yaxis=axis("", autorange="reversed", type="category", showgrid=False, dtick=1, tickfont={"size": 11}),
        margin={**MARGIN, "l": 20},
        barmode="overlay",
        meta={"sentence": _sentence(records)},
        bargap=0.3,
    )
    # Not the axis's own title, which is cut where the names leave it less room than it is long.
    title = "relative Fisher information, target / retained"
    position = {"x": 1, "xref": "paper", "xanchor": "right", "y": 0, "yref": "paper", "yanchor": "top", "yshift": -24}
    fig.add_annotation(text=title, showarrow=False, **position)
    names = short([layer["name"].removeprefix("visual.").removesuffix(".weight") for layer in drawn], 32, tail=True)
    fig.update_yaxes(categoryorder="array", categoryarray=names, automargin=True)
    for label, colour in KINDS.items():
        part = [(name, layer) for name, layer in zip(names, drawn, strict=True) if _kind(layer) == label]
        if not part:
            continue
        fig.add_trace(
            go.Bar(
                x=[layer["relative"] for _, layer in part],
                y=[name for name, _ in part],
                orientation="h",
                name=label,
                marker={"color": colour},
                customdata=[[safe(layer["name"]), layer.get("forget"), layer.get("retain")] for _, layer in part],
                hovertemplate=(
                    "<b>%{customdata[0]}</b><br>relative %{x:.3g}<br>target %{customdata[1]:.3g}, "
                    "retained %{customdata[2]:.3g}<extra></extra>"
                ),
            )
        )
    return fig


def _sentence(records: list[LayerRecord]) -> str:
    """How many layers were changed, and why the others were not."""
    kinds = [_kind(layer) for layer in records]
    said = f"{kinds.count(CHANGED)} of {len(kinds)} layers were changed: those that tell the target best from the rest."
    if far := kinds.count(FAR):
        verb = "is" if far == 1 else "are"
        said += f" {far} could not be chosen, because they lie {FAR}; what ranks high among them {verb} pale."
    return said


def _kind(layer: LayerRecord) -> str:
    return CHANGED if layer.get("chosen") else LEFT if layer.get("eligible", True) else FAR
