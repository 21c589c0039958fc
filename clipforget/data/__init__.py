"""What a data set is: images with a split, a superclass, a subgroup and perhaps a style.

`split/superclass/subgroup/style/file` is the layout of every folder or .tar; the lower levels may be absent.
The splits are train, validation and test; any other folder at the top is a suite of unseen test images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from clipforget.errors import BadData, BadQuery, UnknownName

if TYPE_CHECKING:
    from PIL.Image import Image

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Item:
    """One image: where it lies inside its data set and what it shows. Absent levels are empty strings."""

    key: str
    split: str
    superclass: str
    subgroup: str = ""
    style: str = ""


class Source(Protocol):
    """Where the bytes of a data set lie: a folder or a .tar."""

    def read(self, key: str) -> bytes: ...


@dataclass(frozen=True)
class Dataset:
    """Images under one name.

    `fingerprint` is a content hash over names and bytes, 16 hex digits; `skipped` lists the files left out, each with
    the reason as the end of a sentence about it ("is empty").
    """

    name: str
    items: tuple[Item, ...]
    source: Source
    fingerprint: str
    skipped: tuple[tuple[str, str], ...] = ()
    template: str = "a photo of a {}."

    @property
    def superclasses(self) -> tuple[str, ...]:
        """The label bank: superclass names, sorted."""
        return tuple(sorted({item.superclass for item in self.items}))

    @property
    def suites(self) -> tuple[str, ...]:
        """Names of the unseen suites, in order of appearance."""
        return tuple(dict.fromkeys(item.split for item in self.items if item.split not in SPLITS))

    def subgroups(self, superclass: str) -> tuple[str, ...]:
        """Names of the subgroups of a superclass, sorted; empty where the set has no such level."""
        return tuple(sorted({i.subgroup for i in self.items if i.superclass == superclass and i.subgroup}))

    def styles(self) -> tuple[str, ...]:
        """Names of the styles, sorted; empty where the set has no such level."""
        return tuple(sorted({item.style for item in self.items if item.style}))

    def of(self, split: str) -> tuple[Item, ...]:
        """The items of a split or suite."""
        return tuple(item for item in self.items if item.split == split)

    def open(self, item: Item) -> Image:
        """The image, RGB, upright, first frame. Raises BadData where the file has gone or is damaged inside."""
        from clipforget.data.images import decode

        try:
            return decode(self.source.read(item.key))
        except BadData as error:
            raise BadData(f"The image {item.key} {error}; take it out of the data set.") from error


@dataclass(frozen=True)
class Target:
    """What a run forgets or retains: `superclass`, `superclass/subgroup` or `superclass/subgroup/style`, * for any.

    `*/*/style` is a whole style, in every superclass.
    """

    superclass: str
    subgroup: str = "*"
    style: str = "*"

    @classmethod
    def parse(cls, text: str, dataset: Dataset) -> Target:
        """Read a target and check it against the data set.

        Raises UnknownName where a level does not exist, BadQuery where the text has more than three levels.
        """
        parts = [part.strip() for part in text.split("/")]
        if not 1 <= len(parts) <= 3 or not parts[0]:
            raise BadQuery(f"'{text}' is no target; write superclass, superclass/subgroup or superclass/*/style.")
        target = cls(*parts)
        if target.superclass == "*" and (target.subgroup != "*" or target.style == "*"):
            raise BadQuery(f"'{text}' is no target; name a superclass, or a whole style as */*/style.")
        levels = (
            ("superclass", target.superclass, dataset.superclasses),
            ("subgroup", target.subgroup, dataset.subgroups(target.superclass)),
            ("style", target.style, dataset.styles()),
        )
        for kind, name, known in levels:
            if name != "*" and name not in known:
                raise UnknownName(kind, name, known)
        return target

    def covers(self, superclass: str) -> bool:
        """True where the target lies in this superclass, or in all of them."""
        return self.superclass in ("*", superclass)

    def matches(self, item: Item) -> bool:
        """True where the item lies inside the target."""
        return (
            self.covers(item.superclass)
            and self.subgroup in ("*", item.subgroup)
            and self.style in ("*", item.style)
        )

    @property
    def name(self) -> str:
        """The subgroup, or the superclass where it takes all of them."""
        return self.superclass if self.subgroup == "*" else self.subgroup

    def prompt(self, template: str) -> str:
        """What names the target as finely as its levels do, e.g. "a pencil sketch of a biplane."."""
        if self.style == "*":
            return template.replace("{}", self.name)
        return f"a {self.style}." if self.name == "*" else f"a {self.style} of a {self.name}."

    def __str__(self) -> str:
        parts = [self.superclass, self.subgroup, self.style]
        while parts[-1] == "*":
            parts.pop()
        return "/".join(parts)
