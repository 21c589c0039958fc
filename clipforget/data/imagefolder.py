"""Hugging Face's imagefolder: images with a metadata.csv or metadata.jsonl beside them that says what each shows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clipforget.data.dataset import FileSource
from clipforget.data.names import CLASS_NAMES
from clipforget.data.records import Record, RecordSource, class_names, labels_of, split_of
from clipforget.data.sources import open_source, printable
from clipforget.errors import BadData

LISTS = ("metadata.csv", "metadata.jsonl")
FILE = ("file_name", "image_file_name")  # the field with the path of the image, from the list's own folder


def open_imagefolder(at: Path) -> RecordSource | None:
    """Return the images that lists beside them label; None where there is no list with labels. Raises BadData."""
    if not at.is_dir() or not (any(at.glob("metadata.*")) or any(at.glob("*/metadata.*"))):
        return None
    source = open_source(at)
    lists = [key for key in source.files if key.rpartition("/")[2] in LISTS]
    names = class_names(source.read(CLASS_NAMES)) if CLASS_NAMES in source.files else []
    records = [record for key in lists for record in _records(source, key, names)]
    return RecordSource(records, source.skipped) if records else None


def _records(source: FileSource, listing: str, names: list[str]) -> Iterator[Record]:
    folder = listing.rpartition("/")[0]
    for fields in _rows(source.read(listing), listing):
        file = next((str(fields[name]) for name in FILE if fields.get(name)), "")
        key = f"{folder}/{file}".lstrip("/")
        labels = labels_of(fields, dict.fromkeys(fields, names), f"{CLASS_NAMES} at the top")
        if not labels:
            continue
        if key not in source.files:
            raise BadData(f"{printable(listing)} names {printable(file or 'no file_name')}, which is not there.")
        split = split_of(str(fields.get("split") or folder))
        yield Record(split, labels, file.replace("/", "-"), source, key, source.files[key])


def _rows(data: bytes, listing: str) -> list[dict[str, Any]]:
    text = data.decode("utf-8-sig", "replace")
    if listing.endswith(".csv"):
        return list(csv.DictReader(io.StringIO(text)))
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise BadData(f"{printable(listing)} is no list of JSON objects, one a line: {error}.") from error
    return [row for row in rows if isinstance(row, dict)]
