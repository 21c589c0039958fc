"""Files and folders on disk: atomic writing, locks, names of files, and where the shipped assets lie. No torch."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from clipforget.errors import FileProblem

PACKAGE = Path(__file__).resolve().parent
# Inside the package where it was installed from a wheel, beside it in a checkout.
ASSETS = PACKAGE / "assets" if (PACKAGE / "assets").is_dir() else PACKAGE.parent / "assets"
ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,94}[a-z0-9])?")  # of a run or a comparison, and so the name of its folder
DRAFT = re.compile(r"\..+-[0-9a-f]{8}(\.[a-z0-9]+)?")  # of a file that `atomic` writes
SLACK = 2**20  # bytes that a file system may need beside the files
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # a file's name that leads nowhere else and is not hidden


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in a sentence what the system refuses in the block, which writes `path`. Raises FileProblem.

    Errors about files of other folders stay as they are.
    """
    try:
        yield
    except OSError as error:
        folder = os.path.abspath(path.parent)
        if isinstance(error.filename, str) and not Path(os.path.abspath(error.filename)).is_relative_to(folder):
            raise
        raise FileProblem(path, error) from error
    except UnicodeEncodeError as error:
        raise FileProblem(path, OSError("its name or content holds half a character")) from error


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder where it is missing, for the block to fill; after an error no empty one is left.

    Raises FileProblem where it cannot be made.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]  # innermost first
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise


def check_room(folder: Path, size: int, what: str) -> None:
    """Raise FileProblem where the disk of a folder has less room than `size` bytes and a little; what needs it."""
    free = shutil.disk_usage(folder).free
    if free < size + SLACK:
        numbers = f"{free / 2**20:,.0f} MiB are free, and {what} needs {(size + SLACK) / 2**20:,.0f} MiB"
        raise FileProblem(folder, OSError(errno.ENOSPC, numbers))


def leftovers(folder: Path) -> list[Path]:
    """Return the drafts of `atomic` in a folder that a killed process has left there."""
    return [path for path in folder.glob(".*") if DRAFT.fullmatch(path.name)]


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a new path beside `path` to write to, with the same suffix; it becomes `path` where the block ends well.

    Nobody ever reads half a file under the final name, not even after a power cut; after an error the old content stays
    and the new one is removed. Raises FileProblem where it cannot be written.
    """
    draft = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        with writing(path):
            draft.touch()
            mode = draft.stat().st_mode  # as the umask wants it; safetensors would let nobody else read its files
            yield draft
            draft.chmod(mode)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(draft, path)
    except BaseException:
        with suppress(OSError, ValueError):  # a name that no file can have
            draft.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:
    """Write JSON atomically; nan and infinities become null. indent None puts it all in one line."""
    with atomic(path) as draft:
        text = json.dumps(finite(content), indent=indent, ensure_ascii=False, allow_nan=False)
        draft.write_text(text + "\n", encoding="utf-8")


def finite(content: Any) -> Any:
    """Replace nan and infinities, which JSON does not know, by null."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


class FileLock:
    """A lock on a file, made where it is missing, that dies with its process.

    with FileLock(path): waits for it and holds it while the block lasts. Not for two threads at once: give each one of
    its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def acquire(self, wait: bool = True) -> bool:
        """Return True where the lock is ours, now or already; False where another holds it and `wait` is False.

        Raises FileProblem where the file cannot be made or the disk knows no locks.
        """
        if self._file is None:
            with writing(self.path):
                file = self.path.open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BaseException as error:
                file.close()
                if isinstance(error, BlockingIOError):
                    return False
                if isinstance(error, OSError):
                    raise FileProblem(self.path, error, "lock") from error
                raise
            self._file = file
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens where it is not ours."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def fileno(self) -> int:
        """Return the descriptor of a lock that is ours: a process that inherits it holds the lock too."""
        assert self._file is not None, "the lock is not ours"
        return self._file.fileno()

    def is_held(self) -> bool:
        """Return True while anybody holds the lock. Makes no file. Raises FileProblem where that cannot be told."""
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except OSError as error:
            raise FileProblem(self.path, error, "lock") from error
        return False

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def refusal(path: str | Path) -> str:
    """Return why a path must not be opened, as the end of a sentence about it; empty for a regular file or a folder.

    Devices, pipes and sockets may wait for ever. What lies in /proc, /sys and /dev is no data, whatever it looks like;
    /dev/shm is memory, where people put theirs. Raises OSError where there is nothing.
    """
    for spelling in (os.path.abspath(path), os.path.realpath(path)):
        top, second = (*Path(spelling).parts[1:3], "", "")[:2]
        if top in ("proc", "sys") or (top == "dev" and second != "shm"):
            return "lies in a folder of the system"
    mode = os.stat(path).st_mode
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "is neither a regular file nor a folder"


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read its bytes, never waiting. Raises OSError for anything else."""

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY)  # a pipe without a writer would wait
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "is no regular file")
        return descriptor

    return open(path, "rb", opener=opener)


def read_regular(path: Path) -> bytes:
    """Return the bytes of a regular file, never waiting. Raises OSError for anything else."""
    with open_regular(path) as file:
        return file.read()


def slug(text: str) -> str:
    """Return a text as part of an id, at most 24 characters of a-z, 0-9 and -."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:24].strip("-")
