"""What the training of every method shares: seeded batches, augmentation, accuracy, shares of an average."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.models.precision import FLOAT32, autocast
from clipforget.unlearning.losses import own_and_runner_up
from clipforget.unlearning.task import ImageSet


class Encoder(Protocol):
    """Anything that embeds images: a Clip, or the tail of one."""

    device: torch.device

    @property
    def batch_size(self) -> int:
        """Return how many images to embed at once."""

    def encode_image(self, pixels: Tensor, /) -> Tensor:
        """Embed B images: B x D, unit."""


def index_batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield endless shuffled batches of B = min(size, count) indices below count; each epoch shuffles anew."""
    size, queue = min(size, count), torch.empty(0, dtype=torch.long)
    while True:
        if len(queue) < size:
            queue = torch.cat([queue, torch.randperm(count, generator=generator)])
        yield queue[:size]
        queue = queue[size:]


def batches(images: ImageSet, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield endless shuffled batches (pixels B x 3 x H x W, labels B), B = min(size, N)."""
    for indices in index_batches(len(images.labels), size, generator):
        yield images.pixels[indices], images.labels[indices]


def sample(images: ImageSet, count: int, generator: torch.Generator) -> ImageSet:
    """Draw up to `count` of the images, without replacement."""
    return images.take(torch.randperm(len(images), generator=generator)[:count])


def augment(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Mirror, zoom and shift each image at random, B x 3 x H x W; strength 0 (nothing) to 1 (zoom 1-2, shift half)."""
    if strength <= 0:
        return pixels
    count = len(pixels)
    zoom = 1 - 0.5 * strength * torch.rand(count, generator=generator)
    shift = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - zoom)[:, None]
    mirror = 1 - 2 * torch.randint(2, (count,), generator=generator)
    grid = torch.zeros(count, 2, 3)
    grid[:, 0, 0], grid[:, 1, 1], grid[:, :, 2] = zoom * mirror, zoom, shift
    coordinates = F.affine_grid(grid.to(pixels.device), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, coordinates, padding_mode="reflection", align_corners=False)


@torch.no_grad()
def margins(clip: Encoder, images: ImageSet, class_embeddings: Tensor, precision: str = FLOAT32) -> Tensor:
    """Return N cosines with the own caption less the best other one (embeddings C x D), on the CPU; > 0 is a hit."""
    parts = [torch.empty(0)]
    for pixels, labels in images.split(clip.batch_size):
        with autocast(clip.device, precision):
            features = clip.encode_image(pixels.to(clip.device))
        own, best_other = own_and_runner_up((features.float() @ class_embeddings.T).cpu(), labels)
        parts.append(own - best_other)
    return torch.cat(parts)


def accuracy(margin: Tensor) -> float:
    """Return the share of positive margins (N), 0 to 1: zero-shot accuracy; nan where there are no images."""
    return float((margin > 0).float().mean())


def original_share(decay: float, steps: int, extrapolation: float = 1.0) -> float:
    """Return the original's share in an average started at it, extended to `extrapolation` times its change.

    It is 1 - extrapolation (1 - decay^steps), at most 1; below 0 where that goes beyond the weights that were averaged.
    """
    return 1 - extrapolation * (1 - decay**steps)
