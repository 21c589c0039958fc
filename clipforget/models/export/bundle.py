"""The files of a model as they will be, before any is written: their sizes, a folder of them, or a .zip as a stream.

Weights are written tensor by tensor, so a model is held in memory once, and whoever waits sees how far it is.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipforget.errors import BadModel
from clipforget.files import check_room, made_folder, writing

DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip

Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(frozen=True)
class Weights:
    """A file of tensors by name, in safetensors' format; `metadata` is text by name."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=lambda: {"format": "pt"})

    def header(self) -> bytes:
        """Return what stands before the tensors: names, types, shapes and places, its own length first."""
        entries: dict[str, Any] = {"__metadata__": dict(self.metadata)}
        start = 0
        for name, value in self.tensors.items():
            stop = start + value.nbytes
            entries[name] = {"dtype": DTYPES[value.dtype], "shape": list(value.shape), "data_offsets": [start, stop]}
            start = stop
        text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

    def __len__(self) -> int:
        """Return the size of the file in bytes."""
        return len(self.header()) + sum(value.nbytes for value in self.tensors.values())

    def chunks(self) -> Iterator[bytes]:
        """Yield the content of the file, a tensor at a time."""
        yield self.header()
        for value in self.tensors.values():
            yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


Files = Mapping[str, bytes | Weights]  # by name; a folder becomes readable with the last of them


def as_json(content: Any) -> bytes:
    """Return content as the bytes of a JSON file that people may read."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def size_of(files: Files) -> int:
    """Return how many bytes the files take together."""
    return sum(len(content) for content in files.values())


def check_folder(out: Path, force: bool = False) -> Path:
    """Return the folder in full. Raises BadModel where it is a file, or holds something and `force` is False."""
    try:
        out = out.expanduser().resolve()
        if out.exists() and not out.is_dir():
            raise BadModel(f"{out} is a file; name a folder with -o.")
        if not force and out.is_dir() and any(out.iterdir()):
            raise BadModel(f"The folder {out} is not empty; name another one, or replace its files with --force.")
    except (OSError, RuntimeError, ValueError) as error:
        raise BadModel(f"Cannot write to {str(out)!r} ({error}); name another folder.") from error
    return out


def write_folder(files: Files, out: Path, *, force: bool = False, progress: Progress | None = None) -> Path:
    """Write the files into a folder, made where it is missing, and return it in full.

    Nothing half-written stays: the files move into place together once all are complete. With `force` a folder that is
    not empty is taken, files of the same names are replaced and all others stay. Raises BadModel where the folder is
    refused, FileProblem where it cannot be written or its disk has too little room.
    """
    out = check_folder(out, force)
    part = out / ".part"
    with made_folder(out), writing(out):
        try:
            check_room(out, size_of(files), "the model")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            done, total = 0, size_of(files)
            for name, content in files.items():
                with (part / name).open("wb") as file:
                    for chunk in _chunks(content):
                        file.write(chunk)
                        done += len(chunk)
                        if progress is not None:
                            progress(done, total)
                    file.flush()
                    os.fsync(file.fileno())
            for name in files:
                (part / name).replace(out / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return out


def zip_chunks(files: Files, folder: str) -> Iterator[bytes]:
    """Yield a .zip with the files in a folder of this name, uncompressed, as it is made: never whole in memory."""
    stream = _Stream()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            with archive.open(f"{folder}/{name}", "w", force_zip64=True) as entry:
                for chunk in _chunks(content):
                    entry.write(chunk)
                    yield stream.take()
    yield stream.take()


def _chunks(content: bytes | Weights) -> Iterable[bytes]:
    return content.chunks() if isinstance(content, Weights) else (content,)


class _Stream(RawIOBase):
    """Takes what is written and gives it away; it cannot go back, so the archive says sizes after each file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken, self._parts = b"".join(self._parts), []
        return taken
