"""The data sets that are known by name, one file each; anything else is read as a path.

    @dataset("my_birds", title="My birds", path=Path("/data/birds.tar"))
    def my_birds() -> Dataset:
        return load_folder("/data/birds.tar", "my_birds")

A file in this folder is enough: its data set stands in `python -m clipforget data` and on the page. Names of its
levels are labels (`as_label` leaves them alone), hold no "/" and are not "*", which mean something in a target. Files
named _* are plumbing.

Data sets as their authors publish them (`published`) lie in the folder of data sets, CLIPFORGET_DATA or
~/.cache/clipforget/datasets; `cifar10:FOLDER` reads one from anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clipforget.data.dataset import Dataset
from clipforget.data.folder import load_folder
from clipforget.data.imagefolder import open_imagefolder
from clipforget.data.layout import read_levels
from clipforget.data.parquet import open_parquet
from clipforget.data.published import UNDIVIDED, Picture, Published
from clipforget.data.records import RecordSource
from clipforget.data.webdataset import open_shards
from clipforget.errors import BadData, BadSetting, UnknownName
from clipforget.files import refusal
from clipforget.registry import Registry


class NotOnDisk(BadData):
    """A published data set that is not on this disk; `entry` is what is known of it."""

    def __init__(self, entry: CatalogueEntry) -> None:
        super().__init__(absence(entry))
        self.entry = entry


@dataclass(frozen=True)
class CatalogueEntry:
    """A registered data set: `read()` returns it; `path` is the file or folder it is read from, if it is one.

    `terms` is a sentence on where the images come from and on whose terms; empty where nothing is known. One that is
    `published` lies in a folder called `folder`, takes `size` bytes as an archive, and is downloaded by the class
    `download` of torchvision.datasets, or `get` says how else it is had.
    """

    name: str
    title: str
    read: Callable[[], Dataset]
    path: Path | None = None
    terms: str = ""
    published: Published | None = None
    folder: str = ""
    size: int = 0
    download: str = ""
    get: str = ""

    @property
    def place(self) -> Path | None:
        """The file or folder it is read from, there or not; None where it is none."""
        return data_folder() / self.folder if self.folder else self.path

    @property
    def on_disk(self) -> bool:
        """True where it can be read without a download, as far as a look at its folder tells."""
        return not self.folder or (data_folder() / self.folder).is_dir()

    @property
    def label(self) -> str:
        """What people choose it by: its title, and whether it must be had first."""
        return self.title if self.on_disk else f"{self.title} (not on disk)"

    @property
    def offer(self) -> str:
        """What is asked before a download: how much it is, and on what terms."""
        size = f"{self.size / 1e9:.1f} GB" if self.size >= 1e9 else f"{self.size / 1e6:.0f} MB"
        return f"{self.title}: {size} to download. Terms: {self.terms}"

    @property
    def command(self) -> str:
        """The command that downloads it; empty where it must be had by hand."""
        return f"python -m clipforget data download {self.name}" if self.download else ""


DATASETS: Registry[CatalogueEntry] = Registry("data set", __name__)
Reader = Callable[[Path], Sequence[Picture]]


def dataset(
    name: str, *, title: str = "", path: Path | None = None, terms: str = ""
) -> Callable[[Callable[[], Dataset]], Callable[[], Dataset]]:
    """Register a function that returns a Dataset, or raises BadData, under a name; people read `title`."""

    def register(read: Callable[[], Dataset]) -> Callable[[], Dataset]:
        DATASETS[name] = CatalogueEntry(name, title or name, read, path, terms)
        return read

    return register


def published(
    name: str,
    *,
    title: str,
    expects: str,
    folder: str,
    terms: str,
    template: str = Dataset.template,
    size: int = 0,
    download: str = "",
    get: str = "",
    only_evaluation: bool = False,
    texts: Callable[[], Mapping[str, str]] = dict,
    division: str = "",
) -> Callable[[Reader], Reader]:
    """Register a function that lists the pictures of a data set as published (see Published, CatalogueEntry)."""

    def register(read: Reader) -> Reader:
        form = Published(name, title, expects, read, only_evaluation, texts, template, division)
        DATASETS[name] = CatalogueEntry(
            name, title, lambda: _read_published(DATASETS[name], ""), None, terms, form, folder, size, download, get
        )
        return read

    return register


def load_dataset(name: str, levels: str = "") -> Dataset:
    """Read a registered data set by its name, or any folder or archive by its path; levels as for `read_levels`.

    `name:FOLDER` reads a published one from where it lies. Raises UnknownName for a bare word that is neither, BadData
    for a path that holds no usable data set, and for a published one that is not on this disk; BadSetting for levels of
    a registered one.
    """
    entry, where = find(name)
    if entry is not None and levels:
        raise BadSetting(f"Levels are of a folder or an archive; {name} has its own.")
    if entry is not None:
        return _read_published(entry, where) if entry.published else entry.read()
    if name.strip() and len(name) < 100 and not set(name) & set("/\\.~\0") and not Path(name).exists():
        raise UnknownName("data set or folder", name, DATASETS)
    source = open_records(name)
    dataset = load_folder(name, levels=read_levels(levels), source=source)
    if source is not None and not source.divided:
        return replace(dataset, layout=replace(dataset.layout, split=UNDIVIDED))
    return dataset


def open_records(path: str) -> RecordSource | None:
    """Return the images of WebDataset shards, .parquet files or an imagefolder; None for any other path."""
    try:
        at = Path(path).expanduser()
        if at.exists() and refusal(at):
            return None
        return open_shards(at) or open_parquet(at) or open_imagefolder(at)
    except (OSError, RuntimeError, ValueError):  # which is said where it is read as a folder
        return None


def find(name: str) -> tuple[CatalogueEntry | None, str]:
    """Return the entry that a name, or `name:FOLDER`, belongs to, and the folder; None where it is a path."""
    entries = DATASETS.load()
    word, colon, where = name.partition(":")
    if name not in entries and colon and where.strip() and word in entries and entries[word].published:
        return entries[word], where.strip()
    return entries.get(name), ""


def path_of(name: str) -> Path | None:
    """Return the file or folder a data set is read from: a registered one's own, else the name as a path."""
    entry, where = find(name)
    return entry.place if entry is not None and not where else Path(os.path.expanduser(where or name))


def data_folder() -> Path:
    """Return the folder in which published data sets lie: CLIPFORGET_DATA, or clipforget/datasets in the user's cache.

    It is laid out as torchvision.datasets has its `root`. Raises BadData where there is no home.
    """
    if own := os.environ.get("CLIPFORGET_DATA"):
        return Path(own).expanduser()
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise BadData("Set CLIPFORGET_DATA to the folder in which data sets lie.") from error
    return Path(cache) / "clipforget" / "datasets"


def absence(entry: CatalogueEntry) -> str:
    """Say that a published data set is not on this disk, how it gets there, and on what terms."""
    how = f"Download it: {entry.command}" if entry.command else f"{entry.get} Put it into {entry.place}"
    near = f" (./{entry.name} is the folder here)" if Path(entry.name).is_dir() else ""
    where = f"{how}, or say where it lies: {entry.name}:FOLDER{near}."
    return f"{entry.title} is not on this disk. {where} Terms: {entry.terms}"


def read_pictures(entry: CatalogueEntry, where: str) -> Sequence[Picture]:
    """Return the pictures of a published data set at a folder, or where such sets lie. Raises BadData."""
    assert entry.published is not None
    return entry.published.pictures(_place(entry, where))


def _read_published(entry: CatalogueEntry, where: str) -> Dataset:
    assert entry.published is not None
    if entry.published.only_evaluation:
        example = f"--eval {entry.name}={entry.name}"
        raise BadData(f"{entry.title} may only be evaluated on; name another data set, and this one with {example}.")
    return entry.published.dataset(_place(entry, where))


def _place(entry: CatalogueEntry, where: str) -> Path:
    assert entry.place is not None
    if where:
        src = Path(os.path.expanduser(where))
        if not src.is_dir():
            what = "is a file; unpack it and give the folder" if src.exists() else "does not exist"
            raise BadData(f"{where} {what}, or leave it away: {entry.name}.")
        return src
    if not entry.on_disk:
        raise NotOnDisk(entry)
    return entry.place
