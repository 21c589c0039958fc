"""The data sets that are known by name; anything else is read as a path."""

from __future__ import annotations

from pathlib import Path

from clipforget.data.dataset import Dataset
from clipforget.data.folder import load_folder
from clipforget.errors import BadData, UnknownName
from clipforget.files import ASSETS

EMBEDDED = {"sketchbook": ASSETS / "sketchbook.tar"}


def load_dataset(name: str) -> Dataset:
    """An embedded data set by name, or any folder or .tar by path.

    Raises UnknownName for a bare word that is neither, BadData for a path that holds no usable data set.
    """
    if name in EMBEDDED:
        if not EMBEDDED[name].is_file():
            raise BadData(f"assets/{EMBEDDED[name].name} is not there; get the whole repository or draw it again.")
        return load_folder(EMBEDDED[name], name)
    if name.strip() and len(name) < 100 and not set(name) & set("/\\.~\0") and not Path(name).exists():
        raise UnknownName("data set or folder", name, EMBEDDED)
    return load_folder(name)
