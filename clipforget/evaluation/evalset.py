"""The judged images of a run, as scores.json remembers them: which part and role each has, and what it shows.

numpy only. Letters: N judged images, C names of a bank, D embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.data.dataset import Dataset
from clipforget.data.splits import ROLES, Splits
from clipforget.data.target import Target
from clipforget.evaluation.refusal import Refusal

Bools = NDArray[np.bool_]
STYLE_TEMPLATE = "a {}."  # a style is no thing that a photo could be of
LEVELS = ("superclass", "subgroup", "style")


@dataclass(frozen=True)
class Bank:
    """Names to choose among in zero-shot classification; labels N are indices into them, -1 where an image has none."""

    names: tuple[str, ...]
    template: str
    labels: NDArray[np.int64]

    @property
    def prompts(self) -> list[str]:
        """The captions, C."""
        return [self.template.replace("{}", name) for name in self.names]


@dataclass(frozen=True)
class Row:
    """What one line of the scores is about: the images of `mask` (N), classified among the names of a bank."""

    key: str
    label: str
    role: str
    bank: str
    mask: Bools


@dataclass(frozen=True)
class EvalSet:
    """N images. `items` are dataset indices, `parts` (name, count) of contiguous blocks, `roles` N names.

    `banks` are keyed superclass, subgroup and style; the last two are absent where the data set has no such level.
    """

    items: tuple[int, ...]
    parts: tuple[tuple[str, int], ...]
    roles: tuple[str, ...]
    banks: dict[str, Bank]

    @classmethod
    def build(cls, dataset: Dataset, selection: Splits) -> EvalSet:
        """From what was selected out of a data set."""
        counts = {part: selection.parts.count(part) for part in dict.fromkeys(selection.parts)}
        shown = [dataset.items[i] for i in selection.evaluated]
        banks = {}
        for level in LEVELS:
            own = STYLE_TEMPLATE if level == "style" else dataset.template
            names = names_of(dataset, level)
            number = {name: place for place, name in enumerate(names)}
            labels = np.array([number.get(getattr(item, level), -1) for item in shown], dtype=np.int64)
            if len(names) > 1:
                banks[level] = Bank(tuple(names), own, labels)
        return cls(selection.evaluated, tuple(counts.items()), selection.roles, banks)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> EvalSet:
        """From what `as_dict` gave."""
        banks = {
            level: Bank(tuple(bank["names"]), bank["template"], np.array(bank["labels"], dtype=np.int64))
            for level, bank in stored["banks"].items()
        }
        parts = tuple((name, count) for name, count in stored["parts"])
        return cls(tuple(stored["items"]), parts, tuple(ROLES[number] for number in stored["roles"]), banks)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        banks = {
            level: {"names": list(bank.names), "template": bank.template, "labels": bank.labels.tolist()}
            for level, bank in self.banks.items()
        }
        roles = [ROLES.index(role) for role in self.roles]
        return {"items": list(self.items), "parts": [list(part) for part in self.parts], "roles": roles, "banks": banks}

    def __len__(self) -> int:
        return len(self.items)

    def block(self, part: str) -> tuple[int, int]:
        """First position of a part, and the one after its last."""
        start = 0
        for name, count in self.parts:
            if name == part:
                return start, start + count
            start += count
        return start, start

    def mask(self, part: str, *roles: str) -> Bools:
        """N: True for the images of a part that have one of the roles (any role without)."""
        found = np.zeros(len(self), dtype=bool)
        start, stop = self.block(part)
        found[start:stop] = [not roles or role in roles for role in self.roles[start:stop]]
        return found

    def rows(self) -> list[Row]:
        """The lines of the scores; those without an image are left out.

        forget, siblings and others are of the test part. `suite:<name>` are the images of an unseen suite that are not
        of the target, `suite-forget:<name>` those that are. subgroups and styles ask for the finer names of the test
        images that are not of the target.
        """
        rest = ("sibling", "other")
        rows = [
            Row("forget", "forget", "forget", "superclass", self.mask("test", "forget")),
            Row("siblings", "siblings", "sibling", "superclass", self.mask("test", "sibling")),
            Row("others", "everything else", "other", "superclass", self.mask("test", "other")),
        ]
        for suite, _ in self.parts:
            if suite not in ("validation", "test"):
                rows.append(Row(f"suite:{suite}", suite, "other", "superclass", self.mask(suite, *rest)))
                target = self.mask(suite, "forget")
                rows.append(Row(f"suite-forget:{suite}", f"{suite}: forget", "forget", "superclass", target))
        for key, level in (("subgroups", "subgroup"), ("styles", "style")):
            if level in self.banks:
                named = self.mask("test", *rest) & (self.banks[level].labels >= 0)
                rows.append(Row(key, f"names of {key}", "other", level, named))
        return [row for row in rows if row.mask.any()]

    def values(
        self, features: NDArray[Any], banks: Mapping[str, NDArray[Any]], alpha: float, refusal: Refusal
    ) -> dict[str, float]:
        """The accuracy of each row at an alpha, keyed as the rows. features N x D, banks C x D, unit."""
        correct = {
            level: refusal.right(features @ banks[level].T, bank.labels, bank.names, alpha)
            for level, bank in self.banks.items()
        }
        return {row.key: float(correct[row.bank][row.mask].mean()) for row in self.rows()}


def class_groups(judged: EvalSet, dataset: Dataset, targets: Sequence[Target]) -> list[tuple[str, str, list[int]]]:
    """The bars of the per-class chart, over the test part: (label, role, positions), superclass by superclass.

    The superclass of a target is split: into the targets, and the rest by the level at which they are told apart.
    """
    groups: dict[str, tuple[str, list[int]]] = {}
    start, stop = judged.block("test")
    for place in range(start, stop):
        item, role = dataset.items[judged.items[place]], judged.roles[place]
        label = item.superclass
        near = [target for target in targets if target.covers(item.superclass)]
        if role == "forget":
            target = next(target for target in near if target.matches(item))
            label = " / ".join(part for part in (target.superclass, target.subgroup, target.style) if part != "*")
        elif near:
            level = item.subgroup if any(target.subgroup != "*" for target in near) else item.style
            label = f"{item.superclass} / {level}"
            label += " (other styles)" if label in {f"{t.superclass} / {t.subgroup}" for t in near} else ""
        groups.setdefault(label, (role, []))[1].append(place)
    return [(label, *groups[label]) for label in sorted(groups)]


def gallery(judged: EvalSet, dataset: Dataset) -> dict[str, Any]:
    """The test part as the page lists it: items are [dataset index, superclass, subgroup, style, role] as numbers."""
    start, stop = judged.block("test")
    names = {level: names_of(dataset, level) for level in LEVELS}
    number = {level: {name: place for place, name in enumerate(names[level])} for level in LEVELS}
    items = []
    for index, role in zip(judged.items[start:stop], judged.roles[start:stop], strict=True):
        item = dataset.items[index]
        levels = [number[level].get(getattr(item, level), -1) for level in LEVELS]
        items.append([index, *levels, ROLES.index(role)])
    plural = {"superclasses": "superclass", "subgroups": "subgroup", "styles": "style"}
    listed = {name: names[level] for name, level in plural.items()}
    return {"data": dataset.fingerprint, **listed, "roles": list(ROLES), "items": items}


def label_of(listed: Mapping[str, Any], number: int) -> str:
    """What a gallery image shows, e.g. "airplane / biplane / pencil sketch"."""
    _, *levels, _ = listed["items"][number]
    names = zip(levels, ("superclasses", "subgroups", "styles"), strict=True)
    return " / ".join(listed[plural][level] for level, plural in names if level >= 0)


def suggestions(dataset: Dataset, targets: Sequence[Target], most: int = 12) -> list[str]:
    """Queries worth a click: the coarse name, the target, its siblings, some others."""
    first = [target.superclass for target in targets if target.superclass != "*"]
    exact = [name for t in targets for name in (t.subgroup, t.style) if name != "*"]
    siblings = [name for t in targets for name in dataset.subgroups(t.superclass)]
    others = [name for name in dataset.superclasses if name not in first]
    spread = others[:: max(len(others) // 4, 1)][:4]
    finer = [name for superclass in spread[:2] for name in dataset.subgroups(superclass)[:1]]
    styles = list(dataset.styles())[:2]
    return list(dict.fromkeys([*first, *exact, *siblings[:4], *spread, *finer, *styles]))[:most]


def names_of(dataset: Dataset, level: str) -> list[str]:
    """All names of a level (superclass, subgroup or style), sorted, whatever superclass they stand in."""
    return sorted({getattr(item, level) for item in dataset.items} - {""})
