"""Which images a run trains on, and which it is evaluated on. Needs neither torch nor pixels.

Words: the role of an image is "forget" where it matches a forget target, "siblings" where it shares a target's
superclass without matching, else "others". Choices depend on the data set alone, never on the seed, so that runs of
different seeds and methods are evaluated on the same images.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clipforget.data.dataset import Dataset, Item
from clipforget.data.target import Target
from clipforget.errors import BadData, BadQuery

ROLES = ("forget", "siblings", "others")
FEWEST = 4  # images that a group or a set of more keeps, and of which one steers
FEWEST_OF_TARGET = 8  # images that are to be forgotten, in all
FEWEST_TRAIN = 2  # of these, and of those to retain
TRAIN = {"forget": 400, "retain": 800, "others": 800}  # at most so many training images
STEER = {"forget": 200, "retain": 200, "others": 200}  # at most so many steer images
STEER_SHARE = 0.2  # of the train images of each subgroup and style that has FEWEST
CALIBRATE = {"forget": 400, "siblings": 300, "others": 400}  # at most so many calibrate images, a role each
GALLERY = 2000  # at most so many test images
EVALUATION = 500  # at most so many images of each evaluation set


@dataclass(frozen=True)
class Splits:
    """The images of a run as indices into dataset.items, N evaluated images in all.

    `train` maps forget, retain and others to indices, and so does `steer`: train images that are not trained on, by
    which a method decides when to stop and how to weigh. `evaluated`, `parts` and `roles` go together, one entry for
    each evaluated image; parts is calibrate (alpha is chosen on it), test (the gallery) or the name of an evaluation
    set, in contiguous blocks in that order.
    """

    forget: tuple[Target, ...]
    retain: tuple[Target, ...]
    train: dict[str, tuple[int, ...]]
    steer: dict[str, tuple[int, ...]]
    evaluated: tuple[int, ...]
    parts: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def images(self) -> tuple[int, ...]:
        """Every image of the run once: the evaluated ones, in their order, then those trained on, then steer."""
        trained = (i for groups in (self.train, self.steer) for name in TRAIN for i in groups[name])
        return tuple(dict.fromkeys((*self.evaluated, *trained)))

    def calibrate_only(self) -> Splits:
        """Return the same without the test images and evaluation sets; calibrate is first."""
        count = self.parts.count("calibrate")
        blocks = {name: getattr(self, name)[:count] for name in ("evaluated", "parts", "roles")}
        return replace(self, **blocks)

    def ranks(self) -> list[int]:
        """Return for each of `images` what it is used for: 0 test, evaluation sets, 1 calibrate, 2 steer, 3 train."""
        trained = {i for indices in self.train.values() for i in indices}
        judged = [int(part == "calibrate") for part in self.parts]
        return judged + [3 if i in trained else 2 for i in self.images[len(judged) :]]

    def without(self, indices: Collection[int]) -> Splits:
        """Return the same without some train, steer and calibrate images; a set that would lose too many keeps all."""
        gone = set(indices)

        def rest(group: Collection[int], fewest: int = FEWEST) -> tuple[int, ...]:
            left = tuple(i for i in group if i not in gone)
            return left if len(left) >= min(fewest, len(group)) else tuple(group)

        calibrate = {role: [self.evaluated[p] for p in self.positions("calibrate", role)] for role in ROLES}
        dropped = {i for group in calibrate.values() for i in group} - {i for g in calibrate.values() for i in rest(g)}
        kept = [p for p, i in enumerate(self.evaluated) if i not in dropped]
        blocks: dict[str, Any] = {
            name: tuple(getattr(self, name)[p] for p in kept) for name in ("evaluated", "parts", "roles")
        }
        train = {name: rest(group) for name, group in self.train.items()}
        steer = {name: rest(group, 1) for name, group in self.steer.items()}
        return replace(self, train=train, steer=steer, **blocks)

    def positions(self, part: str, role: str | None = None) -> list[int]:
        """Return the positions in `evaluated` of a part, or of a role within it."""
        return [i for i, name in enumerate(self.parts) if name == part and role in (None, self.roles[i])]


def role_of(item: Item, forget: Sequence[Target]) -> str:
    """Return the role of an image: forget, siblings or others."""
    if any(target.matches(item) for target in forget):
        return "forget"
    return "siblings" if any(target.covers(item.superclass) for target in forget) else "others"


def roles_of(dataset: Dataset, forget: Sequence[Target]) -> list[str]:
    """Return the role of every image. In a set with names of its own there is the target, and all else is others."""
    names = [target.name for target in forget if target.name != "*"]
    roles = []
    for item in dataset.items:
        own = dataset.evaluation.get(item.split)
        roles.append(role_of(item, forget) if own is None else "forget" if own.is_target(item, names) else "others")
    return roles


def read_targets(
    dataset: Dataset, forget_texts: Sequence[str], retain_texts: Sequence[str] = ()
) -> tuple[tuple[Target, ...], tuple[Target, ...]]:
    """Return the forget and retain targets of a run, checked.

    Raises UnknownName for a name the data set does not have, BadQuery where nothing is to be forgotten, where forget
    and retain overlap, or where nothing would be left; BadData for a data set of one superclass.
    """
    if not forget_texts:
        raise BadQuery("Nothing to forget is chosen; name at least one superclass or subgroup.")
    forget = tuple(dict.fromkeys(Target.parse(text, dataset) for text in forget_texts))
    retain = tuple(dict.fromkeys(Target.parse(text, dataset) for text in retain_texts))
    for target in retain:
        if any(target.matches(item) and role_of(item, forget) == "forget" for item in dataset.native):
            raise BadQuery(f"'{target}' is both to be forgotten and to be retained; take it off one of the two lists.")
    if len(dataset.superclasses) < 2:
        raise BadData(
            f"{dataset.name} has the single superclass '{dataset.superclasses[0]}', which needs others to be told "
            "apart from; name a second data set for them, e.g. --others sketchbook."
        )
    if all(role_of(item, forget) == "forget" for item in dataset.native):
        raise BadQuery("The targets cover the whole data set, so nothing is left to retain; forget less of it.")
    return forget, retain


def select(
    dataset: Dataset,
    forget: Sequence[str],
    retain: Sequence[str] = (),
    gallery: int = GALLERY,
    evaluation: int = EVALUATION,
) -> Splits:
    """Choose the images of a run: at most `gallery` test images, at most `evaluation` of each evaluation set.

    Raises as `read_targets`, and BadData where a set has too few images.
    """
    forget_targets, retain_targets = read_targets(dataset, forget, retain)
    roles = roles_of(dataset, forget_targets)
    retained = _retained(dataset, roles, retain_targets)
    train, steer = _train_and_steer(dataset, roles, retained)
    blocks = {"calibrate": _calibrate(dataset, roles, retained), "test": _gallery(dataset, roles, gallery)}
    for name in dataset.evaluation_sets:
        blocks[name] = sample(dataset, [i for i, item in enumerate(dataset.items) if item.split == name], evaluation)
    parts, evaluated = [], []
    for part, indices in blocks.items():
        evaluated += indices
        parts += [part] * len(indices)
    splits = Splits(
        forget=forget_targets,
        retain=retain_targets,
        train=train,
        steer=steer,
        evaluated=tuple(evaluated),
        parts=tuple(parts),
        roles=tuple(roles[i] for i in evaluated),
    )
    _check(splits, len(retained.intersection(blocks["calibrate"])))
    return splits


def _retained(dataset: Dataset, roles: list[str], retain: tuple[Target, ...]) -> set[int]:
    """The images to retain: what the user names, else the siblings, else (a whole class is forgotten) all others."""
    if retain:
        return {i for i, item in enumerate(dataset.items) if any(target.matches(item) for target in retain)}
    retained = "siblings" if "siblings" in roles else "others"
    return {i for i, role in enumerate(roles) if role == retained}


def _train_and_steer(
    dataset: Dataset, roles: list[str], retained: set[int]
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """What is trained on, and what steers the training: both map forget, retain and others to indices."""
    train = [i for i, item in enumerate(dataset.items) if item.split == "train"]
    retain = [i for i in train if i in retained]
    groups = {
        "forget": [i for i in train if roles[i] == "forget"],
        "retain": retain,
        "others": [i for i in train if roles[i] == "others"] or retain,
    }
    held = _held_for_steer(dataset, train)
    for indices in groups.values():  # of many tiny subgroups one image each role, so that no method steers blindly
        if len(indices) >= FEWEST and held.isdisjoint(indices):
            held.add(min(indices, key=lambda i: _hash(dataset.items[i].key)))
    trained = {name: sample(dataset, set(indices) - held, TRAIN[name]) for name, indices in groups.items()}
    steers = {name: sample(dataset, held.intersection(indices), STEER[name]) for name, indices in groups.items()}
    return {name: tuple(v) for name, v in trained.items()}, {name: tuple(v) for name, v in steers.items()}


def _held_for_steer(dataset: Dataset, train: list[int]) -> set[int]:
    """A fifth of the train images of each subgroup and style that has FEWEST, at least one, those of lowest hash."""
    return {
        i
        for group in _grouped(dataset, train)
        if len(group) >= FEWEST
        for i in group[: max(round(len(group) * STEER_SHARE), 1)]
    }


def _calibrate(dataset: Dataset, roles: list[str], retained: set[int]) -> list[int]:
    """The images of the data set's validation split, bounded."""
    split = [i for i, item in enumerate(dataset.items) if item.split == "validation"]
    groups = [sample(dataset, [i for i in split if roles[i] == role], CALIBRATE[role]) for role in ROLES]
    groups.append(sample(dataset, [i for i in split if i in retained], CALIBRATE["siblings"]))
    return sorted({i for group in groups for i in group})


def _gallery(dataset: Dataset, roles: list[str], size: int) -> list[int]:
    """At most `size` test images: the target's first (up to half), then siblings (up to half of the rest), then others.

    Room that a role leaves is given to the others; where they leave some, siblings and target take it.
    """
    test = [i for i, item in enumerate(dataset.items) if item.split == "test"]
    groups = {role: [i for i in test if roles[i] == role] for role in ROLES}
    forget = min(len(groups["forget"]), max(FEWEST, size // 2))
    siblings = min(len(groups["siblings"]), (size - forget) // 2 if groups["others"] else size - forget)
    others = min(len(groups["others"]), size - forget - siblings)
    siblings = min(len(groups["siblings"]), size - forget - others)
    forget = min(len(groups["forget"]), max(forget, size - siblings - others))
    sizes = {"forget": forget, "siblings": siblings, "others": others}
    return sorted(i for role in ROLES for i in sample(dataset, groups[role], sizes[role]))


def sample(dataset: Dataset, indices: Iterable[int], size: int) -> list[int]:
    """Return at most `size` of the indices, evenly over superclass, subgroup and style, the same every time; sorted."""
    indices = list(indices)
    if len(indices) <= size:
        return sorted(indices)
    ranked = [
        (rank, _hash(dataset.items[i].key), i) for group in _grouped(dataset, indices) for rank, i in enumerate(group)
    ]
    return sorted(i for _, _, i in sorted(ranked)[:size])


def _grouped(dataset: Dataset, indices: Iterable[int]) -> list[list[int]]:
    """The indices by superclass, subgroup and style, each group in the order of hashes."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for i in indices:
        item = dataset.items[i]
        groups[item.superclass, item.subgroup, item.style].append(i)
    return [sorted(group, key=lambda i: _hash(dataset.items[i].key)) for group in groups.values()]


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:8]


def _check(splits: Splits, calibrate_retain: int) -> None:
    targets = ", ".join(str(target) for target in splits.forget)
    train = {name: len(splits.train[name]) + len(splits.steer[name]) for name in ("forget", "retain")}
    calibrate, test = (len(splits.positions(part, "forget")) for part in ("calibrate", "test"))
    total = train["forget"] + calibrate + test
    if total < FEWEST_OF_TARGET or not (train["forget"] >= FEWEST_TRAIN and calibrate and test):
        raise BadData(
            f"'{targets}' has {total} images: {train['forget']} train, {calibrate} validation, {test} test. At least "
            f"{FEWEST_OF_TARGET} are needed, {FEWEST_TRAIN}, 1 and 1 of these: add images, or choose a larger target."
        )
    if train["retain"] < FEWEST_TRAIN or not calibrate_retain:
        raise BadData(
            f"Only {train['retain']} train and {calibrate_retain} validation images are to be retained beside "
            f"'{targets}', at least {FEWEST_TRAIN} and 1 are needed: add images, or retain more with --retain."
        )
