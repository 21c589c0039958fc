"""A folder that explains itself in one JSON file: its state, who works on it, and locks that die with their process.

Runs and comparisons are such folders. Needs no torch.
"""

from __future__ import annotations

import fcntl
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from clipforget.errors import BadSetting, RunProblem
from clipforget.files import locked, write_json

ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,94}[a-z0-9])?")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
STATES = ("queued", "running", "done", "stopped", "failed")  # "lost" is reported, never stored
LOCK = "run.lock"  # held while the files of the folder are written
GRACE = 10.0  # seconds a queued one may wait for its worker to come alive


class RunFolder:
    """A folder with its JSON file, named FILE, and what the work writes beside it. KIND is what people call it."""

    FILE: ClassVar[str]
    KIND: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder, self.id = Path(folder), Path(folder).name

    def path(self, name: str) -> Path:
        """The path of a file in the folder. Raises RunProblem for a name that is no plain file name."""
        if not NAME.fullmatch(name):
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
        with locked(self.path(LOCK)):
            write_json(self.path(self.FILE), {**self._stored(), **changes})

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Mark the folder as worked on while the block lasts, or until the process dies.

        Raises RunProblem where another worker holds it.
        """
        lane = DeviceLock(self.path("worker.lock"))
        for _ in range(20):  # a look by alive() takes the lock for an instant
            if lane.take():
                break
            time.sleep(0.05)
        else:
            raise RunProblem(f"Another worker is already at work on {self.id}.")
        with lane:
            yield

    def alive(self) -> bool:
        """True while some process holds the folder."""
        try:
            file = self.path("worker.lock").open("rb")
        except FileNotFoundError:
            return False
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _stored(self) -> dict[str, Any]:
        try:
            return json.loads(self.path(self.FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunProblem(f"The {self.KIND} {self.id} has no readable {self.FILE} ({error}).") from error


class DeviceLock:
    """A lock that dies with its process: `take()` tries once, `release()` or the end of a with block gives it back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None

    def take(self) -> bool:
        """True where the lane is ours, now or already; False where another holds it."""
        if self._file is not None:
            return True
        file = self.path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lane back; nothing happens where it was not taken."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> DeviceLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
