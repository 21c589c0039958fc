"""The image set that comes with the app."""

from __future__ import annotations

from clipforget.data.catalogue import dataset
from clipforget.data.dataset import Dataset
from clipforget.data.folder import load_folder
from clipforget.errors import BadData
from clipforget.files import ASSETS

TAR = ASSETS / "sketchbook.tar"


@dataset("sketchbook", path=TAR, terms="Drawn by ClipForget itself, under its MIT licence; no photograph is in it.")
def sketchbook() -> Dataset:
    """Read the small pictures that clipforget.data.sketchbook draws. Raises BadData where they are not there."""
    if not TAR.is_file():
        raise BadData(f"assets/{TAR.name} is not there; get the whole repository or draw it again.")
    return load_folder(TAR, "sketchbook", trusted=True)
