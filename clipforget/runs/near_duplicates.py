"""Which images of a run nearly repeat one that it is judged by, told by small copies of their pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from clipforget.models.pixels import AnyPixels

BITS = 6  # of 64 in which the hashes of near-duplicates may differ
CORRELATION = 0.98  # at least, between their thumbnails
SIDE = 16  # of a thumbnail
CHUNK = 256  # images that are compared with all at once
BATCH = 64  # images whose floats are in memory at once


def near_duplicates(pixels: AnyPixels, ranks: Sequence[int]) -> list[int]:
    """Return the positions of the images that nearly repeat one of a lower rank. pixels N x 3 x H x W, N ranks.

    Two images are near-duplicates where their difference hashes (dHash: 8 x 8 signs of the change in brightness from
    left to right) agree in all but BITS bits and their colour thumbnails correlate by CORRELATION. Of copies resized or
    flatter this finds 99 to 100 %, of those saved as JPEG 40 or 15 % brighter 78 to 100 %; of other images, whose
    cosines may well exceed .98 within a class, none among 5,632 drawings and 8,000 photographs.
    """
    signs, small = zip(*map(small_copies, pixels.split(BATCH)), strict=True)
    return sorted({later for later, _ in repeats(torch.cat(signs), torch.cat(small), torch.tensor(ranks))})


def small_copies(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `repeats` compares of B x 3 x H x W: the signs of dHash, B x 64, and unit thumbnails, B x 768."""
    grey = adaptive_avg_pool2d(pixels.mean(dim=1, keepdim=True), (8, 9))[:, 0]
    small = adaptive_avg_pool2d(pixels, SIDE).flatten(1)
    small = normalize(small - small.mean(dim=1, keepdim=True), dim=1)
    return torch.where(grey.diff(dim=2) > 0, 1.0, -1.0).flatten(1), small


def repeats(signs: Tensor, small: Tensor, rank: Tensor) -> list[tuple[int, int]]:
    """Return the near-duplicates among N small copies as pairs of positions, the one of higher rank (N) first."""
    found: list[tuple[int, int]] = []
    for rows in torch.arange(len(signs))[rank > 0].split(CHUNK):
        alike = (signs[rows] @ signs.T >= signs.shape[1] - 2 * BITS) & (rank[rows, None] > rank)
        pairs = alike.nonzero()
        later, earlier = rows[pairs[:, 0]], pairs[:, 1]
        near = (small[later] * small[earlier]).sum(dim=1) >= CORRELATION
        found += zip(later[near].tolist(), earlier[near].tolist(), strict=True)
    return found
