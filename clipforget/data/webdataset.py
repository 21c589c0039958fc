"""WebDataset shards: .tar files in which `key.jpg` has its label beside it, in `key.cls`, `key.txt` or `key.json`.

One shard, a folder of them, or a pattern such as train-{0000..0009}.tar. A class that is a number is looked up in
classnames.txt beside the shards, as CLIP's benchmarks have it.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clipforget.data.layout import is_image
from clipforget.data.names import CLASS_NAMES
from clipforget.data.records import Record, RecordSource, class_names, labels_of, split_of
from clipforget.data.sources import TarSource, open_source, printable
from clipforget.errors import BadData
from clipforget.files import read_regular

LABELS = ("cls", "txt", "json")  # the parts of a sample that may say what it shows
MOST_SHARDS = 512  # each holds a file open
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}|\{([^{}]*,[^{}]*)\}")
Samples = dict[str, dict[str, str]]  # by key: which member is which part


def open_shards(at: Path) -> RecordSource | None:
    """Return the images of shards; None where the path is none of them. Raises BadData where they cannot be used."""
    shards = _shards(at)
    if not shards:
        return None
    if len(shards) > MOST_SHARDS:
        raise BadData(f"{printable(str(at))} has {len(shards):,} shards, more than {MOST_SHARDS}; give a part of them.")
    root = at if at.is_dir() else Path(BRACES.split(str(at))[0] + "x").parent  # the folder that is no part of a pattern
    opened = [(shard, source) for shard in shards if isinstance(source := open_source(shard), TarSource)]
    samples = {shard: _samples(source) for shard, source in opened}
    if not any(_is_labelled(parts) for keys in samples.values() for parts in keys.values()):
        return None
    names = _names(shards[0].parent)
    records = [record for shard, source in opened for record in _records(shard, root, source, samples[shard], names)]
    skipped = [(f"{shard.name}/{key}", why) for shard, source in opened for key, why in source.skipped]
    if not records:
        raise BadData(f"{printable(str(at))} has no sample with an image and a label ({', '.join(LABELS)}).")
    return RecordSource(records, skipped)


def expand(pattern: str) -> list[str]:
    """Return the texts that a pattern with {0000..0009} or {a,b} stands for."""
    match = BRACES.search(pattern)
    if match is None:
        return [pattern]
    if match[3] is None:
        low, high = sorted((int(match[1]), int(match[2])))
        words = [str(number).zfill(len(match[1])) for number in range(low, min(high, low + MOST_SHARDS) + 1)]
    else:
        words = match[3].split(",")
    return [text for word in words for text in expand(pattern[: match.start()] + word + pattern[match.end() :])]


def _shards(at: Path) -> list[Path]:
    """The shards at a path: itself, those of a folder or one below, or those of a pattern."""
    if at.is_file():
        return [at] if at.suffix == ".tar" else []
    if at.is_dir():
        return sorted(Path(name) for name in [*glob.glob(f"{glob.escape(str(at))}/*.tar"),
                                              *glob.glob(f"{glob.escape(str(at))}/*/*.tar")])  # fmt: skip
    return [found for text in expand(str(at)) if (found := Path(text)).is_file()] if BRACES.search(str(at)) else []


def _samples(source: TarSource) -> Samples:
    """The parts of each sample: a key goes to the first dot of a file's name."""
    samples: Samples = {}
    for member in source.files:
        folder, slash, file = member.rpartition("/")
        stem, _, part = file.partition(".")
        samples.setdefault(folder + slash + stem, {})[part.lower()] = member
    return samples


def _is_labelled(parts: dict[str, str]) -> bool:
    return any(part in parts for part in LABELS) and any(
        is_image(f".{part}") or is_image(f"x.{part}") for part in parts
    )


def _records(shard: Path, root: Path, source: TarSource, samples: Samples, names: list[str]) -> Iterator[Record]:
    split = split_of(str(shard.relative_to(root)))
    hint = f"{CLASS_NAMES} beside the shards"
    for key, parts in samples.items():
        image = next((part for part in parts if is_image(f"x.{part}")), None)
        if image is None or not _is_labelled(parts):
            continue
        fields = _fields(source, parts)
        labels = labels_of(fields, dict.fromkeys(fields, names), hint)
        if not labels:
            source.skipped.append((key, "has no label"))
            continue
        name = f"{shard.stem}-{key.replace('/', '-')}.{image}"
        yield Record(split, labels, name, source, parts[image], source.files[parts[image]])


def _fields(source: TarSource, parts: dict[str, str]) -> dict[str, Any]:
    """What the parts of a sample say: of .json its fields, of .cls or else .txt the whole text."""
    fields: dict[str, Any] = {}
    if "json" in parts:
        try:
            content = json.loads(source.read(parts["json"]))
            fields = content if isinstance(content, dict) else {"label": content}
        except ValueError:
            source.skipped.append((parts["json"], "is no JSON"))
    text = parts.get("cls") or parts.get("txt")
    return fields | ({"cls": source.read(text)} if text else {})


def _names(folder: Path) -> list[str]:
    """The names in classnames.txt beside the shards, or a folder above; none where there is none."""
    for at in (folder, folder.parent):
        if (at / CLASS_NAMES).is_file():
            return class_names(read_regular(at / CLASS_NAMES))
    return []
