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

CACHE_BYTES = 2**30  # at most, of one set of images


class TowerTail:
    """The image tower from a stage on. `encode_image` takes the activations that enter it, B x ..., for pixels.

    Build it before updates are put on the weights; it has them as soon as they are.
    """

    def __init__(self, clip: Clip, first: int) -> None:
        self.device, self._parts = clip.device, stages(clip.model)[first:]

    def encode_image(self, activations: Tensor) -> Tensor:
        """Embed activations: B x D, unit length, with gradients if they are enabled."""
        return F.normalize(_run(self._parts, activations), dim=-1)


def cut(clip: Clip, names: Iterable[str]) -> int:
    """Find where to cut: the first stage that owns one of the named parameters; 0 where nothing can be spared."""
    return first_changed(stages(clip.model), names)


class ActivationCache:
    """The activations that enter stage `first` for N images: computed when first asked for, then cached.

    With a strength above 0 every call augments the images anew (see batches.augment), so nothing is cached; nor where
    all would take over CACHE_BYTES.
    """

    def __init__(
        self, clip: Clip, first: int, images: batches.Images, precision: str, generator: torch.Generator,
        *, strength: float = 0.0,
    ) -> None:  # fmt: skip
        self._images, self._device, self._precision = images, clip.device, precision
        self._strength, self._generator = strength, generator
        self._parts = stages(clip.model)[:first]
        count = len(images.labels)
        self._filled = torch.zeros(count, dtype=torch.bool)
        example = self._compute(torch.arange(1))
        cached = strength <= 0 and example.nbytes * count <= CACHE_BYTES
        self._cached = example.new_empty(count, *example.shape[1:]) if cached else None

    def activations(self, indices: Tensor) -> Tensor:
        """Return those of the images at B indices below N, B x ..., on the model's device and without gradients."""
        if self._cached is None:
            return self._compute(indices)
        missing = indices[~self._filled[indices]]
        if len(missing):
            self._cached[missing.to(self._device)] = self._compute(missing)
            self._filled[missing] = True
        return self._cached[indices.to(self._device)]

    @torch.no_grad()
    def _compute(self, indices: Tensor) -> Tensor:
        pixels = batches.augment(self._images.pixels[indices], self._strength, self._generator).to(self._device)
        if self._device.type == "cpu":
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        with autocast(self._device, self._precision):
            return _run(self._parts, pixels)


def _run(parts: Iterable[Stage], x: Tensor) -> Tensor:
    for part in parts:
        x = part.call(x)
    return x
