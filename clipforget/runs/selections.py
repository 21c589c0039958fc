"""The selections beside the runs: one JSON file each, and a copy of every one that a run has used. No torch.

A name leads to runs/selections/NAME.json, which may change. A run names a copy, called by its content, that nobody
changes: so the run can be repeated after the selection was edited, renamed or deleted.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from clipforget.data.selection import Selection, check_name, read_selection
from clipforget.errors import BadSetting, ClipforgetError, FileProblem, UnknownName
from clipforget.files import made_folder, slug, write_json

FOLDER, USED = "selections", "used"


def name_of(path: str) -> str:
    """Return what a pinned selection is called, from its file's name: NAME-DIGEST.json."""
    return re.sub(r"-[0-9a-f]{16}$", "", Path(path).stem)


class SelectionStore:
    """The selections of a runs folder by name."""

    def __init__(self, runs: Path) -> None:
        self.folder = Path(runs) / FOLDER

    def names(self) -> list[str]:
        """Return the names of all, sorted."""
        files = self.folder.glob("*.json") if self.folder.is_dir() else ()
        return sorted(file.stem for file in files if not file.name.startswith("."))

    def path(self, name: str) -> Path:
        """Return the file of a name. Raises UnknownName."""
        if name not in self.names():
            raise UnknownName("selection", str(name)[:80], self.names())
        return self.folder / f"{name}.json"

    def get(self, name: str) -> Selection:
        """Return a selection. Raises UnknownName, or BadData where its file is damaged."""
        return read_selection(self.path(name))

    def all(self) -> list[tuple[str, Selection | ClipforgetError]]:
        """Return all by name, or what is wrong with a damaged one."""
        found: list[tuple[str, Selection | ClipforgetError]] = []
        for name in self.names():
            try:
                found.append((name, self.get(name)))
            except ClipforgetError as error:
                found.append((name, error))
        return found

    def save(self, selection: Selection, replace: bool = False) -> Path:
        """Write a selection under its name. Raises BadSetting where there is one that is not to be replaced."""
        name = check_name(selection.name)
        if not replace and name in self.names():
            raise BadSetting(f"There is a selection '{name}' already; choose another name, or replace it.")
        path = self.folder / f"{name}.json"
        with made_folder(self.folder):
            write_json(path, selection.as_dict())
        return path

    def rename(self, name: str, new: str) -> Selection:
        """Give a selection another name. Raises UnknownName, or BadSetting for a name that is taken or none."""
        old, selection = self.path(name), self.get(name)
        if check_name(new) != name:
            selection = dataclasses.replace(selection, name=check_name(new))
            self.save(selection)
            old.unlink()
        return selection

    def delete(self, name: str) -> None:
        """Remove a selection; runs that used it keep their copies. Raises UnknownName."""
        path = self.path(name)
        try:
            path.unlink()
        except OSError as error:
            raise FileProblem(path, error, "delete") from error

    def locate(self, text: str) -> Path:
        """Return the file of a name, or of a path to a .json. Raises UnknownName, BadSetting."""
        with suppress(OSError, RuntimeError, ValueError):  # what could be no path
            if text.endswith(".json") and Path(text).expanduser().is_file():
                return Path(text).expanduser()
        return self.path(text)

    def pin(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the copies of selections, named or given as files, that a run can rely on: absolute paths.

        Raises UnknownName, BadData, FileProblem.
        """
        paths = []
        for text in texts:
            selection = read_selection(self.locate(text))
            path = self.folder / USED / f"{slug(selection.name) or 'selection'}-{selection.digest}.json"
            if not path.is_file():
                with made_folder(path.parent):
                    write_json(path, selection.as_dict())
            paths.append(str(path.resolve()))
        return tuple(dict.fromkeys(paths))
