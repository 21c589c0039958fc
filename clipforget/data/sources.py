"""Where the bytes of a data set lie: a folder or an uncompressed .tar, both as one flat list of files."""

from __future__ import annotations

import mmap
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from clipforget.errors import BadData

LAYOUT = "train|test/<superclass>/<subgroup>/*.jpg"
DEEPEST = 6  # folder levels below the root that are looked into: a wrapper, split, superclass, subgroup, style, spare
END = 1024  # bytes, all zero, that end every .tar
LARGEST_FILE = 256 * 2**20  # bytes; larger files are left out unread
MOST_FILES = 2_000_000
SYSTEM_NAMES = {  # in lower case
    "__macosx", "icon\r", "network trash folder", "temporary items",  # macOS
    "$recycle.bin", "recycler", "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini",  # Windows
    "lost+found",  # Linux
    "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot",  # network storage
}  # fmt: skip
NO_TEXT = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd", b"PK\x03\x04": "zip"}


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
            return (self.root / key).read_bytes()
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
            if reason := _bad_name(key):
                self.skipped.append((key, reason))
            elif entry.is_file():
                yield key, entry.stat().st_size
            elif not entry.is_dir():
                self.skipped.append((key, "is a broken link" if entry.is_symlink() else "is no regular file"))
            elif len(above) > DEEPEST:
                self.skipped.append((key, f"lies deeper than {DEEPEST} folders"))
            else:
                real = os.path.realpath(entry.path)
                if real in above:
                    self.skipped.append((key, "is a link to a folder above it"))
                else:
                    yield from self._walk(entry.path, f"{key}/", (*above, real))


class TarSource:
    """Images in an uncompressed .tar: the headers are read once, the bytes on demand, from any thread.

    `files` holds every visible regular member (path to bytes), `skipped` what was left out.
    """

    def __init__(self, path: Path) -> None:
        self.skipped: list[tuple[str, str]] = []
        where = {}
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key = member.name.removeprefix("./")
                reason = _bad_member(member, key)
                if any(hidden(part) for part in key.split("/") if part != "..") or member.isdir():
                    continue
                if reason:
                    self.skipped.append((key, reason))
                else:
                    where[key] = (member.offset_data, member.size)
        self._where = dict(sorted(where.items()))
        self.files = {key: size for key, (_, size) in self._where.items()}
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self._bytes[-END:].strip(b"\0"):  # tarfile takes a cut between two members for the end
            raise tarfile.ReadError("its end is missing")

    def read(self, key: str) -> bytes:
        """Return the bytes of a member."""
        offset, size = self._where[key]
        return self._bytes[offset : offset + size]


def open_source(path: str | Path) -> FolderSource | TarSource:
    """Open a folder or an uncompressed .tar. Raises BadData with what to do next."""
    shown = printable(str(path))
    try:
        path = Path(path).expanduser()
        if not str(shown).strip() or not path.exists():
            raise BadData(f"There is nothing at '{shown}'; give a folder or a .tar of {LAYOUT}.")
        source = FolderSource(path) if path.is_dir() else _open_tar(path)
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


def _open_tar(path: Path) -> TarSource:
    with path.open("rb") as file:
        head = file.read(8)
    for magic, name in COMPRESSED.items():
        if head.startswith(magic):
            raise BadData(
                f"{printable(str(path))} is compressed ({name}); unpack it and give the folder or the plain .tar."
            )
    try:
        return TarSource(path)
    except (tarfile.TarError, EOFError, UnicodeError) as error:
        reason = f"is neither a folder nor a whole .tar ({error}); copy it again if it was cut off on its way."
        raise BadData(f"{printable(str(path))} {reason}") from error


def _bad_name(key: str) -> str:
    try:
        key.encode()
    except UnicodeEncodeError:
        return "has a name that is no UTF-8"
    return ""


def _bad_member(member: tarfile.TarInfo, key: str) -> str:
    if member.issym() or member.islnk():
        return "is a link; links inside a .tar are not followed"
    if not member.isfile() or member.issparse():
        return "is no regular file"
    if key.startswith("/") or ".." in key.split("/"):
        return "has a name that leads out of the archive"
    return _bad_name(key)
