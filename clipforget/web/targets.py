"""What the form makes of a data set: targets, tiles and siblings, and the way from a run's targets back to a pick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NotRequired, TypedDict

from clipforget.data.target import Target
from clipforget.workspace.setup_documents import DataDescription

ANY = "Any style"
NONE = "None of these"
WHOLE = "*"


class Tile(TypedDict):
    """A subgroup to pick: its name and the addresses of a few sample thumbnails."""

    name: str
    images: list[str]


class ClassSample(TypedDict):
    """A class of a data set: its name, how many images it has, and the addresses of a few thumbnails."""

    name: str
    size: int
    images: list[str]


class DataSummary(TypedDict):
    """What is shown of a data set: counts, how it was understood, its classes, and the first files left out.

    `own` is a folder or an archive of the user's; `needs_others` one of a single class.
    """

    count: int
    skipped: int
    superclasses: int
    evaluation_sets: list[str]
    note: str
    sentences: list[str]
    options: list[str]
    classes: list[ClassSample]
    skipped_files: list[list[str]]
    own: bool
    needs_others: bool


class Pick(TypedDict):
    """What is picked of one superclass: subgroups or the whole of it, `WHOLE`; in any style or in one."""

    superclass: str
    picked: list[str]
    style: str
    fresh: NotRequired[bool]  # the superclass was just chosen: something of it is to be picked


def targets(pick: Pick) -> tuple[str, ...]:
    """Return the targets that a pick names."""
    if pick["superclass"] == NONE:
        return ()
    style = "*" if pick["style"] == ANY else pick["style"]
    return tuple(str(Target(pick["superclass"], name, style)) for name in pick["picked"])


def read_targets(forget: Sequence[str]) -> tuple[Pick, list[str]]:
    """Return the pick that holds a run's first target and those like it, and the targets that are not of these."""
    by_text = {text: Target.read(text) for text in forget}
    first = next((target for target in by_text.values() if target.superclass != "*"), Target(NONE))
    kind = (first.superclass, first.style, first.subgroup == WHOLE)
    alike = [text for text, t in by_text.items() if (t.superclass, t.style, t.subgroup == WHOLE) == kind]
    style = ANY if first.style == "*" else first.style
    pick: Pick = {
        "superclass": first.superclass,
        "picked": [by_text[text].subgroup for text in alike],
        "style": style,
    }
    return pick, [text for text in forget if text not in alike]


def siblings(data: DataDescription, pick: Pick, extra: list[str]) -> list[str]:
    """Return what shares the superclass and is not forgotten: the other subgroups, or the other styles of the target.

    With further targets none are named: the run itself then retains the siblings of them all.
    """
    superclass, picked, style = pick["superclass"], pick["picked"], pick["style"]
    if extra:
        return []
    names = [] if WHOLE in picked else data["superclasses"].get(superclass, [])
    others = [str(Target(superclass, name)) for name in names if name not in picked]
    if style == ANY:
        return others
    styles = [name for name in data["styles"] if name != style]
    return others + [str(Target(superclass, name, other)) for name in picked for other in styles]


def every_target(data: DataDescription) -> list[str]:
    """Return all that can be retained: superclasses, their subgroups, and each of these in one style."""
    names = [Target(name) for name in data["superclasses"]]
    pairs = [Target(name, subgroup) for name, subgroups in data["superclasses"].items() for subgroup in subgroups]
    styled = [replace(target, style=style) for target in [*pairs, *names] for style in data["styles"]]
    return [str(target) for target in (*names, *pairs, *styled)]


def whole_styles(data: DataDescription) -> list[str]:
    """Return the targets that are a style in every superclass: what can be forgotten besides every_target."""
    return [str(Target("*", "*", style)) for style in data["styles"]]


def tiles(data: DataDescription, superclass: str) -> list[Tile]:
    """Return a tile for each subgroup: its name and the addresses of a few sample thumbnails."""
    samples = data.get("samples", {})
    return [
        {
            "name": name,
            "images": _thumbnails(data, samples.get(str(Target(superclass, name)), [])[:4]),
        }
        for name in data["superclasses"].get(superclass, [])
    ]


def first_superclass(data: DataDescription) -> str:
    """Return the superclass with which the form opens: the first one with several subgroups."""
    groups = data["superclasses"]
    return next((name for name, subgroups in groups.items() if len(subgroups) > 1), next(iter(groups)))


def first_pick(data: DataDescription, superclass: str) -> Pick:
    """Return what is picked of a superclass at first: biplane where there is one, else its first subgroup."""
    names = data["superclasses"].get(superclass, [])
    name = "biplane" if "biplane" in names else names[0] if len(names) > 1 else WHOLE
    return {"superclass": superclass, "picked": [] if superclass == NONE else [name], "style": ANY}


def first_target(data: DataDescription) -> list[str]:
    """Return the targets that the form names at first."""
    return list(targets(first_pick(data, first_superclass(data))))


def data_summary(data: DataDescription, own: bool = False) -> DataSummary:
    """Return what is shown of a data set; own where it is a folder or an archive of the user's."""
    return {
        "count": data["count"],
        "skipped": data["skipped"],
        "superclasses": len(data["superclasses"]),
        "evaluation_sets": data["evaluation_sets"],
        "note": data["note"],
        "sentences": data["layout"]["sentences"],
        "options": data["layout"]["options"] if own else [],
        "classes": [
            {"name": name, "size": size, "images": _thumbnails(data, _samples_of(data, name))}
            for name, size in data["sizes"].items()
        ],
        "skipped_files": data.get("skipped_files", []),
        "own": own,
        "needs_others": len(data["superclasses"]) == 1,
    }


def _samples_of(data: DataDescription, superclass: str) -> list[int]:
    """A few images of a class, of several subgroups where it has them."""
    found = [indices for name, indices in data.get("samples", {}).items() if Target.read(name).superclass == superclass]
    return [indices[0] for indices in found[:3]] if len(found) > 2 else [i for indices in found for i in indices][:3]


def _thumbnails(data: DataDescription, indices: Sequence[int]) -> list[str]:
    return [f"clipforget/images/{data['fingerprint']}/{index}?size=96" for index in indices]
