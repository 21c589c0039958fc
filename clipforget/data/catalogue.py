"""The data sets that are known by name; anything else is read as a path."""

from __future__ import annotations

from pathlib import Path

from clipforget.data import Dataset
from clipforget.data.folder import load_folder

ASSETS = Path(__file__).resolve().parents[2] / "assets"
EMBEDDED = {"sketchbook": ASSETS / "sketchbook.tar"}


def load_dataset(name: str) -> Dataset:
    """An embedded data set by name, or any folder or .tar by path. Raises BadData."""
    if name in EMBEDDED:
        return load_folder(EMBEDDED[name], name)
    return load_folder(name)
