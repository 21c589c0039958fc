"""A folder that explains itself in one JSON file: its state, who works on it, and locks that die with their process.

Runs and comparisons are such folders. Needs no torch.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from clipforget.errors import BadSetting, FileProblem, RunProblem, UnknownName
from clipforget.files import ID, PLAIN, FileLock, check_room, leftovers, made_folder, read_regular, write_json, writing
from clipforget.runs.documents import FolderInfo
from clipforget.runs.queue import Queue
from clipforget.settings import read_document

STATES = ("queued", "running", "done", "stopped", "failed")  # "lost" is reported, never stored
LOCK = "run.lock"  # held while the files of the folder are written
OWNER = "owner"  # names the visitor who started the work
WORKER_LOCK = "worker.lock"  # held as long as a worker is alive
RESERVE, RESERVED = "reserve.bin", 2**16  # a file for a moment without room, and its bytes
GRACE = 30.0  # seconds that a worker may take, on a busy machine, from its start until it holds its folder

Info = TypeVar("Info", bound=FolderInfo)


class RunFolder(Generic[Info]):
    """A folder with its JSON file, named FILE, and what the work writes beside it. KIND is what people call it.

    INFO is the TypedDict that the file fits.
    """

    FILE: ClassVar[str]
    INFO: ClassVar[type[Any]]
    KIND: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder, self.id = Path(folder), Path(folder).name

    @property
    def owner(self) -> str | None:
        """Return the visitor of a public server who started it; None where it was no visitor."""
        try:
            return read_regular(self.path(OWNER)).decode(errors="replace")
        except OSError:
            return None

    @owner.setter
    def owner(self, visitor: str | None) -> None:
        if visitor is not None:
            self.path(OWNER).write_text(visitor, encoding="utf-8")

    @property
    def runs(self) -> Path:
        """Return the folder of the runs, with the queue and the locks of the devices."""
        return self.folder.parent

    def path(self, name: str) -> Path:
        """Return the path of a file in the folder. Raises RunProblem for a name that is no plain file name."""
        if not PLAIN.fullmatch(name):
            raise RunProblem(f"'{name[:80]}' is no file of a {self.KIND}.")
        return self.folder / name

    def info(self) -> Info:
        """Return the JSON file with the live state: "lost" where it says queued or running and no worker is alive.

        What waits in the queue is not lost: it has no worker yet. Raises RunProblem where the file is missing or
        damaged.
        """
        info = self._stored()
        if info["state"] in ("queued", "running") and not self.alive():
            info = self._stored()  # the worker may have written its last word in between
            if info["state"] == "running" or (info["state"] == "queued" and not self._expected()):
                info["state"] = "lost"
        return info

    def update(self, **changes: object) -> None:
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
            try:
                yield
            finally:
                self.free_reserve()

    def reserve(self) -> None:
        """Take a little room for the last word on how the work ended, should the disk be full then.

        Raises FileProblem.
        """
        with writing(self.path(RESERVE)):
            self.path(RESERVE).write_bytes(os.urandom(RESERVED))

    def free_reserve(self) -> None:
        """Give that room back, so that the last word can be written."""
        with suppress(OSError):
            self.path(RESERVE).unlink()

    def alive(self) -> bool:
        """Return True while some process works on the folder."""
        return FileLock(self.path(WORKER_LOCK)).is_held()

    def _expected(self) -> bool:
        """Return True while queued work waits for its turn, or was started just now; a clock may have been set back."""
        if self.id in Queue(self.runs).positions():
            return True
        with suppress(FileNotFoundError):  # deleted in this moment
            return abs(time.time() - self.path(self.FILE).stat().st_mtime) <= GRACE
        return True

    def _stored(self) -> Info:
        """The JSON file as it is written today, under the id that the folder has."""
        try:
            info: Info = read_document(self.INFO, self.path(self.FILE), self._upgraded)
            datetime.fromisoformat(info["created"])
            if info["state"] not in STATES:
                raise BadSetting(f"state: it is none of {', '.join(STATES)}")
        except (BadSetting, ValueError) as error:
            reason = f"has no readable {self.FILE} ({error})"
            raise RunProblem(f"The {self.KIND} {self.id} {reason}; repair or delete it.") from error
        info["id"] = self.id
        return info

    def _upgraded(self, info: dict[str, Any]) -> dict[str, Any]:
        """The content of the JSON file in today's words."""
        return info


Folder = TypeVar("Folder", bound=RunFolder[Any])


class FolderStore(Generic[Folder, Info]):
    """The folders of one kind under a root, which is made with the first of them. Ids start with the time."""

    def __init__(self, root: Path, kind: type[Folder]) -> None:
        self.root, self._kind = root, kind

    def get(self, id: str) -> Folder:
        """Return the folder of an id. Raises UnknownName; an id of other characters than a-z, 0-9, - is in no path."""
        if isinstance(id, str) and ID.fullmatch(id) and (self.root / id / self._kind.FILE).exists():
            return self._kind(self.root / id)
        raise UnknownName(self._kind.KIND, str(id)[:80], self.ids())

    def ids(self) -> list[str]:
        """Return all ids, newest first."""
        paths = self.root.glob(f"*/{self._kind.FILE}") if self.root.is_dir() else ()
        return sorted((path.parent.name for path in paths if ID.fullmatch(path.parent.name)), reverse=True)

    def all(self) -> list[Folder]:
        """Return all folders, newest first."""
        return [self._kind(self.root / id) for id in self.ids()]

    def infos(self) -> Iterator[tuple[Folder, Info]]:
        """Yield the folders with their `info`, newest first; those just deleted or damaged are left out."""
        for folder, info in self.listed():
            if not isinstance(info, RunProblem):
                yield folder, info

    def listed(self) -> Iterator[tuple[Folder, Info | RunProblem]]:
        """Yield the folders with their `info`, or with what is wrong with a damaged one; those just deleted not."""
        for folder in self.all():
            try:
                info = folder.info()
            except RunProblem as problem:
                if folder.path(folder.FILE).exists():
                    yield folder, problem
            else:
                yield folder, info

    def delete(self, id: str) -> None:
        """Remove a folder for good. Raises UnknownName, or RunProblem while its worker is alive."""
        folder = self.get(id)
        if folder.alive():
            raise RunProblem(f"The {folder.KIND} {id} is still at work; stop it first.")
        try:
            folder.folder.rename(self.root / f".deleted-{id}")  # one step, so that nobody sees half of it
        except OSError as error:
            raise FileProblem(folder.folder, error, "delete") from error
        _remove(self.root / f".deleted-{id}")

    def sweep(self) -> None:
        """Remove what killed workers and servers have left half-written or half-deleted."""
        idle = [folder for folder in self.all() if not folder.alive()]
        drafts = [path for folder in idle for path in (*leftovers(folder.folder), folder.path(RESERVE))]
        for path in (*drafts, *self.root.glob(".deleted-*")):
            _remove(path)

    def _make(self, words: str, info: dict[str, Any]) -> Folder:
        """A new folder whose id has these words, with its file. Raises FileProblem, after which nothing is left."""
        now = datetime.now(UTC)
        folder = self._kind(self.root / f"{now:%Y%m%d-%H%M%S}-{words}-{secrets.token_hex(2)}")
        with made_folder(folder.folder):
            check_room(folder.folder, 0, f"a {folder.KIND}")
            created = now.isoformat(timespec="milliseconds")
            write_json(folder.path(folder.FILE), {"id": folder.id, "created": created, **info})
        return folder


def _remove(path: Path) -> None:
    """Remove a file, a folder with all it holds, or a link, as far as that is allowed."""
    with suppress(OSError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
