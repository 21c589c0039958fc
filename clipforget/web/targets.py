"""What the form makes of a data set: targets, tiles and siblings, and the way from a run's targets back to a pick."""

from __future__ import annotations

from typing import Any

ANY = "Any style"
NONE = "None of these"


def targets(superclass: str, picked: list[str], style: str) -> tuple[str, ...]:
    """The targets a pick names: one per subgroup, or the whole superclass (in one style) where none is picked."""
    if superclass == NONE:
        return ()
    tail = "" if style == ANY else f"/{style}"
    if not picked:
        return (f"{superclass}/*{tail}" if tail else superclass,)
    return tuple(f"{superclass}/{name}{tail}" for name in picked)


def read_targets(forget: list[str]) -> tuple[str, list[str], str, list[str]]:
    """Superclass, subgroups and style of a run's targets, and those that are not of this superclass and style."""
    parts = {target: (*target.split("/"), "*", "*")[:3] for target in forget}
    superclass, first, style = next((part for part in parts.values() if part[0] != "*"), (NONE, "*", "*"))
    alike = [
        target
        for target, (owner, name, its_style) in parts.items()
        if (owner, its_style, name == "*") == (superclass, style, first == "*")
    ]
    picked = [parts[target][1] for target in alike if first != "*"]
    extra = [target for target in forget if target not in alike]
    return superclass, picked, ANY if style == "*" else style, extra


def siblings(entry: dict[str, Any], superclass: str, picked: list[str], style: str, extra: list[str]) -> list[str]:
    """What shares the superclass and is not forgotten: the other subgroups, or the other styles of the target.

    With further targets none are named: the run itself then retains the siblings of them all.
    """
    if extra:
        return []
    names = entry["superclasses"].get(superclass, [])
    others = [f"{superclass}/{name}" for name in names if picked and name not in picked]
    if style == ANY:
        return others
    styles = [name for name in entry.get("styles") or [] if name != style]
    return others + [f"{superclass}/{name}/{kept}" for name in picked or ["*"] for kept in styles]


def every_target(entry: dict[str, Any]) -> list[str]:
    """All that could be retained: superclasses, their subgroups, and each of these in one style."""
    names = list(entry["superclasses"])
    pairs = [f"{name}/{subgroup}" for name in names for subgroup in entry["superclasses"][name]]
    styled = [f"{pair}/{style}" for pair in [*pairs, *(f"{n}/*" for n in names)] for style in entry.get("styles") or []]
    return [*names, *pairs, *styled]


def tiles(entry: dict[str, Any], superclass: str) -> list[dict[str, Any]]:
    """A tile for each subgroup: its name and the addresses of a few sample thumbnails."""
    samples, print_ = entry.get("samples", {}), entry.get("fingerprint", "")
    return [
        {
            "name": name,
            "images": [f"clipforget/images/{print_}/{i}?size=96" for i in samples.get(f"{superclass}/{name}", [])[:4]],
        }
        for name in entry["superclasses"].get(superclass, [])
    ]


def first_superclass(entry: dict[str, Any]) -> str:
    """The superclass with which the form opens: the first one with several subgroups."""
    names = list(entry["superclasses"])
    return next((name for name in names if len(entry["superclasses"][name]) > 1), names[0])


def first_pick(entry: dict[str, Any], superclass: str) -> list[str]:
    """The subgroup picked at first: biplane where there is one, else the first."""
    names = entry["superclasses"].get(superclass, [])
    if len(names) < 2:
        return []
    return ["biplane"] if "biplane" in names else names[:1]


def described(entry: dict[str, Any]) -> dict[str, Any]:
    """What the note under the data set says."""
    return {
        "data": {key: entry.get(key) for key in ("count", "skipped", "shifted_sets")}
        | {"superclasses": len(entry["superclasses"])}
    }
