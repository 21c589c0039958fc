"""Small fakes of the paper's data sets in the layouts in which they are published."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pictures import picture, put
from PIL import Image

from clipforget.benchmark.paper.prepare.living17 import LIVING17

SHARED = "mappings/objectnet_to_imagenet_1k.json"
WNIDS = [wnid for subgroups in LIVING17.values() for wnid in subgroups.values()]
rng = np.random.default_rng(0)


def imagenet(src: Path, more: Sequence[str] = (), train: int = 2, val: int = 1) -> Path:
    """So many images of each of LIVING-17's wnids, and of more."""
    for wnid in [*WNIDS, *more]:
        for i in range(train):
            put(src, f"train/{wnid}/{wnid}_{i}.JPEG", picture("JPEG"))
        for i in range(val):
            put(src, f"val/{wnid}/ILSVRC2012_val_{wnid}{f'_{i}' if i else ''}.JPEG", picture("JPEG"))
    put(src, "train/n01440764/notes.txt", b"not an image")
    return src


def batch(labels: Sequence[int]) -> tuple[np.ndarray, bytes]:
    """Images x 3072 and the pickle of a batch with them."""
    data = rng.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    content = {b"batch_label": b"of 5", b"labels": [*labels], b"data": data, b"filenames": [b"x.png"] * len(labels)}
    return data, pickle.dumps(content, protocol=2)


def cifar(src: Path, each: int = 1) -> Path:
    """So many images of each class in each of the six batches."""
    for number in range(1, 6):
        put(src, f"cifar-10-batches-py/data_batch_{number}", batch([*range(10)] * each)[1])
    put(src, "cifar-10-batches-py/test_batch", batch([*range(10)] * each)[1])
    put(src, "cifar-10-batches-py/batches.meta", b"not read")
    return src


def stl(src: Path) -> tuple[Path, np.ndarray]:
    """Folder and test images (N x row x column x 3) of a fake with three classes."""
    put(src, "stl10_binary/class_names.txt", b"airplane\nbird\ncar\n")
    images = np.empty(0)
    for split, count in (("train", 6), ("test", 3)):
        images = rng.integers(0, 256, (count, 96, 96, 3), dtype=np.uint8)
        put(src, f"stl10_binary/{split}_X.bin", images.transpose(0, 3, 2, 1).tobytes())
        put(src, f"stl10_binary/{split}_y.bin", bytes([1, 2, 3] * (count // 3)))
    return src, images


def food(src: Path) -> Path:
    """Two dishes, three training and two test images each."""
    for split, numbers in (("train", range(3)), ("test", range(3, 5))):
        names = [f"{dish}/{number}" for dish in ("apple_pie", "baby_back_ribs") for number in numbers]
        put(src, f"food-101/meta/{split}.txt", "\n".join(names).encode())
        for name in names:
            put(src, f"food-101/images/{name}.jpg", picture("JPEG"))
    return src


def objectnet(src: Path) -> Path:
    """Three objects with an image each; two are classes of ImageNet."""
    folders = {"air_freshener": "Air freshener", "banana": "Banana", "coffee_french_press": "Coffee/French press"}
    put(src, "mappings/folder_to_objectnet_label.json", json.dumps(folders).encode())
    put(src, SHARED, json.dumps({"Banana": "banana", "Coffee/French press": "espresso maker"}).encode())
    for folder in folders:
        put(src, f"images/{folder}/a.png", bordered((20, 15)))
    return src


def bordered(size: tuple[int, int]) -> bytes:
    """A picture of this size with ObjectNet's red border around it."""
    image = Image.open(io.BytesIO(picture())).resize(size)
    whole = Image.new("RGB", (size[0] + 4, size[1] + 4), "red")
    whole.paste(image, (2, 2))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()
