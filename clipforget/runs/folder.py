"""A folder that explains itself in one JSON file: its state, who works on it, and locks that die with their process.

Runs and comparisons are such folders. Needs no torch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from clipforget.errors import BadSetting, RunProblem
from clipforget.files import PLAIN, FileLock, write_json

STATES = ("queued", "running", "done", "stopped", "failed")  # "lost" is reported, never stored
LOCK = "run.lock"  # held while the files of the folder are written
WORKER_LOCK = "worker.lock"  # held as long as a worker is alive
GRACE = 10.0  # seconds a queued one may wait for its worker to come alive


class RunFolder:
    """A folder with its JSON file, named FILE, and what the work writes beside it. KIND is what people call it."""

    FILE: ClassVar[str]
    KIND: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder, self.id = Path(folder), Path(folder).name

    def path(self, name: str) -> Path:
        """The path of a file in the folder. Raises RunProblem for a name that is no plain file name."""
        if not PLAIN.fullmatch(name):
            raise RunProblem(f"'{name[:80]}' is no file of a {self.KIND}.")
        return self.folder / name

    def info(self) -> dict[str, Any]:
        """The JSON file with the live state: "lost" where it says queued or running and no worker is alive.

        Raises RunProblem where the file is missing or unreadable.
        """
        info = self._stored()
        if info["state"] in ("queued", "running") and not self.alive():
            info = self._stored()  # the worker may have written its last word between the two looks
            age = 0.0  # seconds since it was queued, which may be again and long after it was created
            with suppress(FileNotFoundError):  # deleted in this moment
                age = time.time() - self.path(self.FILE).stat().st_mtime
            if info["state"] == "running" or (info["state"] == "queued" and age > GRACE):
                info["state"] = "lost"
        return info

    def update(self, **changes: Any) -> None:
        """Change fields of the JSON file, atomically, one writer at a time. Raises BadSetting for an unknown state."""
        if changes.get("state", "queued") not in STATES:
            raise BadSetting(f"'{changes['state']}' is no state of a {self.KIND}; known: {', '.join(STATES)}.")
        with FileLock(self.path(LOCK)):
            write_json(self.path(self.FILE), {**self._stored(), **changes})

    @contextmanager
    def worker_lock(self) -> Iterator[None]:
        """Mark the folder as worked on while the block lasts, or until the process dies.

        Raises RunProblem where another worker holds it.
        """
        lock = FileLock(self.path(WORKER_LOCK))
        for _ in range(20):  # alive() takes the lock for an instant
            if lock.acquire(wait=False):
                break
            time.sleep(0.05)
        else:
            raise RunProblem(f"Another worker is already at work on {self.id}.")
        with lock:
            yield

    def alive(self) -> bool:
        """Return True while some process works on the folder."""
        return FileLock(self.path(WORKER_LOCK)).is_held()

    def _stored(self) -> dict[str, Any]:
        try:
            return json.loads(self.path(self.FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunProblem(f"The {self.KIND} {self.id} has no readable {self.FILE} ({error}).") from error
