"""What the training of every method shares: seeded batches, augmentation, precision, accuracy, shares of an average."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.clip import Clip


class Images(Protocol):
    """Anything that holds N images: pixels N x 3 x H x W and labels N (a method's ImageSet)."""

    @property
    def pixels(self) -> Tensor: ...

    @property
    def labels(self) -> Tensor: ...


Some = TypeVar("Some", bound=Images)

DECISIVE = 1.25  # bfloat16 must be this many times faster than float32 to be taken
_precision: dict[tuple[str, ...], torch.dtype | None] = {}


def batches(images: Images, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless shuffled batches (pixels B x 3 x H x W, labels B) with B = min(size, N); each epoch shuffles anew."""
    size, queue = min(size, len(images.labels)), torch.empty(0, dtype=torch.long)
    while True:
        if len(queue) < size:
            queue = torch.cat([queue, torch.randperm(len(images.labels), generator=generator)])
        chosen, queue = queue[:size], queue[size:]
        yield images.pixels[chosen], images.labels[chosen]


def sample(images: Some, count: int, generator: torch.Generator) -> Some:
    """Up to `count` of the images, drawn without replacement."""
    chosen = torch.randperm(len(images.labels), generator=generator)[:count]
    return dataclasses.replace(images, pixels=images.pixels[chosen], labels=images.labels[chosen])  # type: ignore[type-var]


def augment(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Random mirror, zoom and shift of each image, B x 3 x H x W; strength 0 (nothing) to 1 (zoom 1-2, shift half)."""
    if strength <= 0:
        return pixels
    count = len(pixels)
    zoom = 1 - 0.5 * strength * torch.rand(count, generator=generator)
    shift = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - zoom)[:, None]
    mirror = 1 - 2 * torch.randint(2, (count,), generator=generator)
    grid = torch.zeros(count, 2, 3)
    grid[:, 0, 0], grid[:, 1, 1], grid[:, :, 2] = zoom * mirror, zoom, shift
    where = F.affine_grid(grid.to(pixels.device), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, where, padding_mode="reflection", align_corners=False)


def autocast_dtype(clip: Clip, size: int = 16) -> torch.dtype | None:
    """bfloat16 where a small step on this machine's CPU is decisively faster in it, None (float32) otherwise.

    Measured, not assumed, forward and backward and in seconds of the processor: bfloat16 makes plain ResNets faster
    where the processor has the instructions, but the backward pass of depthwise networks slower. Remembered per kind of
    tower, so that one process never changes its mind. Accelerators take bfloat16 unmeasured where they support it.
    """
    if clip.device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else None
    if clip.device.type != "cpu":
        return None
    visual = clip.model.get_submodule("visual")
    kind = (*(type(module).__name__ for module in visual.modules()), str(sum(p.numel() for p in visual.parameters())))
    if kind not in _precision:
        pixels = torch.zeros(size, 3, *clip.image_size, device=clip.device, requires_grad=True)
        slow, fast = (_fastest(clip, pixels, dtype) for dtype in (None, torch.bfloat16))
        _precision[kind] = torch.bfloat16 if slow > DECISIVE * fast else None
    return _precision[kind]


def autocast(clip: Clip, dtype: torch.dtype | None) -> AbstractContextManager:
    """The autocast context of a dtype; None computes in float32."""
    return torch.autocast(clip.device.type, dtype=dtype, enabled=dtype is not None)


def _fastest(clip: Clip, pixels: Tensor, dtype: torch.dtype | None) -> float:
    seconds = []
    for _ in range(4):  # the first warms up
        start = time.process_time()
        with torch.enable_grad(), autocast(clip, dtype):
            total = clip.encode_image(pixels).float().sum()
        torch.autograd.grad(total, [pixels])
        seconds.append(time.process_time() - start)
    return min(seconds[1:])


@torch.no_grad()
def margins(clip: Clip, images: Images, bank: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Cosine with the own caption less the best other one in the bank (C x D): N, float32, CPU; > 0 is a hit."""
    parts = [torch.empty(0)]
    for pixels, labels in zip(images.pixels.split(64), images.labels.split(64), strict=True):
        with autocast(clip, dtype):
            features = clip.encode_image(pixels.to(clip.device))
        cosines, own = (features.float() @ bank.T).cpu(), labels[:, None]
        parts.append(cosines.gather(1, own)[:, 0] - cosines.scatter(1, own, -torch.inf).max(dim=1).values)
    return torch.cat(parts)


def accuracy(margin: Tensor) -> float:
    """Share of positive margins (N), 0 to 1: zero-shot accuracy; nan where there are no images."""
    return float((margin > 0).float().mean())


def original_share(alpha: float, decay: float, steps: int) -> float:
    """The original's share in a soup of an averaged model: alpha + (1 - alpha) decay^steps, 0 to 1."""
    return alpha + (1 - alpha) * decay**steps
