"""Data sets in the form in which their authors publish them: what a reader lists, and the Dataset that comes of it.

    def read(src: Path) -> list[Picture]:
        root = root_of(src, "meta/train.txt", "food-101")
        ...

Nothing is copied or decoded: images stay where they lie, those in pickles and binary files become PNG when they are
read. Needs no torch.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.data.dataset import Dataset, Item, Layout, as_label
from clipforget.data.folder import divide, drop_small_classes
from clipforget.data.images import suffixes
from clipforget.data.sources import printable
from clipforget.errors import BadData
from clipforget.files import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN = 6  # names in a message
TEST_SHARE = 0.2  # of each class, where a data set comes without a split
GIVEN = "The data set says what is train, validation and test."
SET_ASIDE = (
    "The data set says what is train and test; a fifth of each class's train images is set aside to choose alpha."
)
UNDIVIDED = (
    "Train and test are not told apart: a fifth of each class is the test, and a fifth of the rest is set aside to "
    "choose alpha, by a hash."
)


class NotPublished(BadData):
    """A folder that is not the data set as published; the text says what was found instead."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a data set: `split` is train, validation or test, `labels` superclass, perhaps subgroup and style.

    `name` is its file's. `file` is where it comes from: the image file itself, or with `draw`, which returns the
    pixels, what they are in.
    """

    split: str
    labels: tuple[str, ...]
    name: str
    file: Path
    draw: Callable[[], Image] | None = None

    def content(self) -> bytes:
        """Return the bytes of the image file; pixels as a PNG. Raises OSError, or BadData where it cannot be drawn."""
        if self.draw is None:
            with open_regular(self.file) as file:
                return file.read()
        buffer = io.BytesIO()
        self.draw().save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


@dataclass(frozen=True)
class Published:
    """How a data set is published: `read(src)` lists its pictures, or raises NotPublished where src is another folder.

    `expects` says what a folder of it holds. One that is `only_evaluation` has test images alone. `texts` returns the
    files that stand beside its class folders as an evaluation set, by name: templates.txt, classnames.txt. `template`
    is the caption that its classes are told by, `division` a sentence on how train and test came about, empty where it
    brings them.
    """

    name: str
    title: str
    expects: str
    read: Callable[[Path], Sequence[Picture]]
    only_evaluation: bool = False
    texts: Callable[[], Mapping[str, str]] = dict
    template: str = Dataset.template
    division: str = ""

    def pictures(self, src: Path) -> Sequence[Picture]:
        """List the pictures. Raises BadData with what was expected where src is something else."""
        try:
            return self.read(src)
        except NotPublished as error:
            raise BadData(f"{src} is not {self.title} as published: expected {self.expects}; found {error}.") from error
        except (OSError, UnicodeError) as error:
            raise BadData(f"{src} cannot be read as {self.title}: {error}; unpack the archive again.") from error

    def dataset(self, src: Path) -> Dataset:
        """Return the Dataset of a folder; a fifth of its train images is its validation where it brings none.

        The fingerprint is a hash over names and the sizes of files, not over every byte: ImageNet would take an hour.
        For the same reason no image is decoded, copies are not looked for, and `trained` is empty.
        """
        return as_dataset(self, self.pictures(src), src)


class PictureSource:
    """The bytes of pictures, by the keys of their items."""

    def __init__(self, pictures: Mapping[str, Picture]) -> None:
        self._pictures = pictures
        self.skipped: list[tuple[str, str]] = []

    @cached_property
    def files(self) -> dict[str, int]:
        """The bytes of the file that each picture lies in, by key."""
        return {key: picture.file.stat().st_size for key, picture in self._pictures.items()}

    def read(self, key: str) -> bytes:
        """Return the bytes of an image. Raises BadData where it cannot be opened any more."""
        try:
            return self._pictures[key].content()
        except OSError as error:
            raise BadData(f"cannot be opened ({error.strerror or error})") from error


def as_dataset(published: Published, pictures: Sequence[Picture], src: Path) -> Dataset:
    """Return the Dataset of these pictures. Raises BadData where too little is left to work with."""
    by_key: dict[str, Picture] = {}
    rows = []
    for picture in pictures:
        item = item_of(picture)
        by_key[item.key] = picture
        rows.append((item, hashlib.sha256(item.key.encode()).digest()))
    rows, lonely = drop_small_classes(divide(rows))
    items = tuple(item for item, _ in rows)
    if not items:
        found = f"no class with training and test images ({len(lonely):,} left out)"
        raise BadData(f"{src} is not {published.title} as published: expected {published.expects}; found {found}.")
    digest = hashlib.sha256()
    for item in items:
        digest.update(f"{item.split}\0{item.key}\0".encode())
    for file in dict.fromkeys(str(by_key[item.key].file) for item in items):
        digest.update(f"{os.stat(file).st_size}\0".encode())
    skipped = tuple((printable(key), reason) for key, reason in lonely)
    split = GIVEN if any(picture.split == "validation" for picture in pictures) else SET_ASIDE
    return Dataset(
        published.name, items, PictureSource(by_key), digest.hexdigest()[:16], skipped, published.template,
        layout=Layout(split=published.division or split),
    )  # fmt: skip


def item_of(picture: Picture) -> Item:
    """Return the item of a picture: its key is split, labels and name."""
    labels = tuple(map(as_label, picture.labels))
    return Item("/".join((picture.split, *labels, picture.name)), picture.split, *labels)


def root_of(src: Path, marker: str, *inner: str) -> Path:
    """Return src, or the first of these folders inside it, that holds the marker. Raises NotPublished."""
    for folder in (src, *(src / path for path in inner)):
        if (folder / marker).exists():
            return folder
    raise NotPublished(listed(src))


def listed(folder: Path) -> str:
    """Return the first names inside a folder, for a message."""
    if not folder.is_dir():
        return "nothing there"
    return some(sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))) or "an empty folder"


def some(names: Sequence[str]) -> str:
    """Return the first of several names, for a message."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly inside a folder, sorted; none where there is no such folder."""
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    return [folder / name for name in names if os.path.splitext(name)[1].lower() in suffixes()]


def lines_of(file: Path) -> list[str]:
    """Return the lines of a text file that are not empty. Raises NotPublished where there is none."""
    if not file.is_file():
        raise NotPublished(f"no {file.parent.name}/{file.name}")
    return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def files_of(root: Path, folder: str, names: Sequence[str], listing: str) -> list[Path]:
    """Return the files of a folder below root that a list names. Raises NotPublished where one is missing."""
    there = {path.name: path for path in images_in(root / folder)}
    if missing := next((name for name in names if name not in there), None):
        raise NotPublished(f"no {folder}/{missing}, which {listing} names")
    return [there[name] for name in names]


def test_share(names: Sequence[str]) -> set[str]:
    """Return the fifth of the names, at least one, whose hashes are the lowest: the test set of a class without one."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(ordered[: max(round(len(names) * TEST_SHARE), 1)])


def label(text: str) -> str:
    """Return a class name as the name of a folder: spaces for underscores, no slash."""
    return " ".join(text.replace("/", " or ").replace("_", " ").split())
