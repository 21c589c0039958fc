"""The images a run is evaluated on, as scores.json keeps them: which part and role each has, and what it shows.

numpy only. Letters: N evaluated images, C class names, D embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.data.dataset import Dataset, Item
from clipforget.data.splits import ROLES, Splits
from clipforget.data.target import Target, label
from clipforget.evaluation.documents import GalleryListing, StoredClassNames, StoredEvalSet
from clipforget.evaluation.refusal import Refusal
from clipforget.soup.path import unit
from clipforget.unlearning.task import NEVER_SEEN, SUPPRESSED

Bools = NDArray[np.bool_]
STYLE_TEMPLATE = "a {}."  # a style is no thing that a photo could be of
LEVELS = ("superclass", "subgroup", "style")
FINE = "target"  # level: the caption of the target takes the place of its superclass's


@dataclass(frozen=True)
class ClassNames:
    """Names to choose among in zero-shot classification; labels N are indices into them, -1 where an image has none.

    Where there is an `ensemble` of T templates it stands for the single one.
    """

    names: tuple[str, ...]
    template: str
    labels: NDArray[np.int64]
    ensemble: tuple[str, ...] = ()

    @property
    def templates(self) -> tuple[str, ...]:
        """The T templates, one or more."""
        return self.ensemble or (self.template,)

    @property
    def prompts(self) -> list[str]:
        """The captions, C x T: those of the first name, then those of the next."""
        return [template.replace("{}", name) for name in self.names for template in self.templates]

    def classifier(self, texts: NDArray[Any]) -> NDArray[Any]:
        """Return the classifier, ... x C x D, from unit features of the prompts, ... x C T x D: means, unit again."""
        if len(self.templates) == 1:
            return texts
        return unit(texts.reshape(*texts.shape[:-2], len(self.names), len(self.templates), -1).mean(axis=-2))


@dataclass(frozen=True)
class Row:
    """What one line of the scores is about: the images of `mask` (N), classified among the names of a level.

    Of several levels the largest accuracy counts.
    """

    key: str
    label: str
    role: str
    level: str
    mask: Bools
    more_levels: tuple[str, ...] = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """Return all levels."""
        return (self.level, *self.more_levels)


@dataclass(frozen=True)
class EvalSet:
    """N images. `items` are dataset indices, `parts` (name, count) of contiguous blocks, `roles` N names.

    `class_names` are keyed superclass, subgroup and style, the last two absent where the data set has no such level,
    target: captions of what is to be forgotten as finely as it is named ("a photo of a biplane."), absent where that is
    whole superclasses, with labels -1 for every other image; and eval:<name> for each evaluation set with names of its
    own. `kept`: whether the target's images in those count as retained, as another domain's.
    `goal` is one of clipforget.unlearning.task.GOALS: it decides which names the images to be forgotten are judged by.
    """

    items: tuple[int, ...]
    parts: tuple[tuple[str, int], ...]
    roles: tuple[str, ...]
    class_names: dict[str, ClassNames]
    kept: bool = True
    goal: str = SUPPRESSED

    @classmethod
    def build(cls, dataset: Dataset, selection: Splits, kept: bool = True, goal: str = SUPPRESSED) -> EvalSet:
        """Build the evaluation set of what was selected out of a data set."""
        counts = {part: selection.parts.count(part) for part in dict.fromkeys(selection.parts)}
        items = [dataset.items[index] for index in selection.evaluated]
        native = [item.split not in dataset.evaluation for item in items]
        class_names = {}
        for level in LEVELS:
            template = STYLE_TEMPLATE if level == "style" else dataset.template
            names = names_of(dataset, level)
            number = {name: index for index, name in enumerate(names)}
            labels = np.array([number.get(getattr(item, level), -1) for item in items], dtype=np.int64)
            labels[~np.array(native)] = -1
            if len(names) > 1:
                class_names[level] = ClassNames(tuple(names), template, labels)
        captions = [
            _fine_caption(item, selection.forget, dataset.template) if own else ""
            for item, own in zip(items, native, strict=True)
        ]
        if fine := sorted(set(captions) - {""}):
            number = {"": -1} | {caption: index for index, caption in enumerate(fine)}
            labels = np.array([number[caption] for caption in captions], dtype=np.int64)
            class_names[FINE] = ClassNames(tuple(fine), "{}", labels)
        for name, own in dataset.evaluation.items():
            number = {label: index for index, label in enumerate(own.classes)}
            labels = np.array([number[i.superclass] if i.split == name else -1 for i in items], dtype=np.int64)
            ensemble = own.templates if len(own.templates) > 1 else ()
            class_names[f"eval:{name}"] = ClassNames(own.classes, own.templates[0], labels, ensemble)
        return cls(selection.evaluated, tuple(counts.items()), selection.roles, class_names, kept, goal)

    @classmethod
    def read(cls, stored: StoredEvalSet) -> EvalSet:
        """Read what `as_dict` gave."""
        class_names = {
            level: ClassNames(
                tuple(named["names"]),
                named["template"],
                np.array(named["labels"], dtype=np.int64),
                tuple(named.get("ensemble", ())),
            )
            for level, named in stored["class_names"].items()
        }
        parts = tuple((str(name), int(count)) for name, count in stored["parts"])
        roles = tuple(ROLES[number] for number in stored["roles"])
        goal = stored.get("goal", SUPPRESSED)
        return cls(tuple(stored["items"]), parts, roles, class_names, stored.get("kept", True), goal)

    def as_dict(self) -> StoredEvalSet:
        """Return the set for scores.json."""
        class_names = {
            level: StoredClassNames(names=list(named.names), template=named.template, labels=named.labels.tolist())
            for level, named in self.class_names.items()
        }
        for level, named in self.class_names.items():
            if named.ensemble:
                class_names[level]["ensemble"] = list(named.ensemble)
        roles = [ROLES.index(role) for role in self.roles]
        parts: list[list[str | int]] = [list(part) for part in self.parts]
        return {
            "items": list(self.items), "parts": parts, "roles": roles, "class_names": class_names, "kept": self.kept,
            "goal": self.goal,
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self.items)

    def block(self, part: str) -> tuple[int, int]:
        """Return the first position of a part, and the one after its last."""
        start = 0
        for name, count in self.parts:
            if name == part:
                return start, start + count
            start += count
        return start, start

    def mask(self, part: str, *roles: str) -> Bools:
        """Return N booleans: True for the images of a part that have one of the roles (any role without)."""
        mask = np.zeros(len(self), dtype=bool)
        start, stop = self.block(part)
        mask[start:stop] = [not roles or role in roles for role in self.roles[start:stop]]
        return mask

    def rows(self) -> list[Row]:
        """Return the rows of the scores; those without an image are left out.

        forget, siblings and others are of the test part. forget-coarse asks for the superclass of the target,
        forget-fine for the target's own name in its place, and forget is the larger of both; as if never seen it is
        what the images are called among all subgroups. siblings-fine and
        others-fine ask for the subgroup among all subgroups, styles for the style of all that is not of the target.
        `eval:<name>` are the images of an evaluation set that are not of the target; those that are stand under
        `eval-target:<name>` where they count as retained, else under `eval-forget:<name>`.
        """
        retained = ("siblings", "others")
        forget = self.mask("test", "forget")
        fine = (FINE,) if FINE in self.class_names else ()
        label = "forget, own name or picture" if self.own_levels == ("subgroup",) else "forget"
        rows = [
            Row("forget", label, "forget", self.own_levels[0], forget, self.own_levels[1:]),
            Row("forget-coarse", "forget, coarse name", "forget", "superclass", forget),
            *(Row("forget-fine", "forget, fine name", "forget", level, forget) for level in fine),
            Row("siblings", "siblings", "siblings", "superclass", self.mask("test", "siblings")),
            Row("others", "others", "others", "superclass", self.mask("test", "others")),
        ]
        for role in retained if "subgroup" in self.class_names else ():
            named = self.mask("test", role) & (self.class_names["subgroup"].labels >= 0)
            rows.append(Row(f"{role}-fine", f"{role}, fine names", role, "subgroup", named))
        rows += [row for name, _ in self.parts if name not in ("calibrate", "test") for row in self._evaluation(name)]
        if "style" in self.class_names:
            named = self.mask("test", *retained) & (self.class_names["style"].labels >= 0)
            rows.append(Row("styles", "names of styles", "others", "style", named))
        return [row for row in rows if row.mask.any()]

    @property
    def own_levels(self) -> tuple[str, ...]:
        """The levels of names by which the goal judges the images to be forgotten; the largest accuracy counts."""
        if FINE not in self.class_names:
            return ("superclass",)
        return ("subgroup",) if self.goal == NEVER_SEEN else ("superclass", FINE)

    def _evaluation(self, name: str) -> tuple[Row, Row]:
        """The rows of an evaluation set: all but the target, and the target, which only of other names can be kept."""
        own = f"eval:{name}" in self.class_names
        level, target = f"eval:{name}" if own else "superclass", self.mask(name, "forget")
        return (
            Row(f"eval:{name}", name, "others", level, self.mask(name, "siblings", "others")),
            Row(f"eval-target:{name}", f"{name}: target, kept", "others", level, target)
            if own and self.kept
            else Row(f"eval-forget:{name}", f"{name}: forget", "forget", level, target),
        )

    def calibrate_rows(self) -> list[Row]:
        """Return the rows forget, siblings and others of the calibrate part; those without an image are left out."""
        masks = {role: self.mask("calibrate", role) for role in ROLES}
        levels = dict.fromkeys(ROLES, ("superclass",)) | {"forget": self.own_levels}
        rows = [Row(role, role, role, levels[role][0], mask, levels[role][1:]) for role, mask in masks.items()]
        return [row for row in rows if row.mask.any()]

    def correct(self, cosines: Mapping[str, NDArray[Any]], alpha: float, refusal: Refusal) -> dict[str, Bools]:
        """Return by level whether each image's nearest name is its own (N), from its cosines with the names (N x C)."""
        correct = {
            level: refusal.correct(cosines[level], named.labels, named.names, alpha)
            for level, named in self.class_names.items()
            if level != FINE
        }
        if FINE in self.class_names:
            correct[FINE] = self._correct_by_fine_name(cosines, correct["superclass"], alpha, refusal)
        return correct

    def _correct_by_fine_name(
        self, cosines: Mapping[str, NDArray[Any]], coarse: Bools, alpha: float, refusal: Refusal
    ) -> Bools:
        """N booleans: the image's fine caption beats all other superclasses; as `coarse` where it has none."""
        named, fine = self.class_names["superclass"], self.class_names[FINE]
        images = np.flatnonzero(fine.labels >= 0)
        own, captions = named.labels[images], fine.labels[images]
        among = np.array(refusal.allowed(cosines["superclass"], named.names, alpha)[images])
        among[np.arange(len(images)), own] = refusal.allowed(cosines[FINE], fine.names, alpha)[images, captions]
        correct = coarse.copy()
        correct[images] = np.argmax(among, axis=1) == own
        if alpha < 1:
            correct[images] &= ~refusal.mask(fine.names)[captions]
        return correct

    def values(
        self,
        features: NDArray[Any],
        classifiers: Mapping[str, NDArray[Any]],
        alpha: float,
        refusal: Refusal,
        rows: Sequence[Row] | None = None,
    ) -> dict[str, float]:
        """Return the accuracy of each row (without: all of the scores) at an alpha, by its key.

        features N x D, a classifier C x D, unit.
        """
        correct = self.correct({level: features @ classifiers[level].T for level in self.class_names}, alpha, refusal)
        return {
            row.key: max(float(correct[level][row.mask].mean()) for level in row.levels) for row in rows or self.rows()
        }


def _fine_caption(item: Item, targets: Sequence[Target], template: str) -> str:
    """The caption that names an image to be forgotten as finely as its target; none where that is a superclass."""
    target = next((target for target in targets if target.matches(item)), None)
    if target is None or target == Target(target.superclass):
        return ""
    return replace(target, superclass=item.superclass).prompt(template)


def class_groups(evalset: EvalSet, dataset: Dataset, targets: Sequence[Target]) -> list[tuple[str, str, list[int]]]:
    """Return the bars of the chart of classes, over the test part: (label, role, positions), superclass by superclass.

    The superclass of a target is split: into the targets, and the rest by the level at which they are told apart.
    """
    groups: dict[str, tuple[str, list[int]]] = {}
    start, stop = evalset.block("test")
    for position in range(start, stop):
        item, role = dataset.items[evalset.items[position]], evalset.roles[position]
        name = item.superclass
        near = [target for target in targets if target.covers(item.superclass)]
        if role == "forget":
            name = next(target for target in near if target.matches(item)).label
        elif near:
            level = item.subgroup if any(target.subgroup != "*" for target in near) else item.style
            name = label(item.superclass, level)
            name += " (other styles)" if name in {Target(t.superclass, t.subgroup).label for t in near} else ""
        groups.setdefault(name, (role, []))[1].append(position)
    return [(name, *groups[name]) for name in sorted(groups)]


def gallery(evalset: EvalSet, dataset: Dataset) -> GalleryListing:
    """List the test part as the page gets it."""
    start, stop = evalset.block("test")
    names = {level: names_of(dataset, level) for level in LEVELS}
    number = {level: {name: index for index, name in enumerate(names[level])} for level in LEVELS}
    items = []
    for index, role in zip(evalset.items[start:stop], evalset.roles[start:stop], strict=True):
        item = dataset.items[index]
        levels = [number[level].get(getattr(item, level), -1) for level in LEVELS]
        items.append([index, *levels, ROLES.index(role)])
    superclasses, subgroups, styles = (names[level] for level in LEVELS)
    return {
        "data": dataset.fingerprint,
        "superclasses": superclasses,
        "subgroups": subgroups,
        "styles": styles,
        "roles": list(ROLES),
        "items": items,
    }


def label_of(listing: GalleryListing, number: int) -> str:
    """Say what a gallery image shows, e.g. "airplane / biplane / pencil sketch"."""
    _, *indices, _ = listing["items"][number]
    names = (listing["superclasses"], listing["subgroups"], listing["styles"])
    return label(*(level[index] for index, level in zip(indices, names, strict=True) if index >= 0))


def suggestions(dataset: Dataset, targets: Sequence[Target], most: int = 12) -> list[str]:
    """Suggest queries worth a click: the coarse name, the target, its siblings, some others."""
    first = [target.superclass for target in targets if target.superclass != "*"]
    exact = [name for t in targets for name in (t.subgroup, t.style) if name != "*"]
    siblings = [name for t in targets for name in dataset.subgroups(t.superclass)]
    others = [name for name in dataset.superclasses if name not in first]
    spread = others[:: max(len(others) // 4, 1)][:4]
    finer = [name for superclass in spread[:2] for name in dataset.subgroups(superclass)[:1]]
    styles = list(dataset.styles())[:2]
    return list(dict.fromkeys([*first, *exact, *siblings[:4], *spread, *finer, *styles]))[:most]


def described_sets(evalset: EvalSet, dataset: Dataset) -> list[str]:
    """Say in one sentence of each set with names of its own what it is judged by, and what was left out of it."""
    sentences = []
    for name, own in dataset.evaluation.items():
        templates = (
            f"{len(own.templates)} templates" if len(own.templates) > 1 else f"the template '{own.templates[0]}'"
        )
        count, there = evalset.mask(name).sum(), len(dataset.of(name))
        notes = [f"{count:,} of {there:,} images"] if count < there else []
        notes += [own.note] if own.note else []
        target = evalset.mask(name, "forget")
        if target.any():
            classes = sorted({dataset.items[evalset.items[i]].superclass for i in np.flatnonzero(target)})
            notes.append(f"of the target: {', '.join(classes)}, to be {'kept' if evalset.kept else 'forgotten'}")
        sentences.append("; ".join([f"{name}: {len(own.classes):,} class names, {templates}", *notes]) + ".")
    return sentences


def names_of(dataset: Dataset, level: str) -> list[str]:
    """Return all names of a level (superclass, subgroup or style), sorted, whatever superclass they stand in."""
    return sorted({getattr(item, level) for item in dataset.native} - {""})
