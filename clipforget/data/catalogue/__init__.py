"""The data sets that are known by name, one file each; anything else is read as a path.

    @dataset("my_birds", title="My birds", path=Path("/data/birds.tar"))
    def my_birds() -> Dataset:
        return load_folder("/data/birds.tar", "my_birds")

A file in this folder is enough: its data set stands in `python -m clipforget data` and on the page. Names of its
levels are labels (`as_label` leaves them alone), hold no "/" and are not "*", which mean something in a target. Files
named _* are plumbing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clipforget.data.dataset import Dataset
from clipforget.data.folder import load_folder
from clipforget.errors import UnknownName
from clipforget.registry import Registry


@dataclass(frozen=True)
class CatalogueEntry:
    """A registered data set: `read()` returns it; `path` is the file or folder it is read from, if it is one.

    `terms` is a sentence on where the images come from and on whose terms; empty where nothing is known.
    """

    name: str
    title: str
    read: Callable[[], Dataset]
    path: Path | None = None
    terms: str = ""


DATASETS: Registry[CatalogueEntry] = Registry("data set", __name__)


def dataset(
    name: str, *, title: str = "", path: Path | None = None, terms: str = ""
) -> Callable[[Callable[[], Dataset]], Callable[[], Dataset]]:
    """Register a function that returns a Dataset, or raises BadData, under a name; people read `title`."""

    def register(read: Callable[[], Dataset]) -> Callable[[], Dataset]:
        DATASETS[name] = CatalogueEntry(name, title or name, read, path, terms)
        return read

    return register


def load_dataset(name: str) -> Dataset:
    """Read a registered data set by its name, or any folder or .tar by its path.

    Raises UnknownName for a bare word that is neither, BadData for a path that holds no usable data set.
    """
    entries = DATASETS.load()
    if name in entries:
        return entries[name].read()
    if name.strip() and len(name) < 100 and not set(name) & set("/\\.~\0") and not Path(name).exists():
        raise UnknownName("data set or folder", name, entries)
    return load_folder(name)


def path_of(name: str) -> Path | None:
    """Return the file or folder a data set is read from: a registered one's own, else the name as a path."""
    entries = DATASETS.load()
    return entries[name].path if name in entries else Path(os.path.expanduser(name))
