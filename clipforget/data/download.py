"""Downloads of published data sets, by torchvision, which knows their addresses and checksums."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError, URLError

from clipforget.data.catalogue import CatalogueEntry, NotOnDisk, data_folder
from clipforget.errors import BadData
from clipforget.files import FileLock, check_room, made_folder, writing

UNPACKED = 2.5  # bytes on disk, archive and images, for each of the archive
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error)


def download(entry: CatalogueEntry) -> None:
    """Download a published data set into the folder of data sets; a bar on stderr shows how far it is.

    It appears whole or not at all: what was stopped or broke off is taken away. Raises BadData where it must be had by
    hand, the network or the archive fails, FileProblem where the disk has no room.
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
            with _worded(entry):
                _fetch(entry, str(draft))
            os.replace(draft / entry.folder, root / entry.folder)
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
