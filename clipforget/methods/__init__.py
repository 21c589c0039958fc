"""Methods of forgetting: one file each. A method is a generator of Step records that changes task.clip.model.

    @method("gradient_ascent", GradientAscentSettings, title="Gradient ascent", source="Golatkar et al. 2020")
    def gradient_ascent(task: Task, settings: GradientAscentSettings) -> Iterator[Step]:
        ...

Files here import torch inside functions, so that the settings are known without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clipforget.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.clip import Clip


@dataclass(frozen=True)
class ImageSet:
    """N images ready for the image tower: pixels N x 3 x H x W, labels N (indices into the bank)."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Task:
    """All that a method may see; no test image is among it. C classes, D embedding.

    `clip` is the method's own copy, whose weights it changes and leaves merged and in eval mode; `original` is not to
    be touched. `forget` and `retain` are training images (retain: the siblings that share the coarse caption, or what
    the user picked), `others` training images of the remaining superclasses. `validation` holds disjoint images under
    the same three names. `names` and `bank` (C x D, unit) are the superclass names and their text features.
    """

    clip: Clip
    original: Clip
    forget: ImageSet
    retain: ImageSet
    others: ImageSet
    validation: dict[str, ImageSet]
    names: tuple[str, ...]
    bank: Tensor
    template: str
    seed: int


@dataclass(frozen=True)
class Step:
    """One record of progress: `step` of `total` within a stage (forget, remind, ...), both counted from 1.

    losses and validation map names to figures (validation accuracies are shares, 0 to 1); `data` is JSON-ready extra,
    e.g. {"layers": [{"name": ..., "relative": ..., "chosen": true}]}.
    """

    stage: str
    step: int
    total: int
    losses: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A registered method: call `run(task, settings)` and iterate."""

    name: str
    title: str
    summary: str
    source: str
    settings: type
    run: Callable[[Task, Any], Iterator[Step]]
    stages: tuple[str, ...] = ("forget",)


METHODS: Registry[Method] = Registry("method", __name__)


def method(name: str, settings: type, *, title: str, source: str, stages: tuple[str, ...] = ("forget",)) -> Callable:
    """Register a generator function as a method; the first line of its docstring is the summary."""

    def register(run: Callable[[Task, Any], Iterator[Step]]) -> Callable[[Task, Any], Iterator[Step]]:
        summary = (run.__doc__ or "").strip().splitlines()[0]
        METHODS[name] = Method(name, title, summary, source, settings, run, stages)
        return run

    return register
