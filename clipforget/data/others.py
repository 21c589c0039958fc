"""A second data set beside one that has too few superclasses to tell its own apart from anything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from clipforget.data.dataset import SPLITS, Dataset, Source
from clipforget.errors import BadData


class JoinedSource:
    """The bytes of two data sets: `where` maps each key of the second to its source and its key there."""

    def __init__(self, first: Source, where: Mapping[str, tuple[Source, str]]) -> None:
        self._first, self._where = first, where

    def read(self, key: str) -> bytes:
        """Return the bytes of a file. Raises BadData where it cannot be read any more."""
        source, key = self._where.get(key, (self._first, key))
        return source.read(key)


def with_others(dataset: Dataset, others: Dataset) -> Dataset:
    """Return the data set with the superclasses of another one beside its own, e.g. to be told apart from them.

    Of the others their train, validation and test images are taken, their keys led by the name of their data set.
    Superclasses that both have are the first one's alone; a note of the layout says so. The fingerprint is one of both.
    Raises BadData where nothing of the others is left.
    """
    own = {name.casefold() for name in dataset.superclasses}
    taken = sorted(name for name in others.superclasses if name.casefold() in own)
    items = [item for item in others.native if item.split in SPLITS and item.superclass not in taken]
    if not items:
        raise BadData(f"{others.name} has no superclass that {dataset.name} has not; choose other images as others.")
    shared = ", ".join(f"'{name}'" for name in taken)
    notes = [f"{shared} of {others.name} is left out: {dataset.name} has it too."] if taken else []
    added = {f"{others.name}:{item.key}": item for item in items}
    where = {key: (others.source, item.key) for key, item in added.items()}
    last = len(dataset.native)
    return replace(
        dataset,
        items=(
            *dataset.native,
            *(replace(item, key=key) for key, item in added.items()),
            *dataset.items[last:],
        ),
        source=JoinedSource(dataset.source, where),
        fingerprint=hashlib.sha256(f"{dataset.fingerprint}\0{others.fingerprint}".encode()).hexdigest()[:16],
        trained=dataset.trained | others.trained,
        layout=replace(dataset.layout, notes=(*dataset.layout.notes, *notes)),
    )
