"""Evaluation sets from anywhere: unseen images with class names of their own, added to a data set.

    dataset = with_evaluation_sets(dataset, ["food=food-101.tar", "imagenet=imagenet/:airliner,warplane"], 500)

PATH is a folder or .tar of class folders, alone or below test/, val/ or train/; the first of these counts. Or it is a
published data set of the catalogue, `objectnet` or `objectnet:FOLDER`, of which the test images count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clipforget.data.catalogue import CatalogueEntry, find, open_records, read_pictures
from clipforget.data.dataset import RESERVED, SPLITS, Dataset, EvaluationSet, FileSource, Item, as_label
from clipforget.data.folder import judge_all
from clipforget.data.layout import SPLIT_NAMES, is_image, wrapper
from clipforget.data.names import CLASS_NAMES, KNOWN, TEMPLATES, named_set
from clipforget.data.published import PictureSource, item_of
from clipforget.data.sources import open_source, printable
from clipforget.data.splits import sample
from clipforget.errors import BadData, BadSetting, UnknownName

LAYOUT = "<class>/*.jpg"
EXAMPLE = "write NAME=PATH, e.g. food=food-101/, and after it, where you like, :CLASS,CLASS"
PREFERRED = ("test", "validation", "train")
COPY = "is a copy of a training image of the data set"


@dataclass(frozen=True)
class EvaluationPath:
    """Where an evaluation set lies, what it is called, and which of its classes are the target's; none: by name."""

    name: str
    path: str
    target: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> EvaluationPath:
        """Read `NAME=PATH` or `NAME=PATH:CLASS,CLASS`. Raises BadSetting."""
        written, equals, rest = text.partition("=")
        name = as_label(written)
        if not equals or not name or not rest.strip():
            raise BadSetting(f"'{printable(text[:80])}' is no evaluation set; {EXAMPLE}.")
        if "/" in name or ":" in name:
            raise BadSetting(f"An evaluation set cannot be called '{printable(name[:80])}'; leave out / and : there.")
        if name.lower() in (*SPLITS, "val", "valid", *RESERVED):
            raise BadSetting(f"An evaluation set cannot be called '{name}', as a split is; choose another name.")
        path, colon, classes = rest.strip().rpartition(":")
        lies_at = find(rest.strip())[1]
        if not colon or _exists(rest.strip()) or (lies_at and (_exists(lies_at) or "/" in classes)):
            return cls(name, rest.strip())
        return cls(name, path, tuple(filter(None, map(as_label, classes.split(",")))))


def read_paths(texts: Sequence[str]) -> list[EvaluationPath]:
    """Read several. Raises BadSetting for one that cannot be read, and for a name that stands twice."""
    paths = [EvaluationPath.read(text) for text in texts]
    names = [path.name for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise BadSetting(f"Two evaluation sets are called '{name}'; give each a name of its own.")
    return paths


def with_evaluation_sets(dataset: Dataset, texts: Sequence[str], most: int) -> Dataset:
    """Return the data set with these evaluation sets added, at most `most` images of each, chosen by a hash.

    Only these are read. What is a copy of a training image of the data set is left out; the note of the set counts it.
    Raises BadSetting as `read_paths` does, BadData where a set cannot be used, UnknownName for a class of the target.
    """
    sets, items = dict(dataset.evaluation), list(dataset.items)
    for path in read_paths(texts):
        if path.name in dataset.evaluation_sets:
            raise BadSetting(f"{dataset.name} has an evaluation set '{path.name}' already; choose another name.")
        sets[path.name], added = _load(path, dataset, most)
        items += added
    return replace(dataset, items=tuple(items), evaluation=sets)


def _load(path: EvaluationPath, dataset: Dataset, most: int) -> tuple[EvaluationSet, tuple[Item, ...]]:
    who = f"The evaluation set '{path.name}'"
    registered, where = find(path.path)
    source: FileSource
    templates: tuple[str, ...] = ()
    try:
        if registered and registered.published and not _exists(path.path):
            source, found, texts, templates = _published(registered, where, path.name)
        else:
            source, found, texts = _open(path)
    except BadData as error:
        hint = " A name holds no '='." if "=" in path.path else ""
        raise BadData(f"{who}: {error}{hint}") from error
    all_of_it = Dataset("", tuple(found), source, "")
    chosen = [found[index] for index in sample(all_of_it, range(len(found)), most)]
    verdicts = judge_all(source, [item.key for item in chosen])
    rows: list[tuple[Item, bytes]] = []
    left_out: dict[str, list[str]] = {}
    seen = set(dataset.trained)
    for item in chosen:
        reason, content = verdicts[item.key]
        if not reason and content in seen:
            reason = COPY if content in dataset.trained else "is there twice"
        if reason:
            left_out.setdefault(reason, []).append(item.key)
        else:
            seen.add(content)
            rows.append((item, content))
    if not rows:
        reason = max(left_out, key=lambda reason: len(left_out[reason]))
        raise BadData(f"{who} has no image to use: each {reason}, e.g. {printable(left_out[reason][0])}; give others.")
    note = _note(len(rows), len(found), left_out)
    classes = {item.superclass for item in found}
    entry, items = named_set(path.name, rows, classes, source, texts, path.target, note, templates)
    known = {item.superclass for item in items} | {item.subgroup for item in items if item.subgroup}
    for name in path.target:
        if name.casefold() not in {known_name.casefold() for known_name in known}:
            raise UnknownName(f"class of the evaluation set {path.name}", name, known)
    return entry, items


def _published(
    entry: CatalogueEntry, where: str, name: str
) -> tuple[PictureSource, list[Item], list[str], tuple[str, ...]]:
    """The test images of a published data set, and the captions of its authors or of CLIP's."""
    assert entry.published is not None
    pictures = {item_of(picture): picture for picture in read_pictures(entry, where) if picture.split == "test"}
    captions = entry.published.texts().get(TEMPLATES, "").split("\n")
    templates = tuple(filter(None, captions)) or KNOWN.get(entry.name) or (entry.published.template,)
    found = [replace(item, split=name) for item in pictures]
    return PictureSource({item.key: picture for item, picture in pictures.items()}), found, [], templates


def _open(path: EvaluationPath) -> tuple[FileSource, list[Item], list[str]]:
    """The images of a folder or .tar, and its texts."""
    source = open_records(path.path) or open_source(path.path, LAYOUT)
    base = _base(source)
    found = [item for key in source.files if key.startswith(base) and (item := _item(key, base, path.name))]
    if not found:
        where = printable(f"{path.path}/{base}" if base else path.path)
        raise BadData(f"it has no images in class folders at '{where}'; lay it out as {LAYOUT}.")
    return source, found, [key for folder in dict.fromkeys((_parent(base), base)) for key in _texts(source, folder)]


def _base(source: FileSource) -> str:
    """The folder in which the class folders lie, with its slash: that of a split where there is one."""
    prefix = wrapper(source.files)
    if any(is_image(key) and _depth(key, prefix) == 0 for key in source.files if key.startswith(prefix)):
        prefix = "".join(f"{folder}/" for folder in prefix.split("/")[:-2])  # the last is a class, the only one
    deep = {key[len(prefix) :].split("/")[0] for key in source.files if is_image(key) and _depth(key, prefix) >= 2}
    splits = {SPLIT_NAMES[top.lower()]: top for top in sorted(deep) if top.lower() in SPLIT_NAMES}
    for split in PREFERRED:
        if split in splits and (split != "train" or set(splits.values()) == deep):
            return f"{prefix}{splits[split]}/"
    return prefix


def _depth(key: str, prefix: str) -> int:
    """How many folders an image lies in, below a prefix."""
    return key[len(prefix) :].count("/")


def _item(key: str, base: str, name: str) -> Item | None:
    """An image of the set, None for what is none or lies in no class folder."""
    *folders, _ = key[len(base) :].split("/")
    labels = [as_label(folder) for folder in folders]
    usable = is_image(key) and 1 <= len(labels) <= 3 and all(labels)
    return Item(key, name, *labels) if usable else None


def _texts(source: FileSource, folder: str) -> list[str]:
    return [f"{folder}{file}" for file in (TEMPLATES, CLASS_NAMES) if f"{folder}{file}" in source.files]


def _parent(base: str) -> str:
    """The folder around a split; the base itself where it is none."""
    *above, last = base.rstrip("/").split("/")
    return "".join(f"{folder}/" for folder in above) if SPLIT_NAMES.get(last.lower()) in SPLITS else base


def _note(count: int, total: int, left_out: dict[str, list[str]]) -> str:
    """How many images are used, and why not all; empty where all are."""
    parts = [f"{count:,} of {total:,} images"] if count < total else []
    for reason, keys in left_out.items():
        parts.append(f"{len(keys):,} left out because each {reason}")
    return "; ".join(parts)


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False
