"""What a run forgets or retains: the grammar `superclass/subgroup/style`, known here alone."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.data.dataset import Dataset, Item, as_label
from clipforget.errors import BadQuery, UnknownName


@dataclass(frozen=True)
class Target:
    """What a run forgets or retains: `superclass`, `superclass/subgroup` or `superclass/subgroup/style`, * for any.

    `*/*/style` is a whole style, in every superclass.
    """

    superclass: str
    subgroup: str = "*"
    style: str = "*"

    @classmethod
    def read(cls, text: str) -> Target:
        """Read a target of any data set, its levels as folder names. Raises BadQuery for a text that is none."""
        parts = [as_label(part) for part in text.split("/")]
        if not 1 <= len(parts) <= 3 or not parts[0]:
            raise BadQuery(f"'{text}' is no target; write superclass, superclass/subgroup or superclass/*/style.")
        target = cls(*parts)
        if target.superclass == "*" and (target.subgroup != "*" or target.style == "*"):
            raise BadQuery(f"'{text}' is no target; name a superclass, or a whole style as */*/style.")
        return target

    @classmethod
    def parse(cls, text: str, dataset: Dataset) -> Target:
        """Read a target and check it against the data set.

        Raises BadQuery for a text that is no target, UnknownName where a level does not exist.
        """
        target = cls.read(text)
        levels = (
            ("superclass", target.superclass, dataset.superclasses),
            ("subgroup", target.subgroup, dataset.subgroups(target.superclass)),
            ("style", target.style, dataset.styles()),
        )
        for level, name, names in levels:
            if name != "*" and name not in names:
                raise UnknownName(level, name, names)
        return target

    def covers(self, superclass: str) -> bool:
        """Return True where the target lies in this superclass, or in all of them."""
        return self.superclass in ("*", superclass)

    def matches(self, item: Item) -> bool:
        """Return True where the item lies inside the target."""
        return (
            self.covers(item.superclass) and self.subgroup in ("*", item.subgroup) and self.style in ("*", item.style)
        )

    @property
    def levels(self) -> tuple[str, ...]:
        """Return the named levels, coarse to fine, e.g. ("airplane", "pencil sketch")."""
        return tuple(level for level in (self.superclass, self.subgroup, self.style) if level != "*")

    @property
    def label(self) -> str:
        """Return the target for people, e.g. "airplane / biplane"."""
        return label(*self.levels)

    @property
    def short(self) -> str:
        """Return the finest level that is named, e.g. "biplane"."""
        return self.levels[-1]

    @property
    def name(self) -> str:
        """Return the subgroup, or the superclass where it takes all of them."""
        return self.superclass if self.subgroup == "*" else self.subgroup

    def prompt(self, template: str) -> str:
        """Return the text that names the target as finely as its levels do, e.g. "a pencil sketch of a biplane."."""
        if self.style == "*":
            return template.replace("{}", self.name)
        return f"a {self.style}." if self.name == "*" else f"a {self.style} of a {self.name}."

    def __str__(self) -> str:
        parts = [self.superclass, self.subgroup, self.style]
        while parts[-1] == "*":
            parts.pop()
        return "/".join(parts)


def label(*levels: str) -> str:
    """Return names of levels as one text for people, e.g. "airplane / biplane"; absent ones, "", are left out."""
    return " / ".join(filter(None, levels))
