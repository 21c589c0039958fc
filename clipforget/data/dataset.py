"""What a data set is: images with a split, a superclass, a subgroup and perhaps a style.

`split/superclass/subgroup/style/file` is the layout of every folder or .tar; the lower levels may be absent.
The splits are train, validation and test; any other folder at the top is an evaluation set. Others come from anywhere,
see clipforget.data.evaluation.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from clipforget.data.sources import printable
from clipforget.errors import BadData

if TYPE_CHECKING:
    from PIL.Image import Image

SPLITS = ("train", "validation", "test")
LEVELS = ("superclass", "subgroup", "style")  # of names, coarse to fine
RESERVED = ("steer", "calibrate")  # what a run makes of train and validation; no evaluation set may be called so


@lru_cache(maxsize=4096)
def as_label(name: str) -> str:
    """Return the name of a folder, or a level of a target, as a label: one form of each accent (NFC), single spaces.

    Underscores and whatever cannot be printed count as spaces; " + ", which joins targets, loses its own.
    """
    composed = unicodedata.normalize("NFC", name)
    spaced = " ".join("".join(c if c.isprintable() and c != "_" else " " for c in composed).split())
    return spaced.replace(" + ", "+")


@dataclass(frozen=True)
class Item:
    """One image: where it lies inside its data set and what it shows. Absent levels are empty strings."""

    key: str
    split: str
    superclass: str
    subgroup: str = ""
    style: str = ""


class Source(Protocol):
    """Where the bytes of a data set lie: a folder or an archive."""

    def read(self, key: str) -> bytes: ...


class FileSource(Source, Protocol):
    """A source that knows how many bytes each of its files has, and what it left out, with the reason."""

    skipped: list[tuple[str, str]]

    @property
    def files(self) -> Mapping[str, int]: ...


@dataclass(frozen=True)
class EvaluationSet:
    """An evaluation set with names of its own; its images are those items of a data set whose split is its name.

    `classes` are all names to choose among, sorted; `templates` the captions that each is averaged over; `target` the
    classes or subgroups that the user calls the target's, empty where names tell. `note` says what was left out.
    `fingerprint` is a hash over names, templates and bytes, 16 hex digits.
    """

    name: str
    classes: tuple[str, ...]
    templates: tuple[str, ...]
    source: Source
    fingerprint: str
    target: tuple[str, ...] = ()
    note: str = ""

    def is_target(self, item: Item, names: Iterable[str]) -> bool:
        """Return True for an image of the target: its class or subgroup is in `target`, or else among these names."""
        known = {name.casefold() for name in self.target or names}
        return item.superclass.casefold() in known or item.subgroup.casefold() in known


@dataclass(frozen=True)
class Layout:
    """How the folders of a data set were understood.

    `levels` says what the folders below the splits mean, from the outside in, none where the images lie flat; `options`
    are other ways to read them, as texts for `read_levels`. `split` says in a sentence how train, validation and test
    came about; `notes` are sentences on what else is not as it lies there.
    """

    levels: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    split: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Images under one name.

    `fingerprint` is a content hash over names and bytes, 16 hex digits; `skipped` lists the files left out, each with
    the reason as the end of a sentence about it ("is empty"). `evaluation` holds the evaluation sets that have names of
    their own, whose items come last and are in no fingerprint but their own. `trained` are SHA-256 of the files of
    train and validation. `layout` says how the folders were understood.
    """

    name: str
    items: tuple[Item, ...]
    source: Source
    fingerprint: str
    skipped: tuple[tuple[str, str], ...] = ()
    template: str = "a photo of a {}."
    evaluation: Mapping[str, EvaluationSet] = field(default_factory=dict)
    trained: frozenset[bytes] = field(default=frozenset(), repr=False, compare=False)
    layout: Layout = Layout()

    @cached_property
    def native(self) -> tuple[Item, ...]:
        """The items that go by the names of the data set: all but those of sets with names of their own."""
        return tuple(item for item in self.items if item.split not in self.evaluation)

    @cached_property
    def _groups(self) -> dict[str, tuple[str, ...]]:
        """The subgroups of each superclass, both sorted: a data set may have a thousand of a million images."""
        pairs = sorted({(item.superclass, item.subgroup) for item in self.native})
        return {top: tuple(sub for _, sub in rows if sub) for top, rows in groupby(pairs, key=lambda pair: pair[0])}

    @property
    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprint of the images as "data", and of each set with names of its own as "eval:<name>"."""
        own = {f"eval:{name}": entry.fingerprint for name, entry in self.evaluation.items()}
        return {"data": self.fingerprint, **own}

    @property
    def superclasses(self) -> tuple[str, ...]:
        """Return the class names: the superclasses, sorted."""
        return tuple(self._groups)

    @property
    def evaluation_sets(self) -> tuple[str, ...]:
        """Return the names of the evaluation sets, in order of appearance."""
        return tuple(dict.fromkeys(item.split for item in self.items if item.split not in SPLITS))

    def subgroups(self, superclass: str) -> tuple[str, ...]:
        """Return the names of the subgroups of a superclass, sorted; empty where the set has no such level."""
        return self._groups.get(superclass, ())

    def styles(self) -> tuple[str, ...]:
        """Return the names of the styles, sorted; empty where the set has no such level."""
        return tuple(sorted({item.style for item in self.native if item.style}))

    def of(self, split: str) -> tuple[Item, ...]:
        """Return the items of a split or evaluation set."""
        return tuple(item for item in self.items if item.split == split)

    def read(self, item: Item) -> bytes:
        """Return the bytes of the image's file. Raises BadData where it has gone."""
        entry = self.evaluation.get(item.split)
        return (entry.source if entry else self.source).read(item.key)

    def open(self, item: Item) -> Image:
        """Return the image, RGB, upright, first frame. Raises BadData where the file has gone or is damaged inside."""
        from clipforget.data.images import decode

        try:
            return decode(self.read(item))
        except BadData as error:
            raise BadData(f"The image {printable(item.key)} {error}; take it out of the data set.") from error
