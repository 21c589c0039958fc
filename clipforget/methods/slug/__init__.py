"""SLUG: a single step along the forget gradient, in a single layer.

Source: Cai, Tan and Asif, Targeted Unlearning with Single Layer Unlearning Gradient (arXiv 2407.11867): layers on the
Pareto front of importance ||g_f|| / ||theta|| (high) against alignment |cos(g_f, g_r)| (low), one gradient each for all
candidates, and a binary search of the step (10 evaluations) for every layer of the front. g_f is the gradient of the
forget images' mean cosine with their coarse caption; the step is against it, so that similarity falls. Ours: the image
tower alone, by default only its last layers; zero-shot cross-entropy on siblings and other images for g_r; the step in
units of the layer's norm.
"""

from __future__ import annotations

from collections.abc import Iterator

from clipforget.methods import method
from clipforget.methods.slug.settings import SlugSettings
from clipforget.unlearning.task import Step, Task


@method(
    "slug",
    SlugSettings,
    title="Single-layer unlearning gradient (SLUG)",
    tier=3,
    source="Targeted Unlearning with Single Layer Unlearning Gradient, arXiv 2407.11867",
    reference_url="https://arxiv.org/abs/2407.11867",
    stages=("select", "forget"),
    presets={"paper": {"evaluations": 10, "depth": 1.0}},
)
def slug(task: Task, settings: SlugSettings) -> Iterator[Step]:
    """Take one step along the forget gradient in one layer, both chosen on steer images.

    The last Step of `select` and the last of all carry data["layers"]: name, forget (importance), retain (alignment),
    relative (their ratio) and chosen, which marks the front at first and in the end the layer that was changed. Steps
    of `forget` carry data["layer"] and data["size"]. Raises BadData where a set of training images is empty.
    """
    from clipforget.methods.slug.forgetting import Search, measure

    layers = yield from measure(task, settings.samples, settings.depth)
    front = sorted((layer for layer in layers if layer.chosen), key=lambda layer: -layer.forget)[: settings.layers]
    yield from Search(task, settings, layers).run(front)
