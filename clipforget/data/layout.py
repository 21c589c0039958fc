"""What the folders of a data set mean: splits, levels of names, or nothing at all.

`split/superclass/subgroup/style/file` is the full layout. Splits may be called as people call them, or be absent; lower
levels may be absent, and all of them where the images lie flat. `levels` names the folders below the splits otherwise.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from clipforget.data.dataset import LEVELS, RESERVED, SPLITS, Dataset, Item, Layout, as_label
from clipforget.data.images import suffixes
from clipforget.errors import BadSetting

SPLIT_NAMES = {name: name for name in SPLITS} | {
    "training": "train", "testing": "test", "val": "validation", "valid": "validation", "dev": "validation",
    "eval": "validation",
}  # fmt: skip
NO_IMAGE = "is no image file by its suffix; rename or convert it if it is one"
IGNORED = "-"  # a level that means nothing
PLAIN = {"images", "image", "imgs", "img", "pictures", "photos", "data", "jpegimages"}  # folders that name no class
READINGS = {1: ("superclass", "subgroup"), 2: ("superclass,subgroup", "superclass,style")}  # by how many there are
GIVEN = "The folders say what is train, validation and test."
NO_VALIDATION = "There are no validation images: a fifth of each class's train images is set aside to choose alpha."
VALIDATION_AS_TEST = (
    "There are no test images: the validation images are the test, and a fifth of each class's train images is set "
    "aside to choose alpha."
)
NO_TEST = "Train and test are not told apart{}: of each class 60% train, 20% choose alpha and 20% test, by a hash."

Found = dict[str, tuple[Item | None, str]]  # every file by its key, or why it is none of the data set


def read_levels(text: str) -> tuple[str, ...]:
    """Return the levels that a text such as "superclass,style" names, all three for an empty one. Raises BadSetting."""
    levels = tuple(word.strip().lower() for word in text.split(",")) if text.strip() else LEVELS
    named = [level for level in levels if level != IGNORED]
    if not named or len(set(named)) < len(named) or not set(named) <= set(LEVELS):
        raise BadSetting(
            f"Levels name the folders from the outside in: each of {', '.join(LEVELS)} once, {IGNORED} for one that "
            f"means nothing, e.g. superclass,style; they are '{text[:80]}'."
        )
    return levels


def describe_layout(dataset: Dataset) -> tuple[str, ...]:
    """Say in sentences how the folders of a data set were understood; none for one that was never read from folders."""
    layout, names = dataset.layout, dataset.superclasses
    if not layout.split:
        return layout.notes
    meanings = [level for level in layout.levels if level != IGNORED]
    read = f"Folders are read as {', then '.join(meanings)}." if meanings else "The images lie in no class folders."
    alone = f"There is one class, {names[0]}: choose a second data set as others, to tell it apart from."
    named = "It is called as its folder: rename that to say what the pictures show."
    flat = "superclass" not in layout.levels
    single = [alone, *([named] if flat else [])] if len(names) == 1 else []
    return read, layout.split, *single, *layout.notes


def arrange(keys: Iterable[str], name: str, levels: tuple[str, ...] = LEVELS) -> tuple[Found, str, Layout]:
    """Return what every file is by the folders it lies in, the folders around the splits, and how they were understood.

    name is the superclass where no folder gives one. Images whose split is "" are yet to be divided.
    """
    keys = list(keys)
    images = [key for key in keys if is_image(key)]
    prefix = "" if _mostly_outside(images) else wrapper(keys)
    inner = {key: key[len(prefix) :].split("/")[:-1] for key in images if key.startswith(prefix)}
    tops = {folders[0] for folders in inner.values() if folders}
    splits = [SPLIT_NAMES.get(top.lower()) for top in tops]
    divided = "train" in splits or (bool(splits) and all(splits))
    split_of = {key: folders[0] if divided and folders else "" for key, folders in inner.items()}
    below = {key: folders[1:] if divided else folders for key, folders in inner.items()}
    below = _without_plain(_without_doubled(below, split_of))
    known = [below[key] for key, split in split_of.items() if not split or split.lower() in SPLIT_NAMES]
    flat = 2 * sum(not folders for folders in known) > len(known)
    lone = prefix.rstrip("/").rpartition("/")[2]
    if lone and not divided and lone.lower() not in PLAIN:
        name = as_label(lone)
    found: Found = {}
    for key in keys:
        if not is_image(key):
            found[key] = None, NO_IMAGE
        elif key not in inner or (divided and not inner[key]):
            found[key] = None, "lies beside the folders of the data set"
        else:
            found[key] = _item(key, split_of[key], below[key], levels, name, flat)
    return found, prefix, _understood(found, levels, flat)


def _item(
    key: str, split: str, folders: list[str], levels: tuple[str, ...], name: str, flat: bool
) -> tuple[Item | None, str]:
    names = [as_label(folder) for folder in folders]
    if flat == bool(names):
        return None, "lies in a folder, most images in none" if flat else "lies in no class folder"
    if len(names) > len(levels):
        return None, f"lies deeper than {'/'.join(levels)}"
    label = as_label(split)
    if (split and label.lower() in ("", *RESERVED)) or any(label in ("", "*") for label in names):
        return None, "lies in a folder whose name is no usable label"
    named = {level: label for level, label in zip(levels, names, strict=False) if level != IGNORED}
    return Item(key, SPLIT_NAMES.get(label.lower(), label), **{"superclass": name, **named}), ""


def _understood(found: Found, levels: tuple[str, ...], flat: bool) -> Layout:
    """The levels that are there, and other ways to read them."""
    items = [item for item, _ in found.values() if item is not None and item.split in (*SPLITS, "")]
    if flat or not items:
        return Layout()
    here = levels[: max(len(_folders(item, levels)) for item in items)]
    parents: dict[str, set[str]] = defaultdict(set)
    for item in items:
        parents[item.subgroup].add(item.superclass)
    plain = here == LEVELS[:2] and all(len(above) == 1 for name, above in parents.items() if name)
    options = [text for text in READINGS.get(len(here), ()) if text != ",".join(here) and not plain]
    return Layout(here, tuple(options))


def _folders(item: Item, levels: tuple[str, ...]) -> list[str]:
    return [level for level in levels if level == IGNORED or getattr(item, level)]


def settle_splits(found: Found) -> tuple[Found, str]:
    """Return the same with the splits that a run needs, and how these came about in one sentence.

    Where there is no test, validation takes its place; where that is missing too, all is marked by "", to be divided.
    """
    classes: dict[str, set[str]] = defaultdict(set)
    for item, _ in found.values():
        if item is not None:
            classes[item.split].add(item.superclass)
    train, test, validation = (classes[split] for split in ("train", "test", "validation"))
    if classes[""]:
        return found, NO_TEST.format("")
    if train & test:
        return found, GIVEN if train & validation else NO_VALIDATION
    if train & validation:
        return _moved(found, {"validation": "test"}), VALIDATION_AS_TEST
    unlike = [f"'{name}'" for name in sorted((test | validation) - train)[:3]] if train else []
    why = f" (no class of the test folder is one of train: {', '.join(unlike)})" if unlike else ""
    return _moved(found, {"train": ""} if train else dict.fromkeys(SPLITS, "")), NO_TEST.format(why)


def _moved(found: Found, splits: Mapping[str, str]) -> Found:
    return {
        key: (item and replace(item, split=splits.get(item.split, item.split)), why)
        for key, (item, why) in found.items()
    }


def join_spellings(found: Found) -> tuple[Found, tuple[str, ...]]:
    """Return the same with names that differ in capitals alone made one, the commonest, and a sentence about each.

    Names that differ by a number or "copy" at their end stay apart; there is a sentence about these too.
    """
    notes: list[str] = []
    for level in LEVELS:
        counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for item, _ in found.values():
            if item is not None and (label := getattr(item, level)):
                above = item.superclass if level == "subgroup" else ""
                counts[above][label.casefold(), label] += item.split in ("train", "")
        renamed: dict[tuple[str, str], str] = {}
        for above, labels in counts.items():
            spellings = defaultdict(list)
            for (folded, label), _ in sorted(labels.items(), key=lambda row: (-row[1], row[0])):
                spellings[folded].append(label)
            renamed |= {(above, label): same[0] for same in spellings.values() for label in same[1:]}
            notes += [f"The folders {_quoted(sorted(same))} are read as one {level}, '{same[0]}'."
                      for same in spellings.values() if len(same) > 1]  # fmt: skip
            copies = [(folded, _without_count(folded)) for folded in spellings]
            notes += [
                f"'{spellings[copy][0]}' may be a copy of '{spellings[base][0]}'; if so, join the folders."
                for copy, base in copies if base in spellings and base != copy
            ]  # fmt: skip
        if renamed:
            found = {key: (item and _renamed(item, level, renamed), reason) for key, (item, reason) in found.items()}
    return found, tuple(notes)


def _renamed(item: Item, level: str, names: Mapping[tuple[str, str], str]) -> Item:
    label = getattr(item, level)
    above = item.superclass if level == "subgroup" else ""
    return replace(item, **{level: names[above, label]}) if (above, label) in names else item


def _without_count(label: str) -> str:
    """A label less what copying adds to it: "cat 1", "cat (2)", "cat copy" are "cat"."""
    words = label.split()
    last = words[-1].strip("()") if len(words) > 1 else ""
    return " ".join(words[:-1]) if (last.isdecimal() and len(last) == 1) or last == "copy" else label


def _quoted(names: Iterable[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


def wrapper(keys: Iterable[str]) -> str:
    """Return the folders around the splits, each alone in the one above it, with their slashes, or nothing."""
    prefix = ""
    folders = [key.split("/")[:-1] for key in keys if "/" in key and is_image(key)]
    for level in zip(*folders, strict=False):  # as deep as the shallowest image
        if len(set(level)) > 1 or level[0].lower() in SPLIT_NAMES:
            break
        prefix += f"{level[0]}/"
    return prefix


def is_image(key: str) -> bool:
    """Return True for the name of an image file, by its suffix."""
    return os.path.splitext(key)[1].lower() in suffixes()


def _mostly_outside(images: Collection[str]) -> bool:
    return 2 * sum("/" not in key for key in images) > len(images)


def _without_doubled(below: dict[str, list[str]], split_of: Mapping[str, str]) -> dict[str, list[str]]:
    """The folders without a second split folder alone in the first, as in train/train/cat."""
    seconds = defaultdict(set)
    for key, folders in below.items():
        seconds[split_of[key]].add(folders[0] if folders else "")
    doubled = {
        split for split, names in seconds.items()
        if split and len(names) == 1 and SPLIT_NAMES.get(min(names).lower(), "") == SPLIT_NAMES.get(split.lower())
    }  # fmt: skip
    return {key: folders[1:] if split_of[key] in doubled else folders for key, folders in below.items()}


def _without_plain(below: dict[str, list[str]]) -> dict[str, list[str]]:
    """The folders without the last where it is called images or the like for every image."""
    if all(folders and folders[-1].lower() in PLAIN for folders in below.values()):
        return {key: folders[:-1] for key, folders in below.items()}
    return below
