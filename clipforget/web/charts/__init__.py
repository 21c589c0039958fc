"""Charts: one file each. A chart takes a run's view, its audits, or a comparison's summary: a plotly figure.

    @chart("alpha", title="Accuracy over alpha", order=10)
    def alpha(view: RunView) -> Figure:
        ...

Charts know neither torch nor gradio. Figures have a transparent background and set no font colour, so that one figure
serves the light and the dark page; forget is red solid, siblings blue dashed, others green dotted.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from clipforget.registry import Registry

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Draw = Callable[[Any], "Figure"]


@dataclass(frozen=True)
class Chart:
    """A registered chart: `draw(view)` gives the figure.

    `of` says what it draws: the view of a "run", its "audits", or the summary of a "comparison". Charts stand on the
    page by rising `order`; `note` is a sentence above the chart, `layout.meta.sentence` one on what this one shows.
    """

    name: str
    title: str
    draw: Draw
    of: str = "run"
    note: str = ""
    order: int = 100


class ChartEntry(TypedDict):
    """What the page needs to know of a chart; see Chart."""

    name: str
    title: str
    of: str
    note: str
    order: int


CHARTS: Registry[Chart] = Registry("chart", __name__)


def chart(name: str, *, title: str, **about: Any) -> Callable[[Draw], Draw]:
    """Register a function from a view (of="comparison": from a summary) to a figure; `about`: of, note and order."""

    def register(draw: Draw) -> Draw:
        CHARTS[name] = Chart(name, title, draw, **about)
        return draw

    return register


def listing() -> list[ChartEntry]:
    """Return what the page needs to know of every chart, in the order of the page, ready for JSON."""
    charts = sorted(CHARTS.load().values(), key=lambda chart: (chart.order, chart.name))
    return [ChartEntry(name=c.name, title=c.title, of=c.of, note=c.note, order=c.order) for c in charts]


def to_plain(figure: Figure) -> dict[str, Any]:
    """Return a figure as JSON-ready dicts and plain lists: no typed arrays, None for nan and infinities."""
    plain: dict[str, Any] = _plain(figure.to_plotly_json())
    return plain


def _plain(content: Any) -> Any:
    if isinstance(content, dict):
        if "bdata" in content:
            array = np.frombuffer(base64.b64decode(content["bdata"]), dtype=content["dtype"])
            shape = [int(side) for side in str(content.get("shape", array.size)).split(",")]
            return _plain(array.reshape(shape))
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, np.ndarray | np.generic):
        return _plain(content.tolist())
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
