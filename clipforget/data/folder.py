"""Any folder or .tar of images as a Dataset; validation is split off train by hash where there is none."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from collections import Counter
from pathlib import Path, PurePosixPath

from clipforget.data import SPLITS, Dataset, Item
from clipforget.data.images import decode
from clipforget.errors import BadData

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
VALIDATION_SHARE = 0.2  # of train, by hash of the key, where the data set brings no validation folder


class FolderSource:
    """Images in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def sizes(self) -> dict[str, int]:
        """Every visible file with its size in bytes."""
        found = (p for p in sorted(self.root.rglob("*")) if p.is_file())
        keys = {p.relative_to(self.root).as_posix(): p.stat().st_size for p in found}
        return {key: size for key, size in keys.items() if not any(part.startswith(".") for part in key.split("/"))}

    def read(self, key: str) -> bytes:
        return (self.root / key).read_bytes()


class TarSource:
    """Images in a .tar: the headers are read once, the bytes on demand."""

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.Lock()
        with tarfile.open(path) as archive:
            self._where = {m.name: (m.offset_data, m.size) for m in archive if m.isfile()}
        self._file = path.open("rb")

    def sizes(self) -> dict[str, int]:
        """Every visible member with its size in bytes."""
        return {k: n for k, (_, n) in sorted(self._where.items()) if not PurePosixPath(k).name.startswith(".")}

    def read(self, key: str) -> bytes:
        offset, size = self._where[key]
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)


def load_folder(path: str | Path, name: str | None = None, *, check: bool = True) -> Dataset:
    """Read a folder or an uncompressed .tar laid out as `split/superclass[/subgroup[/style]]/file`.

    A single folder around the splits is looked through. Files that are no readable image are listed in `skipped`
    with the reason (with check=False only by their suffix). Raises BadData where nothing usable is found.
    """
    path = Path(path).expanduser()
    source = _open(path)
    sizes = source.sizes()
    prefix = _common_folder(sizes)
    items, skipped, digest = [], [], hashlib.sha256()
    for key, size in sizes.items():
        item, reason = _item(key, key[len(prefix) :].split("/"))
        if item is not None and check:
            data = source.read(key)
            reason = _problem(data)
            digest.update(hashlib.sha256(data).digest())
        if item is None or reason:
            skipped.append((key, reason))
            continue
        digest.update(f"{key}\0{size}\0".encode())
        items.append(item)
    items = _split_validation(items)
    dataset = Dataset(name or path.stem, tuple(items), source, digest.hexdigest()[:16], tuple(skipped))
    _require(dataset, path)
    return dataset


def _open(path: Path) -> FolderSource | TarSource:
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise BadData(f"There is nothing at {path}; give a folder or a .tar of train|test/<superclass>/<subgroup>/*.jpg.")
    try:
        return TarSource(path)
    except tarfile.TarError as error:
        raise BadData(f"{path} is neither a folder nor a readable .tar ({error}).") from error


def _common_folder(keys: dict[str, int]) -> str:
    tops = {key.split("/")[0] for key in keys}
    return f"{tops.pop()}/" if len(tops) == 1 and not tops & set(SPLITS) else ""


def _item(key: str, parts: list[str]) -> tuple[Item | None, str]:
    if PurePosixPath(key).suffix.lower() not in SUFFIXES:
        return None, "is no image file"
    if not 3 <= len(parts) <= 5:
        return None, "does not lie in split/superclass[/subgroup[/style]]/"
    split, *levels, _ = parts
    split = {"val": "validation", "valid": "validation"}.get(split, split)
    return Item(key, split, *(level.replace("_", " ").strip() for level in levels)), ""


def _problem(data: bytes) -> str:
    try:
        decode(data)
    except BadData as error:
        return str(error)
    return ""


def _split_validation(items: list[Item]) -> list[Item]:
    """Move about a fifth of train to validation, by the hash of each key, unless the set has a validation split."""
    if any(item.split == "validation" for item in items):
        return items

    def moved(item: Item) -> Item:
        share = int.from_bytes(hashlib.sha256(item.key.encode()).digest()[:4], "big") / 2**32
        if item.split != "train" or share >= VALIDATION_SHARE:
            return item
        return Item(item.key, "validation", item.superclass, item.subgroup, item.style)

    return [moved(item) for item in items]


def _require(dataset: Dataset, path: Path) -> None:
    counts = Counter(item.split for item in dataset.items)
    missing = [split for split in ("train", "test") if not counts[split]]
    if missing:
        raise BadData(
            f"{path} has no images under {' or '.join(missing)}/; lay it out as train|test/<superclass>/<subgroup>/*.jpg."
        )
    if len(dataset.superclasses) < 2:
        raise BadData(f"{path} has a single superclass; zero-shot classification needs at least two.")
