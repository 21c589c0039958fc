"""Which targets methods may be developed on, and which are only reported: a rule over names alone. Imports no torch.

    targets = pick("reported:10", RunConfig(), Resources())

A rule in code keeps the reported ones blind: nobody picks them, and none was looked at while anything was chosen. SALT
was searched over names alone, so that every target that had been developed on before the rule falls to development.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import TYPE_CHECKING

from clipforget.data.dataset import SPLITS, Dataset
from clipforget.data.splits import select
from clipforget.data.target import Target
from clipforget.errors import BadData, BadQuery
from clipforget.generators import finish
from clipforget.runs.config import RunConfig, images_of

if TYPE_CHECKING:
    from clipforget.runs.resources import Resources

SALT = "967"
KINDS = ("development", "reported")
FOUND = 0.3  # share of its images that the original has to find under the coarse name: else there is nothing to forget
PICKED_BY = ("model", "data", "device", "selections", "others", "levels", "gallery")  # fields that decide
IMAGES = 100  # at most so many are looked at, never of test


def _digest(target: str) -> bytes:
    return hashlib.sha256(f"{SALT}:{target}".encode()).digest()


def is_reported(target: str) -> bool:
    """Return whether a target, e.g. "airplane/biplane", is only reported: a third are, by the hash of the text."""
    return _digest(target)[0] % 3 == 0


def read_choice(text: str) -> tuple[str, int | None]:
    """Return kind and number of "reported:10" or "development". Raises BadQuery."""
    kind, colon, number = text.partition(":")
    if kind not in KINDS or (colon and (not number.isdecimal() or int(number) < 1)):
        raise BadQuery(f"'{text}' is no choice of targets; write development or reported, with a number: reported:10.")
    return kind, int(number) if colon else None


def candidates(dataset: Dataset, kind: str) -> list[str]:
    """Return the subgroups of one kind that have a sibling, in the order of their hashes."""
    pairs = {(item.superclass, item.subgroup) for item in dataset.items if item.subgroup}
    siblings = Counter(superclass for superclass, _ in pairs)
    targets = [str(Target(*pair)) for pair in pairs if siblings[pair[0]] > 1]
    return sorted((target for target in targets if is_reported(target) == (kind == "reported")), key=_digest)


def pick(text: str, config: RunConfig, resources: Resources) -> list[str]:
    """Return the targets of a choice such as "reported:10", of config's data set: all of them without a number.

    In the order of their hashes, at most one a superclass first, then a second one, and so on; only those that the
    original of config finds (FOUND). Raises BadQuery where there is none, and as `load_dataset` and `load_clip`.
    """
    kind, most = read_choice(text)
    dataset = resources.dataset(**images_of(config, evaluation=False))
    found = _finder(config, dataset, resources)
    picked = list(islice(_in_turns(candidates(dataset, kind), found), most))
    if not picked:
        raise BadQuery(f"{dataset.name} has no {kind} target that the model finds; name one with --forget.")
    return picked


def _in_turns(targets: list[str], found: Callable[[str], bool]) -> Iterator[str]:
    """Yield those found, the first of each superclass before the second of any."""
    taken: Counter[str] = Counter()
    for turn in count(1):
        if not targets:
            return
        left = []
        for target in targets:
            superclass = Target.read(target).superclass
            if taken[superclass] == turn:
                left.append(target)
            elif found(target):
                taken[superclass] += 1
                yield target
        targets = left


def _finder(config: RunConfig, dataset: Dataset, resources: Resources) -> Callable[[str], bool]:
    """Whether the original finds a target's images, none of test, and whether there are enough for a run."""
    import numpy as np

    from clipforget.evaluation.metrics import accuracy
    from clipforget.runs.loading import read_pixels

    clip, names = resources.clip(config.model, config.device), dataset.superclasses
    classifier = clip.class_embeddings(names, dataset.template).cpu().numpy()

    def found(text: str) -> bool:
        target = Target.read(text)
        items = enumerate(dataset.items)
        images = [i for i, item in items if item.split in SPLITS and item.split != "test" and target.matches(item)]
        try:
            select(dataset, (text,), gallery=config.gallery)
        except BadData:
            return False
        pixels = finish(read_pixels(dataset, images[:IMAGES], clip))
        features = clip.embed(pixels).numpy()
        labels = np.full(len(features), names.index(target.superclass))
        return accuracy(features, labels, classifier) >= FOUND

    return found
