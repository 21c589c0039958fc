"""Files and folders on disk: atomic writing, locks, names of files, and where the shipped assets lie. No torch."""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
# Inside the package where it was installed from a wheel, beside it in a checkout.
ASSETS = PACKAGE / "assets" if (PACKAGE / "assets").is_dir() else PACKAGE.parent / "assets"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file while the block lasts; a second one waits."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that nobody reads half of it; nan and infinities become null."""
    text = json.dumps(finite(content), indent=1, ensure_ascii=False)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def finite(content: Any) -> Any:
    """The same with null for nan and infinities, which JSON does not know."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def slug(text: str) -> str:
    """A text as part of an id, at most 24 characters of a-z, 0-9 and -."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:24].strip("-")
