"""Any folder or archive of images as a Dataset; what it does not divide into train and test is divided by a hash."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from clipforget.data.dataset import LEVELS, SPLITS, Dataset, EvaluationSet, FileSource, Item, as_label
from clipforget.data.images import check
from clipforget.data.layout import NO_IMAGE, SPLIT_NAMES, Found, arrange, join_spellings, settle_splits
from clipforget.data.names import CLASS_NAMES, MAPPINGS, TEMPLATES, in_words, named_set, read_mapping
from clipforget.data.sound import add_sound, load_sound
from clipforget.data.sources import LARGEST_FILE, LAYOUT, open_source, printable
from clipforget.data.watching import watched
from clipforget.errors import BadData

T = TypeVar("T")
SHARE = 0.2  # of the images of each subgroup, for validation and for the test where the data set does not divide them
FEWEST = 2  # train images a superclass needs, one of them for validation
LARGE = 2**16  # bytes; files from here on are checked in threads, once, which smaller ones are not worth
THREADS = 4  # at most so many, each holds one decoded image


def load_folder(
    path: str | Path,
    name: str | None = None,
    *,
    trusted: bool = False,
    levels: tuple[str, ...] = LEVELS,
    source: FileSource | None = None,
) -> Dataset:
    """Read a folder or an archive of images, laid out as `split/superclass[/subgroup[/style]]/file` or less than that.

    Splits are understood as `layout` says; what the data set does not divide is divided by a hash of each image. Images
    that lie flat are one superclass, called as their folder. Folders around the splits, each alone in its own, are
    looked through. Every file that cannot be used is listed in `skipped` with the reason: no image, broken, too small,
    a copy of another one, a class without enough train images. Folders named by codes (n02691156-airplane,
    001.airplane, n02691156 beside LOC_synset_mapping.txt) get their words. Splits, validation and fingerprint depend on
    names below the splits and on content alone, so that a folder and its .tar are the same data set. `trusted` spares
    decoding every image once, for files that are known to be sound; `levels` says what the folders mean;
    `source` has its files where they are to be had otherwise.
    A further folder beside train is an evaluation set: of the same names where all its classes have train images and it
    brings no templates.txt or classnames.txt, else with names of its own.
    Raises BadData where nothing usable is left.
    """
    source = source or open_source(path)
    name = name or name_of(path)
    found, prefix, layout = arrange(source.files, as_label(name) or "images", levels)
    found, names = _in_words(found, source, prefix)
    found, notes = join_spellings(found)
    found, division = settle_splits(found)
    own, texts = _own_names(found, prefix)
    read, skipped = _read_all(source, {key: row for key, row in found.items() if key not in texts}, own, trusted)
    divided = divide([row for row in read if row[0].split not in own])
    items, lonely = drop_small_classes(divided)
    names += [] if levels == LEVELS else [f"levels={','.join(levels)}\0"]
    digest = hashlib.sha256("".join(names).encode())
    for item, content in items:
        digest.update(f"{item.split}\0{item.key[len(prefix) :]}\0".encode() + content)
    lost = {name: [(k, why) for k, why in skipped if (i := found[k][0]) and i.split == name] for name in own}
    sets, unnamed = _evaluation_sets(lost, read, source, texts)
    dataset = Dataset(
        name,
        (*(item for item, _ in items), *(item for _, added in sets for item in added)),
        source,
        digest.hexdigest()[:16],
        tuple(sorted((printable(key), reason) for key, reason in [*source.skipped, *skipped, *lonely, *unnamed])),
        evaluation={entry.name: entry for entry, _ in sets},
        trained=frozenset(content for item, content in divided if item.split in ("train", "validation")),
        layout=replace(layout, split=division, notes=notes),
    )
    _require(dataset, printable(str(path)), [*source.skipped, *skipped] or lonely)
    return dataset


def name_of(path: str | Path) -> str:
    """Return what a folder or an archive is called, without what its suffixes say."""
    full = Path(path).expanduser().resolve()
    return printable(full.name if full.is_dir() else full.stem.removesuffix(".tar"))


Read = list[tuple[Item, bytes]]  # items with the SHA-256 of their bytes
Skipped = list[tuple[str, str]]


def _in_words(found: Found, source: FileSource, prefix: str) -> tuple[Found, list[str]]:
    """The same with words for codes among superclasses and subgroups, and what became what, less the files that say so.

    Such a file lies at the top, or in a folder around the splits.
    """
    places = {key: key.rpartition("/") for key in found}
    mappings = [key for key, (place, _, file) in places.items() if file in MAPPINGS and prefix.startswith(place)]
    words: dict[str, str] = {}
    for key in mappings:
        words |= read_mapping(source.read(key))
    items = [item for item, _ in found.values() if item is not None]
    tops = in_words({item.superclass for item in items}, words)
    subs = in_words({item.subgroup for item in items if item.subgroup}, words)
    renamed = {
        key: (item and replace(item, superclass=tops.get(item.superclass, item.superclass),
                               subgroup=subs.get(item.subgroup, item.subgroup)), reason)
        for key, (item, reason) in found.items() if key not in mappings
    }  # fmt: skip
    return renamed, [f"{code}={word}\0" for code, word in sorted((tops | subs).items())]


def _own_names(found: Found, prefix: str) -> tuple[list[str], dict[str, str]]:
    """The sets that go by names of their own, sorted, and the files beside their folders: key to name of the set."""
    classes = defaultdict(set)
    for item, _ in found.values():
        if item is not None:
            classes[item.split].add(item.superclass)
    texts = {}
    for key in found:
        top, _, file = key[len(prefix) :].partition("/")
        if file in (TEMPLATES, CLASS_NAMES) and as_label(top) in classes and top.lower() not in SPLIT_NAMES:
            texts[key] = as_label(top)
    trained = classes["train"] | classes[""]
    own = {name for name in classes if name not in (*SPLITS, "") and not classes[name] <= trained}
    return sorted(own | set(texts.values())), texts


def _evaluation_sets(
    own: Mapping[str, Skipped], read: Read, source: FileSource, texts: Mapping[str, str]
) -> tuple[list[tuple[EvaluationSet, tuple[Item, ...]]], Skipped]:
    """Each set of its own names with its items; the images of one that cannot be used are left out.

    own says what is left out of each already.
    """
    sets, skipped = [], []
    for name, lost in own.items():
        note = f"{count_files(len(lost))} left out: {_most_common(lost)}" if lost else ""
        rows = [row for row in read if row[0].split == name]
        files = [key for key in texts if texts[key] == name]
        try:
            if rows:
                sets.append(named_set(name, rows, {i.superclass for i, _ in rows}, source, files, note=note))
        except BadData as error:
            if files:  # which somebody wrote, and wants to be used
                raise
            skipped += [(item.key, f"lies in a set that cannot be used: {error}") for item, _ in rows]
    return sets, skipped


def _read_all(source: FileSource, found: Found, last: Sequence[str], trusted: bool) -> tuple[Read, Skipped]:
    """Every usable image, once: of several copies the first in order of split (test before train) and name stays.

    The splits in `last` come after train. A copy of a test image may lie in one: test images of other sets often do.
    """
    items: Read = []
    skipped: Skipped = []
    first: dict[tuple[str, bytes], Item] = {}
    order = {"test": 0, "validation": 1, "train": 3, **dict.fromkeys(last, 4)}  # other evaluation sets between them
    verdicts = judge_all(source, [key for key, (item, _) in found.items() if item], trusted)
    rows = sorted(found.items(), key=lambda row: order.get(row[1][0].split, 2) if row[1][0] else 0)
    for key, (item, reason) in rows:
        content = b""
        if item is not None:
            reason, content = verdicts[key]
            own, seen = item.split in last, first.get(("", content))
            twin = first.setdefault((item.split if own else "", content), item)
            if own and seen is not None and seen.split != "test":
                twin = seen
            if not reason and twin is not item:
                reason = f"is a copy of {printable(twin.key)}"
        if item is None or reason:
            skipped.append((key, reason))
        else:
            items.append((item, content))
    return sorted(items, key=lambda row: row[0].key), skipped


def judge_all(source: FileSource, keys: Sequence[str], trusted: bool = False) -> dict[str, tuple[str, bytes]]:
    """Return what is wrong with each file (empty if nothing) and the SHA-256 of its bytes."""
    large = [] if trusted else [key for key in keys if source.files[key] >= LARGE]
    sound = load_sound() if large else set()
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, THREADS))
    try:
        with warnings.catch_warnings():  # check silences them, and threads would put them back in any order
            waiting = {key: pool.submit(_judge, source, key, trusted, sound) for key in large}
            rest = (key for key in keys if key not in waiting)
            small = {key: _judge(source, key, trusted, sound) for key in _counted(rest, 0, len(keys))}
            counted = _counted(waiting.items(), len(small), len(keys))
            judged = {key: verdict.result() for key, verdict in counted}
    finally:
        pool.shutdown(cancel_futures=True)
    add_sound({digest for reason, digest in judged.values() if not reason} - sound)
    return small | judged


def _counted(rows: Iterable[T], start: int, total: int) -> Iterator[T]:
    """Yield the same and tell who watches."""
    for done, row in enumerate(rows, start + 1):
        yield row
        watched("Reading", done, total)


def _judge(source: FileSource, key: str, trusted: bool, sound: set[bytes]) -> tuple[str, bytes]:
    if source.files[key] > LARGEST_FILE:
        return f"is larger than {LARGEST_FILE >> 20} MiB", b""
    try:
        data = source.read(key)
        digest = hashlib.sha256(data).digest()
        if not trusted and digest not in sound:
            check(data)
    except BadData as error:
        return str(error), b""
    return "", digest


def divide(items: Read) -> Read:
    """Divide what has no split into train, validation and test, and what has no validation into train and validation.

    A share each of every subgroup and style, those of the lowest hash; of groups too small for that one of what is
    above them. A data set with validation images keeps them.
    """
    kept = [row for row in items if row[0].split]
    if not any(item.split == "validation" for item, _ in kept):
        kept = _split_off(kept, "train", "train", ("validation",))
    return sorted(kept + _split_off([row for row in items if not row[0].split], "", "train", ("test", "validation")),
                  key=lambda row: row[0].key)  # fmt: skip


def _split_off(items: Read, source: str, rest: str, splits: Sequence[str]) -> Read:
    """The same with a share of the images of a split in each of `splits`, and what is left in `rest`."""
    groups: dict[tuple[str, ...], list[tuple[bytes, str]]] = defaultdict(list)
    sizes = Counter(key for item, _ in items if item.split == source for key in _groups_of(item))
    fewest = len(splits) + 1
    for item, content in items:
        if item.split == source:
            fitting = (key for key in _groups_of(item) if sizes[key] >= fewest)
            groups[next(fitting, (item.superclass,))].append((content, item.key))
    moved = {}
    for group in groups.values():
        count = max(round(len(group) * SHARE), 1)
        for number, (_, key) in enumerate(sorted(group)[: min(count * len(splits), len(group) - 1)]):
            moved[key] = splits[number % len(splits)]
    return [
        (replace(item, split=moved.get(item.key, rest)) if item.split == source else item, content)
        for item, content in items
    ]


def _groups_of(item: Item) -> tuple[tuple[str, ...], ...]:
    """The groups that an image lies in, fine to coarse."""
    return (item.superclass, item.subgroup, item.style), (item.superclass, item.subgroup), (item.superclass,)


def drop_small_classes(items: Read) -> tuple[Read, Skipped]:
    """Leave out the superclasses that cannot be learned or judged: too few train images or no test image."""
    counts = Counter((item.superclass, item.split) for item, _ in items)
    reasons = {}
    for superclass in {item.superclass for item, _ in items}:
        train = counts[superclass, "train"] + counts[superclass, "validation"]
        if train < FEWEST:
            reasons[superclass] = f"belongs to '{superclass}', which has fewer than {FEWEST} train images"
        elif not counts[superclass, "test"]:
            reasons[superclass] = f"belongs to '{superclass}', which has no test image"
    kept = [row for row in items if row[0].superclass not in reasons]
    return kept, [(item.key, reasons[item.superclass]) for item, _ in items if item.superclass in reasons]


def _require(dataset: Dataset, path: str, skipped: Skipped) -> None:
    """Raise BadData with the cause, not with what follows from it, where too little is left to work with."""
    missing = [split for split in ("train", "test") if not dataset.of(split)]
    if missing:
        where = "" if len(missing) == 2 else f" under {missing[0]}/"
        why = f" ({count_files(len(dataset.skipped))} skipped: {_most_common(skipped)})" if dataset.skipped else ""
        raise BadData(f"{path} has no usable images{where}{why}; give a folder of pictures, or lay it out as {LAYOUT}.")


def count_files(count: int) -> str:
    """Return "1 file", "2 files"."""
    return f"{count:,} file{'s' * (count != 1)}"


def _most_common(skipped: Sequence[tuple[str, str]]) -> str:
    """The most frequent reason, with an example; that a file is no image is one only where there is no other."""
    rows = [row for row in skipped if row[1] != NO_IMAGE] or skipped
    kinds = Counter(reason.split(" of ")[0] for _, reason in rows)  # "is a copy of x" and "... of y" are alike
    kind = kinds.most_common(1)[0][0]
    key, reason = next(row for row in sorted(rows) if row[1].split(" of ")[0] == kind)
    return f"{printable(key)} {reason}" if len(rows) == 1 else f"most often one {reason}, as {printable(key)}"
