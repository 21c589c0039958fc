"""Charts: one file each. A chart takes a run's view, or a comparison's document (plain records): a plotly figure.

    @chart("alpha", title="Accuracy vs alpha")
    def alpha(view: dict) -> Figure:
        ...

Charts know neither torch nor gradio. Figures have a transparent background and set no font colour, so that one figure
serves the light and the dark page; forget is red solid, siblings blue dashed, others green dotted.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clipforget.registry import Registry

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Chart:
    """A registered chart: `draw(view)` gives the figure; the first line of its docstring is the summary.

    `of` says what it draws: the view of a "run", or the document of a "comparison".
    """

    name: str
    title: str
    summary: str
    draw: Callable[[dict[str, Any]], Figure]
    of: str = "run"


CHARTS: Registry[Chart] = Registry("chart", __name__)


def chart(name: str, *, title: str, of: str = "run") -> Callable:
    """Register a function from a view (of="comparison": from a document) to a figure as a chart."""

    def register(draw: Callable[[dict[str, Any]], Figure]) -> Callable[[dict[str, Any]], Figure]:
        CHARTS[name] = Chart(name, title, (draw.__doc__ or "").strip().splitlines()[0], draw, of)
        return draw

    return register


def to_plain(figure: Figure) -> dict[str, Any]:
    """A figure as JSON-ready dicts and plain lists: no typed arrays, None for nan and infinities."""
    return _plain(figure.to_plotly_json())


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
