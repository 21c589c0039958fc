"""Where the bytes of a data set lie: a folder, a .zip or a .tar, all as one flat list of files."""

from __future__ import annotations

import errno
import lzma
import os
import re
import stat
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from clipforget.data.archives import COMPRESSED, LARGEST_RATIO, SMALL, unpacked
from clipforget.errors import BadData, StaleIndex
from clipforget.files import open_regular, refusal

LAYOUT = "train|test/<superclass>/<subgroup>/*.jpg"
DEEPEST = 6  # folder levels below the root that are looked into: a wrapper, split, superclass, subgroup, style, spare
LARGEST_FILE = 256 * 2**20  # bytes; larger files are left out unread
MOST_FILES = 2_000_000
SYSTEM_NAMES = {  # in lower case
    "__macosx", "icon\r", "network trash folder", "temporary items",  # macOS
    "$recycle.bin", "recycler", "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini",  # Windows
    "lost+found",  # Linux
    "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot",  # network storage
}  # fmt: skip
NO_TEXT = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
UNREADABLE = (
    tarfile.TarError,
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the first bytes of one, and of an empty one
INPUT = "a folder, a .zip or a .tar"
ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, OSError)


class FolderSource:
    """Images in a folder. `files` holds every visible file (relative posix path to bytes), `skipped` what was left out.

    Links to files and folders are followed, but never round in a circle.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skipped: list[tuple[str, str]] = []
        self.files = dict(sorted(self._walk(str(root), "", (os.path.realpath(root),))))

    def read(self, key: str) -> bytes:
        """Return the bytes of a file. Raises BadData where it cannot be opened any more."""
        try:
            with open_regular(self.root / key) as file:
                return file.read()
        except OSError as error:
            raise BadData(f"cannot be opened ({error.strerror or error})") from error

    def _walk(self, folder: str, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, int]]:
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            self.skipped.append((prefix or ".", f"cannot be opened ({error.strerror or error})"))
            return
        for entry in entries:
            key = prefix + entry.name
            if hidden(entry.name):
                continue
            try:
                yield from self._entry(entry, key, above)
            except OSError as error:
                lost = entry.is_symlink() and error.errno not in (errno.EACCES, errno.EPERM)
                reason = "is a broken link" if lost else f"cannot be opened ({error.strerror or error})"
                self.skipped.append((key, reason))

    def _entry(self, entry: os.DirEntry[str], key: str, above: tuple[str, ...]) -> Iterator[tuple[str, int]]:
        reason = _bad_name(key)
        if not reason and not entry.is_file() and not entry.is_dir():
            broken = entry.is_symlink() and not os.path.exists(entry.path)
            reason = "is a broken link" if broken else "is no regular file"
        real = os.path.realpath(entry.path) if entry.is_symlink() or entry.is_dir() else ""
        if not reason and real:
            reason = refusal(real)
        if not reason and entry.is_dir():
            if len(above) > DEEPEST:
                reason = f"lies deeper than {DEEPEST} folders"
            elif real in above:
                reason = "is a link to a folder above it"
        if reason:
            self.skipped.append((key, reason))
        elif entry.is_file():
            yield key, entry.stat().st_size
        else:
            yield from self._walk(entry.path, f"{key}/", (*above, real))


class TarSource:
    """Images in an uncompressed .tar: the headers are read once, the bytes on demand, from any thread.

    `files` holds every visible regular member (path to bytes), `skipped` what was left out. Hard links are read where
    they lead, archives joined end to end as one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped: list[tuple[str, str]] = []
        where: dict[str, tuple[int, int]] = {}
        with open_regular(path) as file:
            self._descriptor = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._descriptor)
            self._stamp = self._now()
            members = list(_members(file))
        for member in members:
            key = _plain(member.name)
            if member.isfile() and not member.issparse():
                where[key] = (member.offset_data, member.size)
            elif member.islnk() and (linked := _plain(member.linkname)) in where:
                where[key] = where[linked]
            elif not member.isdir() and not _is_hidden(key):
                self.skipped.append((key, _no_file(member)))
        bad = {key: reason for key in where if (reason := _bad_path(key) or _bad_name(key)) and not _is_hidden(key)}
        self.skipped += bad.items()
        self._where = {key: where[key] for key in sorted(where) if key not in bad and not _is_hidden(key)}
        self.files = {key: size for key, (_, size) in self._where.items()}

    def read(self, key: str) -> bytes:
        """Return the bytes of a member. Raises StaleIndex where the archive has been changed or cut off meanwhile."""
        offset, size = self._where[key]
        data = os.pread(self._descriptor, size, offset)
        if len(data) < size or self._now() != self._stamp:
            raise StaleIndex(f"{printable(str(self.path))} has changed since it was opened; open the data set again.")
        return data

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns


class ZipSource:
    """Images in a .zip: its directory is read once, the bytes on demand, from any thread.

    `files` holds every visible file (path to bytes), `skipped` what was left out. Raises BadData for a bomb.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped: list[tuple[str, str]] = []
        self._file = open_regular(path)
        weakref.finalize(self, self._file.close)
        self._stamp = self._now()
        self._archive = zipfile.ZipFile(self._file)
        members = [(info, _plain(info.filename)) for info in self._archive.infolist() if not info.is_dir()]
        total, packed = sum(info.file_size for info, _ in members), self._stamp[0]
        if total > max(SMALL, LARGEST_RATIO * packed):
            raise BadData(
                f"{printable(str(path))} unpacks to {total >> 20:,} MiB from {packed >> 20:,}, which no pictures do; "
                "unpack it yourself if you trust it."
            )
        where: dict[str, zipfile.ZipInfo] = {}
        for info, key in members:
            if _is_hidden(key):
                continue
            if reason := _bad_path(key) or _bad_name(key) or _no_zipped_file(info):
                self.skipped.append((key, reason))
                continue
            if key in where:
                self.skipped.append((key, "stands in the archive more than once; the last one is read"))
            where[key] = info
        self._where = {key: where[key] for key in sorted(where)}
        self.files = {key: info.file_size for key, info in self._where.items()}

    def read(self, key: str) -> bytes:
        """Return the bytes of a file. Raises BadData where it is damaged, StaleIndex where the archive has changed."""
        if self._now() != self._stamp:
            raise StaleIndex(f"{printable(str(self.path))} has changed since it was opened; open the data set again.")
        try:
            return self._archive.read(self._where[key])
        except ZIP_DAMAGE as error:
            raise BadData(f"is damaged inside the archive ({error})") from error

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns


def open_source(path: str | Path, layout: str = LAYOUT) -> FolderSource | TarSource | ZipSource:
    """Open a folder, a .zip or a .tar, compressed or not.

    Raises BadData with what to do next, FileProblem without room to unpack; layout is what should lie there.
    """
    shown = printable(str(path))
    try:
        path = Path(path).expanduser()
        if not str(shown).strip() or not path.exists():
            raise BadData(f"There is nothing at '{shown}'; give {INPUT} of {layout}.")
        if reason := refusal(path):
            raise BadData(f"'{shown}' {reason}; give {INPUT} of {layout}.")
        source = FolderSource(path) if path.is_dir() else _open_archive(path)
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise BadData(f"Cannot open '{shown[:200]}': {reason}.") from error
    if len(source.files) > MOST_FILES:
        raise BadData(f"{shown} holds more than {MOST_FILES:,} files; give the folder of one data set.")
    return source


def printable(text: str) -> str:
    """Return the text with what is no text written as escapes, fit for a terminal, a page, a log and JSON.

    That is bytes that are no UTF-8, control characters (they could colour a terminal or clear it), other ends of lines
    and changes of the direction of writing.
    """
    return NO_TEXT.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def hidden(name: str) -> bool:
    """Return True for the names that systems leave behind: dotfiles, recycle bins, thumbnails, marks of downloads."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES or name.endswith(":Zone.Identifier")


def _open_archive(path: Path) -> TarSource | ZipSource:
    shown = printable(str(path))
    with open_regular(path) as file:
        head = file.read(8)
    if head.startswith(ZIP):
        try:
            return ZipSource(path)
        except (zipfile.BadZipFile, NotImplementedError, *UNREADABLE) as error:
            raise BadData(f"{shown} is no whole .zip ({error}); copy it again if it was cut off on its way.") from error
    kind = next((name for magic, name in COMPRESSED.items() if head.startswith(magic)), "")
    plain = unpacked(path, kind) if kind else path
    try:
        return TarSource(plain)
    except UNREADABLE as error:
        if kind:
            plain.unlink(missing_ok=True)
        why = error if isinstance(error, tarfile.TarError) else "its headers are damaged"
        reason = f"is neither a folder, a .zip nor a whole .tar ({why}); copy it again if it was cut off on its way."
        raise BadData(f"{shown} {reason}") from error


def _no_zipped_file(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link; links inside a .zip are not followed"
    return "is encrypted; unpack the archive with its password and give the folder" if info.flag_bits & 1 else ""


def _members(file: BinaryIO) -> Iterator[tarfile.TarInfo]:
    """Every member of an archive, and of those that follow its end. Raises tarfile.ReadError where the end is missing.

    Python's reader takes a cut between two members, and damage there, for the end.
    """
    end: int | None = 0
    total = os.fstat(file.fileno()).st_size
    while end is not None:
        file.seek(end)
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                stored = member.isfile() and not member.issparse()
                outside = stored and not 0 <= member.offset_data <= member.offset_data + member.size <= total
                if outside or archive.offset <= member.offset:  # a size below zero leads back, for ever
                    raise tarfile.ReadError(f"it is damaged at byte {member.offset:,}")
                yield member
            end = archive.offset
        block = os.pread(file.fileno(), tarfile.BLOCKSIZE, end)
        if len(block) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("its end is missing")
        if block.strip(b"\0"):
            raise tarfile.ReadError(f"it is damaged at byte {end:,}")
        end = _next_block(file, end)


def _next_block(file: BinaryIO, start: int) -> int | None:
    """Where the first block lies that is not all zero, None where there is none."""
    file.seek(start)
    while data := file.read(2**20):
        if rest := data.lstrip(b"\0"):
            found = start + len(data) - len(rest)
            return found - found % tarfile.BLOCKSIZE
        start += len(data)
    return None


def _plain(name: str) -> str:
    """The path of a member as one would write it: "./a//b" is "a/b", and so is "a\\b" of an archive from Windows."""
    if "/" not in name:
        name = name.replace("\\", "/")
    return ("/" if name.startswith("/") else "") + "/".join(part for part in name.split("/") if part not in ("", "."))


def _is_hidden(key: str) -> bool:
    return any(hidden(part) for part in key.split("/") if part != "..")


def _no_file(member: tarfile.TarInfo) -> str:
    if member.issym():
        return "is a link; links inside a .tar are not followed"
    return "is a link to what the archive does not hold before it" if member.islnk() else "is no regular file"


def _bad_path(key: str) -> str:
    return "has a name that leads out of the archive" if key.startswith("/") or ".." in key.split("/") else ""


def _bad_name(key: str) -> str:
    try:
        key.encode()
    except UnicodeEncodeError:
        return "has a name that is no UTF-8"
    return ""
