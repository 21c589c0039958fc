"""The paper's data sets, from the form in which they are published to folders of images: one file each.

    @source("cifar10", title="CIFAR-10", expects="cifar-10-batches-py/ with data_batch_1 ...")
    def cifar10(src: Path) -> list[Picture]:
        ...

A reader lists what there will be; `_write.prepare` links or writes it. Files named _* are plumbing. Needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.data.images import suffixes
from clipforget.errors import BadData
from clipforget.registry import Registry

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN = 6  # names in a message


@dataclass(frozen=True)
class Picture:
    """One image of a data set: `split` is train or test, `labels` superclass and perhaps subgroup, `name` its file.

    `file` is where it comes from: the image file itself, or with `draw`, which returns the pixels, what they are in.
    """

    split: str
    labels: tuple[str, ...]
    name: str
    file: Path
    draw: Callable[[], Image] | None = None


@dataclass(frozen=True)
class Source:
    """A registered data set: `read(src)` lists its pictures, or raises BadData where src is something else.

    `expects` says what a folder of it holds. One that is `only_evaluation` has test images alone. `texts` returns the
    files that stand beside its class folders as an evaluation set, by name: templates.txt, classnames.txt.
    """

    name: str
    title: str
    expects: str
    read: Callable[[Path], Sequence[Picture]]
    only_evaluation: bool = False
    texts: Callable[[], Mapping[str, str]] = dict


SOURCES: Registry[Source] = Registry("data set of the paper", __name__)
Reader = Callable[[Path], Sequence[Picture]]


def source(
    name: str,
    *,
    title: str,
    expects: str,
    only_evaluation: bool = False,
    texts: Callable[[], Mapping[str, str]] = dict,
) -> Callable[[Reader], Reader]:
    """Register a function that lists the pictures of a data set as published."""

    def register(read: Reader) -> Reader:
        SOURCES[name] = Source(name, title, expects, read, only_evaluation, texts)
        return read

    return register


def wrong_source(name: str, src: Path, found: str = "") -> BadData:
    """Return the error for a folder that is not this data set, with what was expected and what is there instead."""
    entry = SOURCES[name]
    return BadData(f"{src} is not {entry.title} as published: expected {entry.expects}; found {found or listed(src)}.")


def root_of(name: str, src: Path, marker: str, *inner: str) -> Path:
    """Return src, or the first of these folders inside it, that holds the marker. Raises BadData where none does."""
    for folder in (src, *(src / path for path in inner)):
        if (folder / marker).exists():
            return folder
    raise wrong_source(name, src)


def listed(folder: Path) -> str:
    """Return the first names inside a folder, for a message."""
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


def label(text: str) -> str:
    """Return a class name as the name of a folder: spaces for underscores, no slash."""
    return " ".join(text.replace("/", " or ").replace("_", " ").split())
