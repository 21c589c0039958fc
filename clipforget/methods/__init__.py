"""Methods of forgetting: one file each. A method is its loss, or a generator of Step records that changes the model.

    @loss_method("gradient_ascent", GradientAscentSettings, title="Gradient ascent", source="Golatkar et al. 2020")
    def gradient_ascent(batch: Batch, settings: GradientAscentSettings) -> dict[str, Tensor]:
        ...

    @method("nullspace", NullspaceSettings, title="Nullspace projection", source="arXiv 2512.14137")
    def nullspace(task: Task, settings: NullspaceSettings) -> Iterator[Step]:
        ...

(`loss_method` and the training loop are at home in methods/_loss.py and methods/_training.py.)
Files here import torch inside functions, so that the settings are known without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clipforget.data import Target
from clipforget.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.clip import Clip

IMAGE, TEXT, BOTH, NOTHING = "image tower", "text tower", "both towers", "nothing"


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

    `targets` says what is to be forgotten; `target_of` maps forget and validation to the place in `targets` of each
    image to be forgotten (int64, as long as those sets; the first target that it matches). `forget_prompts` name it as
    finely as the data set does ("a photo of a biplane."); `retain_prompts` name what is to stay: the siblings as
    finely, and every other superclass. `goal` is the forget accuracy, 0 to 1, at which it counts as forgotten:
    max(chance, tolerance).
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
    targets: tuple[Target, ...] = ()
    target_of: dict[str, Tensor] = field(default_factory=dict)
    forget_prompts: tuple[str, ...] = ()
    retain_prompts: tuple[str, ...] = ()
    goal: float = 0.05


@dataclass(frozen=True)
class Step:
    """One record of progress: `step` of `total` within a stage (forget, remind, ...), both counted from 1.

    losses and validation map names to figures (validation accuracies are shares, 0 to 1); `data` is JSON-ready extra,
    e.g. {"layers": [{"name": ..., "relative": ..., "chosen": true}]}. {"refused": [...]} holds the names that the run
    refuses below alpha 1 (see clipforget.refusal).
    """

    stage: str
    step: int
    total: int
    losses: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A registered method: call `run(task, settings)` and iterate.

    `changes` is one of IMAGE, TEXT, BOTH, NOTHING; `images` says whether it needs any; `presets` maps names (paper,
    ...) to settings that differ from the defaults, from the literature.
    """

    name: str
    title: str
    summary: str
    source: str
    settings: type
    run: Callable[[Task, Any], Iterator[Step]]
    stages: tuple[str, ...] = ("forget",)
    changes: str = IMAGE
    images: bool = True
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What does not apply to the method, a plain sentence each."""
        found = {
            TEXT: "It changes the text tower only: image features stay as they were.",
            BOTH: "It changes both towers, so captions move too.",
            NOTHING: "It changes no weights, so there is nothing to soup and alpha only switches it off at 1.",
        }
        said = [found[self.changes]] if self.changes in found else []
        alone = "" if self.changes == NOTHING else ": names alone decide what is forgotten"
        return (*said, *([] if self.images else [f"It needs no images{alone}."]))


METHODS: Registry[Method] = Registry("method", __name__)


def method(
    name: str,
    settings: type,
    *,
    title: str,
    source: str,
    stages: tuple[str, ...] = ("forget",),
    changes: str = IMAGE,
    images: bool = True,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable:
    """Register a generator function as a method; the first line of its docstring is the summary."""

    def register(run: Callable[[Task, Any], Iterator[Step]]) -> Callable[[Task, Any], Iterator[Step]]:
        summary = (run.__doc__ or "").strip().splitlines()[0]
        METHODS[name] = Method(name, title, summary, source, settings, run, stages, changes, images, presets or {})
        return run

    return register
