"""Images ready for a model, held once as bytes and normalised as they are read.

A float tensor takes four times the memory, and a copy for each split of a run as much again. Letters: N images of a
view, M images held, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor


@dataclass(frozen=True)
class Pixels:
    """A view of N of the M images held: pixels[rows] are B x 3 x H x W, as the model's own transform gives them.

    held is M x 3 x H x W, uint8, or float where there is no mean; rows are N indices into it. mean and std (3 x 1 x 1)
    are those of the model's normalisation, of bytes as shares of 255.
    """

    held: Tensor
    rows: Tensor
    mean: Tensor | None = None
    std: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> Tensor:
        """Return the images at an index, a slice, a mask or indices, normalised."""
        picked = self.held[self.rows[rows]]
        if self.mean is None or self.std is None:
            return picked
        return picked.to(torch.float32).div_(255).sub_(self.mean).div_(self.std)

    @property
    def shape(self) -> torch.Size:
        """Return N x 3 x H x W."""
        return torch.Size((len(self), *self.held.shape[1:]))

    @property
    def nbytes(self) -> int:
        """Count the bytes of all images held, however few of them this view shows."""
        return self.held.nbytes

    def split(self, size: int) -> Iterator[Tensor]:
        """Yield the images `size` at a time, as Tensor.split does; of none one empty batch."""
        for start in range(0, max(len(self), 1), size):
            yield self[start : start + size]

    def view(self, rows: Any) -> Pixels:
        """Return some of the images without a copy: a slice, a mask or indices."""
        return replace(self, rows=self.rows[rows])


AnyPixels = Pixels | Tensor  # N x 3 x H x W, both with len, shape, [rows] and split


def view(pixels: AnyPixels, rows: Any) -> AnyPixels:
    """Return some of the images, N x 3 x H x W; a view of Pixels, a copy of a tensor."""
    return pixels.view(rows) if isinstance(pixels, Pixels) else pixels[rows]


def joined(parts: Sequence[AnyPixels]) -> AnyPixels:
    """Put images one after the other: without a copy where all are views of the same ones."""
    first = parts[0]
    if isinstance(first, Pixels) and all(isinstance(part, Pixels) and part.held is first.held for part in parts):
        return replace(first, rows=torch.cat([part.rows for part in parts if isinstance(part, Pixels)]))
    return torch.cat([part[:] for part in parts])


@dataclass(frozen=True)
class Reader:
    """How images become rows of Pixels: `read` gives 3 x H x W, bytes where the transform allows it."""

    read: Callable[[Image], Tensor]
    mean: Tensor | None = None
    std: Tensor | None = None

    @classmethod
    def of(cls, transform: Callable[[Image], Tensor], image: Image) -> Reader:
        """Split a transform that ends in torchvision's ToTensor and Normalize before these two.

        The image tells whether the two halves give the same floats, bit for bit; any other transform is read as it is.
        """
        from torchvision.transforms import Compose, Normalize, ToTensor

        steps = list(getattr(transform, "transforms", ()))
        if len(steps) < 2 or not isinstance(steps[-2], ToTensor) or not isinstance(steps[-1], Normalize):
            return cls(transform)
        cut = Compose(steps[:-2])
        mean, std = (torch.as_tensor(value).view(-1, 1, 1).float() for value in (steps[-1].mean, steps[-1].std))
        reader = cls(lambda image: _bytes(cut(image)), mean, std)
        return reader if torch.equal(reader.pixels([reader.read(image)])[0], transform(image)) else cls(transform)

    def pixels(self, rows: Sequence[Tensor] | Tensor) -> Pixels:
        """Return what was read (M x 3 x H x W) as Pixels that show all of it."""
        held = rows if isinstance(rows, Tensor) else torch.stack(list(rows))
        return Pixels(held, torch.arange(len(held)), self.mean, self.std)


def _bytes(image: Any) -> Tensor:
    """An image as channels x H x W, uint8."""
    return torch.from_numpy(np.atleast_3d(np.array(image, dtype=np.uint8))).permute(2, 0, 1)
