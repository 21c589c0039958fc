"""Folders and .tar files of small pictures, for the tests of data sets."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipforget.data.dataset import Dataset

CLASSES = {"bird": ("owl", "parrot"), "ship": ("sailboat", "submarine")}
counter = iter(range(10**9))


def picture(format: str = "PNG") -> bytes:
    """A picture that no other file holds."""
    noise = np.random.default_rng(next(counter)).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format)
    return buffer.getvalue()


def put(root: Path, key: str, data: bytes | None = None) -> Path:
    file = root / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(picture() if data is None else data)
    return file


@pytest.fixture
def folder(tmp_path):
    """train and test, two superclasses of two subgroups, ten and three pictures each."""
    root = tmp_path / "set"
    for superclass, subgroups in CLASSES.items():
        for subgroup in subgroups:
            for split, count in (("train", 10), ("test", 3)):
                for i in range(count):
                    put(root, f"{split}/{superclass}/{subgroup}/{i}.png")
    return root


def pack(root: Path, path: Path, prefix: str = "") -> Path:
    with tarfile.open(path, "w") as archive:
        archive.add(root, prefix or ".")
    return path


def reasons(dataset: Dataset) -> dict[str, str]:
    return dict(dataset.skipped)
