"""Compressed archives, unpacked once into a plain .tar in the user's cache, within bounds.

A plain .tar is read in place and from any thread, which the compressed one cannot be. The cache may be deleted at any
time; the KEPT used last stay in it.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import importlib
import lzma
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from clipforget.data.watching import watched
from clipforget.errors import BadData
from clipforget.files import atomic, check_room, open_regular, writing

COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}  # by their first bytes
KEPT = 4  # unpacked archives
LARGEST, LARGEST_RATIO = 2**36, 100  # bytes unpacked; times the bytes packed: pictures hardly shrink
SMALL = 2**28  # bytes; a ratio says nothing below them
PIECE = 2**20  # bytes


def unpacked(path: Path, kind: str) -> Path:
    """Return the plain .tar of a compressed one, unpacked where it is not yet; kind is its compression.

    Raises BadData where it is damaged, cut off or a bomb, FileProblem without room on the disk. Then nothing is left.
    """
    status = path.stat()
    stamp = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
    folder = _folder()
    target = folder / f"{hashlib.sha256(stamp.encode()).hexdigest()[:32]}.tar"
    if target.exists():
        with suppress(OSError):
            os.utime(target)
        return target
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    check_room(folder, status.st_size, f"unpacking {path.name}")
    with open_regular(path) as packed, _opener(kind)(packed) as stream, atomic(target) as draft:
        _copy(stream, packed, draft, status.st_size, path)
    others = sorted(folder.glob("*.tar"), key=lambda file: file.stat().st_mtime, reverse=True)[KEPT:]
    for file in others:
        with suppress(OSError):
            file.unlink()
    return target


def _copy(stream: IO[bytes], packed: IO[bytes], draft: Path, size: int, path: Path) -> None:
    total = 0
    with draft.open("wb") as out:
        while piece := _piece(stream, path):
            total += len(piece)
            if total > LARGEST or total > max(SMALL, LARGEST_RATIO * size):
                raise BadData(
                    f"{path} unpacks to more than {total >> 20:,} MiB from {size >> 20:,}, which no pictures do; "
                    "unpack it yourself if you trust it."
                )
            if total % (64 * PIECE) < PIECE:
                check_room(draft.parent, 64 * PIECE, f"unpacking {path.name}")
            out.write(piece)
            watched("Unpacking", packed.tell(), size)


def _piece(stream: IO[bytes], path: Path) -> bytes:
    try:
        return stream.read(PIECE)
    except Exception as error:  # each decompressor has errors of its own
        raise BadData(f"{path} is damaged or cut off ({error}); copy it again.") from error


def _opener(kind: str) -> Callable[[IO[bytes]], Any]:
    if kind == "zstd":
        for module in ("compression.zstd", "zstandard"):
            with suppress(ImportError):
                return _open_of(importlib.import_module(module))
        raise BadData("A zstd archive needs Python 3.14 or the package zstandard: pip install zstandard.")
    return _open_of({"gzip": gzip, "bzip2": bz2, "xz": lzma}[kind])


def _open_of(module: Any) -> Callable[[IO[bytes]], Any]:
    opener: Callable[[IO[bytes]], Any] = module.open
    return opener


def _folder() -> Path:
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise BadData("There is no home to unpack the archive in; unpack it and give the folder.") from error
    return Path(cache) / "clipforget" / "unpacked"
