"""The image tower cut in two before the first stage that changes: training runs what lies before the cut only once.

N images, V views of each, B images of a batch, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget import train
from clipforget.clip import Clip
from clipforget.precision import autocast
from clipforget.stages import Stage, first_changed, stages

KEPT = 2**30  # bytes at most that the views of one set of images may take


class Tail:
    """The tower from a stage on. `encode_image` takes what flows into that stage, B x ..., for pixels.

    Build it before updates are put on the weights; it has them as soon as they are.
    """

    def __init__(self, clip: Clip, first: int) -> None:
        self.device, self._parts = clip.device, stages(clip.model)[first:]

    def encode_image(self, flow: Tensor) -> Tensor:
        """B x D, unit length, with gradients if they are enabled."""
        return F.normalize(_run(self._parts, flow), dim=-1)


def cut(clip: Clip, names: Iterable[str]) -> int:
    """Where to cut: the first stage that owns one of the named parameters; 0 where nothing can be spared."""
    return first_changed(stages(clip.model), names)


class Views:
    """What flows into stage `first` for V views of each of N images: made when first asked for, then kept.

    A view is a random augmentation, strength as in train.augment. V is `most`, less where all would take over KEPT
    bytes. Where nothing lies before the cut, or not even one view each may be kept, every asking makes new ones.
    """

    def __init__(
        self, clip: Clip, first: int, images: train.Images, precision: str, generator: torch.Generator,
        *, strength: float = 0.0, most: int = 1,
    ) -> None:  # fmt: skip
        self._images, self._device, self._precision = images, clip.device, precision
        self._strength, self._generator = strength, generator
        self._parts = stages(clip.model)[:first]
        count, size = len(images.labels), self._head(images.pixels[:1]).nbytes
        views = max(1, min(most, KEPT // (count * size)))
        self.labels = images.labels.repeat(views)  # N V, view by view
        self._known = torch.zeros(count * views, dtype=torch.bool)
        self._kept: Tensor | None = None
        self._keeps = first > 0 and count * size <= KEPT

    def at(self, chosen: Tensor) -> Tensor:
        """The views at B indices below N V, B x ..., on the model's device and without gradients."""
        missing = chosen[~self._known[chosen]] if self._keeps else chosen
        if len(missing):
            pixels = self._images.pixels[missing % len(self._images.labels)]
            made = self._head(train.augment(pixels, self._strength, self._generator))
            if not self._keeps:
                return made
            if self._kept is None:
                self._kept = made.new_empty(len(self.labels), *made.shape[1:])
            self._kept[missing.to(made.device)] = made
            self._known[missing] = True
        assert self._kept is not None
        return self._kept[chosen.to(self._kept.device)]

    @torch.no_grad()
    def _head(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self._device)
        if self._device.type == "cpu":
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        with autocast(self._device, self._precision):
            return _run(self._parts, pixels)


def _run(parts: Iterable[Stage], x: Tensor) -> Tensor:
    for part in parts:
        x = part.call(x)
    return x
