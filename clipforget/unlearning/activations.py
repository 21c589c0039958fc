"""The image tower cut in two before the first stage that changes: what lies before the cut stays the same all along.

N images, B images of a batch, D embedding.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.models.clip import Clip
from clipforget.models.precision import autocast
from clipforget.models.stages import Stage, first_changed, stages
from clipforget.unlearning import batches

KEPT = 2**30  # bytes at most that are kept of one set of images


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


class ActivationCache:
    """What flows into stage `first` for N images: made when first asked for, then kept.

    With a strength above 0 every asking augments the images anew (see train.augment), so nothing is kept; nor where
    all would take over KEPT bytes.
    """

    def __init__(
        self, clip: Clip, first: int, images: batches.Images, precision: str, generator: torch.Generator,
        *, strength: float = 0.0,
    ) -> None:  # fmt: skip
        self._images, self._device, self._precision = images, clip.device, precision
        self._strength, self._generator = strength, generator
        self._parts = stages(clip.model)[:first]
        count = len(images.labels)
        self._known = torch.zeros(count, dtype=torch.bool)
        like = self._made(torch.arange(1))
        kept = strength <= 0 and like.nbytes * count <= KEPT
        self._kept = like.new_empty(count, *like.shape[1:]) if kept else None

    def at(self, chosen: Tensor) -> Tensor:
        """That of the images at B indices below N, B x ..., on the model's device and without gradients."""
        if self._kept is None:
            return self._made(chosen)
        missing = chosen[~self._known[chosen]]
        if len(missing):
            self._kept[missing.to(self._device)] = self._made(missing)
            self._known[missing] = True
        return self._kept[chosen.to(self._device)]

    @torch.no_grad()
    def _made(self, chosen: Tensor) -> Tensor:
        pixels = batches.augment(self._images.pixels[chosen], self._strength, self._generator).to(self._device)
        if self._device.type == "cpu":
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        with autocast(self._device, self._precision):
            return _run(self._parts, pixels)


def _run(parts: Iterable[Stage], x: Tensor) -> Tensor:
    for part in parts:
        x = part.call(x)
    return x
