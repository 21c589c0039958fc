"""SLUG: a single step along the forget gradient, in a single layer.

Source: Cai, Tan and Asif, Targeted Unlearning with Single Layer Unlearning Gradient (arXiv 2407.11867): layers on the
Pareto front of importance ||g_f|| / ||theta|| (high) against alignment |cos(g_f, g_r)| (low), one gradient each for all
candidates, and a binary search of the step (10 looks) for every layer of the front. g_f is the gradient of the forget
images' mean cosine with their coarse caption; the step is against it, so that similarity falls. Ours: the image tower
alone, by default only its last layers; cross-entropy over the label bank on siblings and other images for g_r; the step
in units of the layer's norm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clipforget.methods import Step, Task, method
from clipforget.settings import option


@dataclass(frozen=True)
class SlugSettings:
    """Settings of SLUG."""

    layers: int = option(
        8, "Layers of the Pareto front that are tried, the most important ones first", low=1, high=64, search=(4, 8, 16)
    )
    reach: float = option(
        2.0, "Largest step, as a share of the layer's norm", low=1e-3, high=100.0, search=(0.5, 2.0, 8.0)
    )
    looks: int = option(
        10, "Looks at validation while the step of a layer is searched", low=2, high=30, search=(6, 10, 14)
    )
    depth: float = option(
        0.3, "Share of the tower's layers, counted from its output, that may be stepped (ours; paper: 1)",
        low=0.0, high=1.0, search=(0.15, 0.3, 1.0),
    )  # fmt: skip
    samples: int = option(400, "Images of each kind the gradients are read from", low=1, high=5000, advanced=True)


@method(
    "slug",
    SlugSettings,
    title="Single-layer unlearning gradient (SLUG)",
    source="Targeted Unlearning with Single Layer Unlearning Gradient, arXiv 2407.11867",
    stages=("select", "forget"),
    presets={"paper": {"looks": 10, "depth": 1.0}},
)
def slug(task: Task, settings: SlugSettings) -> Iterator[Step]:
    """Takes one step along the forget gradient in one layer, both chosen on validation images.

    The last Step of `select` and the last of all carry data["layers"]: name, forget (importance), retain (alignment),
    relative (their ratio) and chosen, which marks the front at first and in the end the layer that was changed. Steps
    of `forget` carry data["layer"] and data["size"]. Raises BadData where a set of training images is empty.
    """
    from clipforget.methods._slug import Search, measure

    layers = yield from measure(task, settings.samples, settings.depth)
    front = sorted((one for one in layers if one.chosen), key=lambda one: -one.forget)[: settings.layers]
    yield from Search(task, settings, layers).run(front)


def pareto(importance: list[float], alignment: list[float]) -> list[int]:
    """Indices of the layers that no other one beats in both: importance (high is good) and alignment (low is good)."""
    pairs: list[Any] = list(zip(importance, alignment, strict=True))

    def beaten(i: int) -> bool:
        return any((a >= pairs[i][0] and b <= pairs[i][1]) and (a > pairs[i][0] or b < pairs[i][1]) for a, b in pairs)

    return [i for i in range(len(pairs)) if not beaten(i)]
