"""Downloads of published data sets, by torchvision, which knows their addresses and checksums.

torchvision begins every file anew. Here what has arrived of one stays beside the data sets, and the next download goes
on from there; torchvision checks the whole file's hash as ever.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError

from clipforget.data.catalogue import CatalogueEntry, NotOnDisk, data_folder
from clipforget.errors import BadData
from clipforget.files import FileLock, check_room, made_folder, writing

UNPACKED = 2.5  # bytes on disk, archive and images, for each of the archive
PARTS = ".parts"  # below the folder of data sets: what has arrived of files
CHUNK = 2**18  # bytes
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error)


def download(entry: CatalogueEntry) -> None:
    """Download a published data set into the folder of data sets; a bar on stderr shows how far it is.

    It appears whole or not at all; what was stopped or broke off goes on with the next download. Raises BadData where
    it must be had by hand, the network or the archive fails, FileProblem where the disk has no room.
    """
    if not entry.download:
        raise NotOnDisk(entry)
    root = data_folder()
    with made_folder(root), writing(root / entry.folder):
        check_room(root, int(entry.size * UNPACKED), entry.title)
        lock = FileLock(root / ".download.lock")
        if not lock.acquire(wait=False):
            raise BadData(f"Another download into {root} is at work; wait until it has ended.")
        draft = root / ".download"  # of a killed process, if it is there
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            with _worded(entry), _resuming(root / PARTS):
                _fetch(entry, str(draft))
            os.replace(draft / entry.folder, root / entry.folder)
            shutil.rmtree(root / PARTS, ignore_errors=True)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            lock.release()


def _fetch(entry: CatalogueEntry, folder: str) -> None:
    import torchvision.datasets

    try:
        getattr(torchvision.datasets, entry.download)(folder, download=True)
    except ImportError:  # scipy, with which labels are read: that is for later
        if not os.path.isdir(os.path.join(folder, entry.folder)):
            raise
    for name in os.listdir(os.path.join(folder, entry.folder)):
        if name.endswith((".tar.gz", ".tgz", ".zip")):
            os.unlink(os.path.join(folder, entry.folder, name))


@contextmanager
def _resuming(parts: Path) -> Iterator[None]:
    """Let torchvision retrieve files by `_retrieve` inside the block."""
    from torchvision.datasets import utils

    def retrieve(url: str, filename: str | Path) -> None:
        _retrieve(url, Path(filename), parts)

    before, utils._urlretrieve = utils._urlretrieve, retrieve
    try:
        yield
    finally:
        utils._urlretrieve = before


def _retrieve(url: str, file: Path, parts: Path) -> None:
    """Bring a file, from where an earlier download of it ended. Raises ConnectionError where it ends too soon."""
    from tqdm import tqdm

    parts.mkdir(exist_ok=True)
    part = parts / hashlib.sha256(url.encode()).hexdigest()[:16]
    done = part.stat().st_size if part.exists() else 0
    ranged = {"Range": f"bytes={done}-"} if done else {}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": "clipforget", **ranged}))
    except HTTPError as error:
        if error.code != 416:  # no bytes are left there, or it is another file by now
            raise
        part.unlink()
        return _retrieve(url, file, parts)
    with response:
        done = done if response.status == 206 else 0  # some servers send all of it again
        total = None if response.length is None else done + response.length
        with (
            part.open("ab" if done else "wb") as out,
            tqdm(total=total, initial=done, unit="B", unit_scale=True) as bar,
        ):
            while chunk := response.read(CHUNK):
                out.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.stat().st_size < total:
        raise ConnectionError("the connection broke off; what has arrived is kept, and the next download goes on")
    os.replace(part, file)


@contextmanager
def _worded(entry: CatalogueEntry) -> Iterator[None]:
    """Say what the network or an archive refused."""
    by_hand = f"or put it into {entry.place} by hand"
    try:
        yield
    except HTTPError as error:
        raise BadData(f"The server of {entry.title} answers {error.code}; try again later, {by_hand}.") from error
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise BadData(f"{entry.title} cannot be reached ({reason}); check the network, {by_hand}.") from error
    except (*DAMAGED, RuntimeError) as error:
        raise BadData(f"{entry.title} came damaged or cut off; nothing was kept, start it again.") from error
