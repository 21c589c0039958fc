"""Hugging Face data sets in .parquet files: a column of images, with their bytes, and columns of labels.

Read by pyarrow, which is an extra. Numbers have the names that the data set's features give them.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipforget.data.names import CLASS_NAMES
from clipforget.data.records import FIELDS, Record, RecordSource, class_names, labels_of, split_of
from clipforget.data.sources import printable
from clipforget.errors import BadData
from clipforget.files import read_regular

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

GROUPS = 2**28  # bytes of images that a file's reader keeps: what is read by class jumps between groups of rows


def open_parquet(at: Path) -> RecordSource | None:
    """Return the images of .parquet files; None where the path has none. Raises BadData where they cannot be used."""
    files = [at] if at.is_file() and at.suffix == ".parquet" else []
    if at.is_dir():
        files = sorted([*at.glob("*.parquet"), *at.glob("*/*.parquet")])
    if not files:
        return None
    root = at if at.is_dir() else at.parent
    names = class_names(read_regular(root / CLASS_NAMES)) if (root / CLASS_NAMES).is_file() else []
    skipped: list[tuple[str, str]] = []
    records = [record for file in files for record in _records(file, str(file.relative_to(root)), names, skipped)]
    return RecordSource(records, skipped)


class ParquetImages:
    """The images of one file, by their row; groups of rows are read as they are needed and kept for a while."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._kept: OrderedDict[int, list[Any]] = OrderedDict()
        self._lock = threading.Lock()
        try:
            import pyarrow.parquet
        except ImportError as error:
            text = f"{file.name} needs pyarrow: pip install 'clipforget[datasets]', or pip install pyarrow."
            raise BadData(text) from error
        try:
            self.table: ParquetFile = pyarrow.parquet.ParquetFile(file)
        except (OSError, pyarrow.ArrowException) as error:
            raise BadData(f"{printable(str(file))} is no whole .parquet file; copy it again.") from error
        self.column = self._image_column()

    def read(self, key: str) -> bytes:
        """Return the bytes of the image of a row, `group/row`. Raises BadData where it has none."""
        group, row = map(int, key.split("/"))
        with self._lock:
            if group not in self._kept:
                self._kept[group] = self._images(group)
                while len(self._kept) > 1 and sum(map(self._bytes, self._kept)) > GROUPS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(group)
            value = self._kept[group][row]
        data = value.get("bytes") if isinstance(value, dict) else value
        if not data:
            raise BadData("has no bytes in the table, only a path")
        return bytes(data)

    def rows(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield group, row, and the fields that may hold labels."""
        columns = [name for name in self.table.schema_arrow.names if any(name in row for row in FIELDS)]
        for group in range(self.table.num_row_groups):
            rows = self.table.metadata.row_group(group).num_rows
            fields = self.table.read_row_group(group, columns=columns).to_pylist() if columns else [{}] * rows
            yield from ((group, row, record) for row, record in enumerate(fields))

    def size(self, group: int) -> int:
        """Return the bytes of an image of a group, about."""
        return self._bytes(group) // max(int(self.table.metadata.row_group(group).num_rows), 1)

    @cached_property
    def features(self) -> dict[str, list[str]]:
        """The names of the classes of each column that has such, as Hugging Face writes them into the file."""
        text = (self.table.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
        features = json.loads(text).get("info", {}).get("features", {})
        return {name: feature["names"] for name, feature in features.items() if feature.get("names")}

    def _bytes(self, group: int) -> int:
        return int(self.table.metadata.row_group(group).total_byte_size)

    def _images(self, group: int) -> list[Any]:
        return list(self.table.read_row_group(group, columns=[self.column]).column(0).to_pylist())

    def _image_column(self) -> str:
        """The column that holds images: a struct with bytes, or bytes."""
        import pyarrow

        for field in self.table.schema_arrow:
            kind = field.type
            inner = (
                kind.field("bytes").type
                if pyarrow.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
                else kind
            )
            if pyarrow.types.is_binary(inner) or pyarrow.types.is_large_binary(inner):
                return str(field.name)
        raise BadData(f"{printable(str(self.file))} has no column of images with their bytes.")


def _records(file: Path, name: str, names: Sequence[str], skipped: list[tuple[str, str]]) -> Iterator[Record]:
    images, split = ParquetImages(file), split_of(name)
    for group, row, fields in images.rows():
        known = {field: images.features.get(field, names) for field in fields}
        labels = labels_of(fields, known, f"{CLASS_NAMES} beside the file")
        if not labels and fields:
            skipped.append((f"{name}, row {row} of group {group}", "has no label"))
            continue
        if not labels:
            wanted = ", ".join(dict.fromkeys(field for row in FIELDS for field in row))
            raise BadData(f"{printable(str(file))} has no column of labels; call it one of {wanted}.")
        yield Record(
            split, labels, f"{file.stem}-{group:05d}-{row:05d}.png", images, f"{group}/{row}", images.size(group)
        )
