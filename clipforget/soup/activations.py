"""What the unchanged stages of a tower give for each batch of images: made once, in memory or in a file."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor


class Activations:
    """Keeps tensors by number. With a folder they lie in a file there that has no name and goes once it is closed.

    `most` is the size of the largest tensor, in bytes. Safe across threads, as long as no two ask for the same number.
    """

    def __init__(self, folder: Path | None, most: int) -> None:
        self._file = None if folder is None else tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # by `close`
        self._most = most
        self._kept: dict[int, Tensor] = {}  # in a file: tensors without values, of the shapes, strides and types

    def get(self, number: int, make: Callable[[], Tensor]) -> Tensor:
        """Return a tensor of the caller's own, made where it is not known: always bit for bit the same."""
        if number in self._kept:
            return self._kept[number].clone() if self._file is None else self._read(number)
        made = make()
        if self._file is None:
            self._kept[number] = made.clone()
            return made
        if not _bytes_of(made).numel():  # with gaps, or views of something larger
            made = made.contiguous()
        if os.pwrite(self._file.fileno(), _bytes_of(made).numpy().data, number * self._most) < made.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._kept[number] = made.to("meta")
        return made

    def close(self) -> None:
        """Let go of what is kept."""
        self._kept.clear()
        if self._file is not None:
            self._file.close()

    def _read(self, number: int) -> Tensor:
        assert self._file is not None
        value = torch.empty_like(self._kept[number], device="cpu")
        os.preadv(self._file.fileno(), [_bytes_of(value).numpy().data], number * self._most)
        return value


def _bytes_of(x: Tensor) -> Tensor:
    """All bytes of a tensor on the CPU in the order in which they lie in memory; none where they lie with gaps."""
    order = sorted(range(x.ndim), key=x.stride, reverse=True)
    flat = x.permute(order)
    return flat.reshape(-1).view(torch.uint8) if flat.is_contiguous() else torch.empty(0, dtype=torch.uint8)
