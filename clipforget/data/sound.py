"""The large images that were decoded once without a fault, so that the next start need not decode them again.

A file below the user's cache folder holds the SHA-256 of their bytes, 32 bytes each, nothing else. It may be deleted at
any time; where it cannot be read or written, images are decoded again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from PIL import __version__ as pillow

RULES = 1  # count up where images.check refuses more than before
DIGEST = 32  # bytes
MOST = 4_000_000  # digests in the file; beyond them it begins anew


def load_sound() -> set[bytes]:
    """Return the digests of the images that are known to be sound."""
    try:
        data = _path().read_bytes()
    except (OSError, RuntimeError):
        return set()
    return {data[i : i + DIGEST] for i in range(0, len(data) - DIGEST + 1, DIGEST)}


def add_sound(digests: Iterable[bytes]) -> None:
    """Remember the digests of further images, in one write, so that two processes do not mix theirs."""
    data = b"".join(digests)
    if not data:
        return
    with suppress(OSError, RuntimeError):
        path = _path()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and (path.stat().st_size % DIGEST or path.stat().st_size > MOST * DIGEST):
            path.unlink()  # cut off, or full
        with path.open("ab", buffering=0) as file:
            file.write(data)


def _path() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"  # RuntimeError where there is no home
    return Path(folder) / "clipforget" / f"sound-{RULES}-pillow-{pillow}"
