"""Pictures, or one archive of them, that somebody sends: kept in a folder, which is then a data set by its path.

They come piece by piece, so that nothing large is in memory; every picture is looked at as soon as it is whole.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from clipforget.data.images import check
from clipforget.data.layout import is_image
from clipforget.data.sound import add_sound
from clipforget.data.sources import hidden, printable
from clipforget.errors import BadData, FileProblem, UnknownName
from clipforget.files import check_room, writing

MIB = 2**20
FOLDER, NEW = "uploads", ".new-"
PIECE = 8 * MIB  # bytes of one request
LARGEST_PICTURE, LARGEST_ARCHIVE, LARGEST = 64 * MIB, 4096 * MIB, 8192 * MIB  # bytes: of a file, and of all together
MOST_FILES, DEEPEST = 20_000, 4  # files of one upload; folders around a picture
LONGEST_NAME = 120  # characters
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
OLD = 24 * 3600.0  # seconds after which an unfinished upload is removed
TOKEN = re.compile(r"[0-9a-f]{16}")


class UploadFolders:
    """The uploads beside the runs: runs/uploads/HASH/NAME, the hash that of names and contents."""

    def __init__(self, runs: Path) -> None:
        self.root = Path(runs) / FOLDER
        self._counts: dict[str, int] = {}  # files of each unfinished upload

    def begin(self, name: str, size: int) -> str:
        """Make room for an upload of `size` bytes in all, called `name`; returns its token.

        Raises BadData beyond LARGEST, FileProblem without room. What was begun long ago and never finished is removed.
        """
        if not 0 < size <= LARGEST:
            raise BadData(f"An upload has at most {LARGEST // MIB:,} MiB; send fewer pictures, or name their folder.")
        with writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        for draft in self.root.glob(f"{NEW}*"):
            with suppress(OSError):
                if time.time() - draft.stat().st_mtime > OLD:
                    shutil.rmtree(draft)
        check_room(self.root, size, "this upload")
        token = secrets.token_hex(8)
        with writing(self.root):
            (self.root / f"{NEW}{token}" / _title(name)).mkdir(parents=True)
        return token

    def add(self, token: str, name: str, offset: int, data: bytes, last: bool) -> str:
        """Append a piece to a file, which is looked at after its last; returns why it is left out, "" where it is not.

        Raises UnknownName for a token, BadData beyond the bounds above, FileProblem.
        """
        folder = self._folder(token)
        parts = _parts(name)
        if parts is None:
            return "is no picture by its name"
        path = folder.joinpath(*parts)
        archive = path.name.lower().endswith(ARCHIVES)
        most = LARGEST_ARCHIVE if archive else LARGEST_PICTURE
        if offset + len(data) > most:
            path.unlink(missing_ok=True)
            return f"is larger than {most // MIB:,} MiB"
        with writing(path):
            if offset == 0:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._counts[token] = self._counts.get(token, 0) + 1
                if self._counts[token] > MOST_FILES:
                    raise BadData(f"An upload has at most {MOST_FILES:,} pictures; name their folder instead.")
            with path.open("wb" if offset == 0 else "r+b") as file:
                if file.seek(0, 2) != offset:
                    raise BadData(f"A piece of {printable(name)[:LONGEST_NAME]} is missing; send it again.")
                file.write(data)
        return self._looked_at(path) if last and not archive else ""

    def finish(self, token: str) -> Path:
        """Keep an upload under its hash; returns the data set's path. Raises BadData where it holds no picture."""
        folder = self._folder(token)
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        archives = [file for file in files if file.name.lower().endswith(ARCHIVES)]
        if not files or (archives and len(files) > 1):
            self.cancel(token)
            raise BadData(
                "Send pictures or one archive, not both together." if files else "None of these files is a picture."
            )
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.relative_to(folder.parent)}\0".encode())
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        self._counts.pop(token, None)
        kept = self.root / digest.hexdigest()[:16]
        try:
            if kept.is_dir():  # sent before
                self.cancel(token)
            else:
                folder.parent.rename(kept)
        except OSError as error:
            raise FileProblem(kept, error) from error
        path = kept / folder.name
        return path / archives[0].name if archives else path

    def cancel(self, token: str) -> None:
        """Remove an unfinished upload. Raises UnknownName."""
        shutil.rmtree(self._folder(token).parent, ignore_errors=True)
        self._counts.pop(token, None)

    def remove(self, path: Path) -> None:
        """Remove what `finish` has kept, by its path."""
        shutil.rmtree(self.root / path.relative_to(self.root).parts[0], ignore_errors=True)

    def _folder(self, token: str) -> Path:
        found = list((self.root / f"{NEW}{token}").glob("*")) if TOKEN.fullmatch(token) else []
        if not found:
            raise UnknownName("upload", str(token)[:40], ())
        return found[0]

    def _looked_at(self, path: Path) -> str:
        """Why a whole picture is left out; it is removed then."""
        data = path.read_bytes()
        try:
            check(data)
        except BadData as error:
            path.unlink()
            return str(error)
        add_sound([hashlib.sha256(data).digest()])
        return ""


def _title(name: str) -> str:
    """The name of the folder of an upload, by which its images are called where they have no other name."""
    return re.sub(r"[^\w .-]+", " ", printable(name)).strip(" .")[:40] or "pictures"


def _parts(name: str) -> list[str] | None:
    """The path of a file inside its upload, None where it is no picture or archive; it leads nowhere else."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if not parts or any(hidden(part) for part in parts) or printable(name) != name:
        return None
    if not (is_image(parts[-1]) or parts[-1].lower().endswith(ARCHIVES)):
        return None
    return [part[:LONGEST_NAME] for part in parts[:-1][-DEEPEST:]] + [parts[-1][-LONGEST_NAME:].lstrip(".")]
