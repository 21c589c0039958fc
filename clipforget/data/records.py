"""Images that lie together with records of what they show: in shards, tables, or folders with a list beside them.

A record names its image, and its labels in fields such as label, or superclass and subgroup. From there on the images
are read as from folders, see `load_folder`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clipforget.data.dataset import Source, as_label
from clipforget.data.layout import SPLIT_NAMES
from clipforget.data.published import label, test_share
from clipforget.errors import BadData

# Fields that may hold labels, coarse to fine; of these rows the first counts whose fields are all there.
FIELDS = (
    ("superclass", "subgroup"), ("coarse_label", "fine_label"), ("superclass",), ("label",), ("labels",), ("class",),
    ("class_name",), ("category",), ("cls",),
)  # fmt: skip
WRITE = "write the names of the classes there, one a line, the first for 0"


@dataclass(frozen=True, slots=True)
class Record:
    """An image with its split ("" where none is known), superclass and perhaps subgroup, and where its bytes lie."""

    split: str
    labels: tuple[str, ...]
    name: str
    source: Source
    key: str
    size: int


class RecordSource:
    """Images as if they lay in folders, `split/superclass[/subgroup]/name`; each is read from where it lies.

    Where records are not both of train and of test, a fifth of each class is the test, that of the lowest hash of the
    names, and `divided` is False; validation is the test where there is no other.
    """

    def __init__(self, records: Iterable[Record], skipped: Sequence[tuple[str, str]] = ()) -> None:
        self.skipped = list(skipped)
        self.files: dict[str, int] = {}
        self._where: dict[str, tuple[Source, str]] = {}
        groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
        for record in records:
            groups[record.labels].append(record)
        splits = {record.split for group in groups.values() for record in group}
        named = {"validation": "test"} if "test" not in splits else {}
        self.divided = divided = {"train", "test"} <= {named.get(split, split) for split in splits}
        for labels, group in groups.items():
            tests = set() if divided else test_share([record.name for record in group])
            for record in group:
                split = named.get(record.split, record.split)
                if not divided:
                    split = "test" if record.name in tests else "train"
                elif not split:
                    self.skipped.append((record.name, "belongs to neither train nor test, as others do"))
                    continue
                key = "/".join((split, *labels, record.name))
                self.files[key] = record.size
                self._where[key] = (record.source, record.key)

    def read(self, key: str) -> bytes:
        """Return the bytes of an image. Raises as the source it lies in."""
        source, inner = self._where[key]
        return source.read(inner)


def labels_of(record: Mapping[str, Any], names: Mapping[str, Sequence[str]], hint: str) -> tuple[str, ...]:
    """Return the labels in a record, none where it has none; a number is looked up in the names of its field.

    Numbers below 0 are those of Hugging Face for images without a label. Raises BadData where nothing says what a
    number stands for; hint says where that may be written.
    """
    fields = next((row for row in FIELDS if all(record.get(field) not in (None, "") for field in row)), ())
    labels = []
    for field in fields:
        value = record[field]
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        if re.fullmatch(r"-?\d+", text.strip()):
            number, known = int(text), names.get(field, ())
            if number < 0:
                return ()
            if number >= len(known):
                why = f"has no name for it, only {len(known):,}" if known else "says nothing of it"
                raise BadData(f"A class is the number {number}, and {hint} {why}; {WRITE}.")
            text = known[number]
        labels.append(as_label(label(text)))
    return tuple(labels) if all(labels) else ()


def split_of(path: str) -> str:
    """Return the split that a word of a path names (train, val, ...), "" where none does."""
    words = re.split(r"[^a-z]+", path.lower())
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "")


def class_names(lines: bytes) -> list[str]:
    """Return the names of a classnames.txt, by their number: one a line, or `number = name`."""
    rows = [line.strip() for line in lines.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    return [re.sub(r"^\d+\s*[=:]\s*", "", row) for row in rows]
