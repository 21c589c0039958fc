"""CIFAR-10 (Krizhevsky, 2009): ten classes of 32 x 32 pixels, as Python pickles or as folders of PNG files.

A pickle can run any code when it is read. Here it can call nothing: the few names of numpy that the batches use are
answered by stand-ins, any other is refused.
"""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipforget.benchmark.paper._cifar import NAMES
from clipforget.benchmark.paper.prepare import Picture, images_in, some, source, wrong_source
from clipforget.errors import BadData

SIDE = 32
BATCHES = {**{f"data_batch_{number}": "train" for number in range(1, 6)}, "test_batch": "test"}


@source("cifar10", title="CIFAR-10", expects="cifar-10-batches-py/ with data_batch_1 to data_batch_5 and test_batch "
        "(the Python version), or train|test/<class>/*.png of its ten classes")  # fmt: skip
def cifar10(src: Path) -> list[Picture]:
    """List the images of the pickles, or of the folders."""
    for root in (src, src / "cifar-10-batches-py"):
        if any((root / name).is_file() for name in BATCHES):
            return _from_batches(src, root)
    for root in (src, src / "cifar10", src / "cifar-10"):
        if any((root / split / NAMES[0]).is_dir() for split in ("train", "test")):
            return _from_folders(src, root)
    raise wrong_source("cifar10", src)


def _from_batches(src: Path, root: Path) -> list[Picture]:
    if missing := [name for name in BATCHES if not (root / name).is_file()]:
        raise wrong_source("cifar10", src, f"no {some(missing)}")
    pictures = []
    for name, split in BATCHES.items():
        labels, images = read_batch(root / name)
        pictures += [
            Picture(split, (NAMES[number],), f"{name}-{index:05d}.png", root / name, partial(_image, images[index]))
            for index, number in enumerate(labels)
        ]
    return pictures


def _image(values: NDArray[np.uint8]) -> Image.Image:
    """An image from its 3072 values: red, green, blue, each row by row."""
    return Image.fromarray(values.reshape(3, SIDE, SIDE).transpose(1, 2, 0).copy())


def _from_folders(src: Path, root: Path) -> list[Picture]:
    files = {(split, name): images_in(root / split / name) for split in ("train", "test") for name in NAMES}
    if missing := [f"{split}/{name}" for (split, name), paths in files.items() if not paths]:
        raise wrong_source("cifar10", src, f"no images in {some(missing)}")
    return [Picture(split, (name,), file.name, file) for (split, name), paths in files.items() for file in paths]


def read_batch(file: Path) -> tuple[list[int], NDArray[np.uint8]]:
    """Return labels (0 to 9) and values (images x 3072) of a pickled batch, without running anything of it.

    Raises BadData where it is damaged, no batch of CIFAR-10, or wants to call what no batch does.
    """
    try:
        with file.open("rb") as stream:
            content = _Unpickler(stream, encoding="bytes").load()
        content = {key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()}
        labels = [int(number) for number in content["labels"]]
        _, shape, kind, by_column, raw = content["data"].state
        if (
            kind.name not in ("u1", b"u1")
            or shape != (len(labels), 3 * SIDE * SIDE)
            or not set(labels) <= set(range(10))
        ):
            raise ValueError("no labels and images of ten classes")
        return labels, np.frombuffer(raw, np.uint8).reshape(shape, order="F" if by_column else "C")
    except (OSError, BadData):
        raise
    except Exception as error:  # whatever a damaged pickle leads to
        raise BadData(f"{file} is no batch of CIFAR-10 ({error}); unpack the archive again.") from error


class _Array:
    """Stands for a numpy array: keeps what a pickle says of it."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Kind:
    """Stands for a numpy dtype: keeps its name."""

    def __init__(self, name: object, *_: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        pass


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _encode(text: str, *_: object) -> bytes:
    return text.encode("latin-1")  # how Python 3 writes bytes into a pickle of Python 2


STAND_INS = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    """Knows the stand-ins and nothing else."""

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in STAND_INS:
            raise BadData(
                f"A batch wants to call {module}.{name}, which none of CIFAR-10 does; nothing was run. Do not use this "
                "file, take the archive from its authors."
            )
        return STAND_INS[module, name]
