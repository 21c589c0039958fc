"""A registry is a dict with a good error; its plugins are the files of one package."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Generic, TypeVar

from clipforget.errors import UnknownName

Entry = TypeVar("Entry")


class Registry(dict[str, Entry], Generic[Entry]):
    """Names to entries. `registry[name]` raises UnknownName with the nearest known name."""

    def __init__(self, kind: str, package: str) -> None:
        super().__init__()
        self.kind, self.package = kind, package
        self._read: tuple[str, ...] = ()

    def __missing__(self, name: str) -> Entry:
        raise UnknownName(self.kind, name, self)

    def load(self) -> Registry[Entry]:
        """Import every file of the package once, so that each registers itself; files named _* are plumbing.

        An import error stops the start, with the name of the file in a note on the error.
        """
        path = tuple(importlib.import_module(self.package).__path__)
        if path == self._read:
            return self
        for module in pkgutil.iter_modules(path):
            if module.name.startswith("_"):
                continue
            try:
                importlib.import_module(f"{self.package}.{module.name}")
            except Exception as error:
                error.add_note(f"while loading the {self.kind} file {self.package.replace('.', '/')}/{module.name}.py")
                raise
        self._read = path
        return self
