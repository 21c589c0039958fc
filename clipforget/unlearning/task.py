"""What a method is given and what it yields: the task with its images, and records of progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clipforget.data.target import Target
from clipforget.errors import BadData

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.models.clip import Clip
    from clipforget.models.pixels import AnyPixels

IMAGE, TEXT, BOTH, NOTHING = "image tower", "text tower", "both towers", "nothing"
SUPPRESSED, NEVER_SEEN = "suppressed", "never-seen"
GOALS = {  # what forgetting is to reach
    SUPPRESSED: "The name of its class no longer finds the target; pictures of it still may.",
    NEVER_SEEN: "The target is as for a model that never saw it: its own name and pictures of it find no more than "
    "those of its siblings do, but it may still be told to be of its class, as any unfamiliar kind.",
}
KINDS = ("forget", "retain", "others")  # of images; a method of tier n may use the first n


@dataclass(frozen=True)
class ImageSet:
    """N images ready for the image tower: pixels N x 3 x H x W, labels N (indices into the class names).

    pixels[rows] and pixels.split give tensors; the images of a run's sets are all held once, as bytes.
    """

    pixels: AnyPixels
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def split(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pixels and labels of the images, `size` at a time."""
        yield from zip(self.pixels.split(size), self.labels.split(size), strict=True)

    def take(self, rows: Any) -> ImageSet:
        """Return some of the images by a slice, a mask or indices, without a copy of what the run holds."""
        from clipforget.models.pixels import view

        return ImageSet(view(self.pixels, rows), self.labels[rows])

    def joined(self, other: ImageSet) -> ImageSet:
        """Return these images and others after them."""
        import torch

        from clipforget.models.pixels import joined

        return ImageSet(joined([self.pixels, other.pixels]), torch.cat([self.labels, other.labels]))


@dataclass(frozen=True)
class Task:
    """All that a method may see; no test image is among it. C classes, D embedding.

    `clip` is the method's own copy, whose weights it changes and leaves merged and in eval mode; `original` is not to
    be touched. `forget` and `retain` are training images (retain: the siblings that share the coarse caption, or what
    the user picked), `others` training images of the remaining superclasses. `steer` holds disjoint images under
    the same three names. `names` and `class_embeddings` (C x D, unit) are the superclass names and their text features.

    `targets` says what is to be forgotten; `target_of` maps forget and steer to the index in `targets` of each
    image to be forgotten (int64, as long as those sets; the first target that it matches). `forget_prompts` name it as
    finely as the data set does ("a photo of a biplane."); `retain_prompts` name what is to stay: the siblings as
    finely, and every other superclass. `goal` is one of GOALS, which a method may follow or not; `limit` the forget
    accuracy, 0 to 1, at which it counts as forgotten: max(chance, tolerance). `changes` are those of finished runs that
    a soup is made of: how much of each, and the unlearned weights of what it changed; empty where a method trains.
    """

    clip: Clip
    original: Clip
    forget: ImageSet
    retain: ImageSet
    others: ImageSet
    steer: dict[str, ImageSet]
    names: tuple[str, ...]
    class_embeddings: Tensor
    template: str
    seed: int
    targets: tuple[Target, ...] = ()
    target_of: dict[str, Tensor] = field(default_factory=dict)
    forget_prompts: tuple[str, ...] = ()
    retain_prompts: tuple[str, ...] = ()
    goal: str = SUPPRESSED
    limit: float = 0.05
    changes: tuple[tuple[float, Mapping[str, Tensor]], ...] = ()

    @property
    def class_prompts(self) -> list[str]:
        """The template with each superclass name, C texts."""
        return [self.template.replace("{}", name) for name in self.names]

    def check_images(self, tier: int) -> None:
        """Raise BadData where a set of training images that a method of this tier uses is empty."""
        for name, purpose in list(zip(KINDS, ("forget", "retain", "compare with"), strict=True))[:tier]:
            if not len(getattr(self, name)):
                raise BadData(f"There is no training image to {purpose}; choose others.")


@dataclass(frozen=True)
class Step:
    """One record of progress: `step` of `total` within a stage (forget, remind, ...), both counted from 1.

    losses and steer map names to figures (steer accuracies are shares, 0 to 1); `data` is JSON-ready extra,
    e.g. {"layers": [{"name": ..., "relative": ..., "chosen": true}]}. {"refused": [...]} holds the names that the run
    refuses below alpha 1 (see clipforget.evaluation.refusal).
    """

    stage: str
    step: int
    total: int
    losses: dict[str, float] = field(default_factory=dict)
    steer: dict[str, float] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
