"""The Python pickles of CIFAR, read without running anything of them.

A pickle can run any code when it is read. Here it can call nothing: the few names of numpy that the batches use are
answered by stand-ins, any other is refused.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipforget.errors import BadData

SIDE = 32
VALUES = 3 * SIDE * SIDE  # of an image: red, green, blue, each row by row

Draw = Callable[[], Image.Image]


def read_pickle(file: Path) -> dict[str, Any]:
    """Return the content of a pickled dict, with texts for byte strings. Raises BadData for anything else."""
    try:
        with file.open("rb") as stream:
            return {_text(key): _text(value) for key, value in _Unpickler(stream, encoding="bytes").load().items()}
    except (OSError, BadData):
        raise
    except Exception as error:  # whatever a damaged pickle leads to
        raise BadData(f"{file} is no batch of CIFAR ({error}); unpack the archive again.") from error


def read_batch(file: Path, labels: str, classes: int) -> tuple[dict[str, Any], list[Draw]]:
    """Return the content of a batch, and for each image what draws it; images stay in the file, where they can.

    labels is the key of the numbers that say what each image shows, below `classes`.
    Raises BadData where it is damaged, no batch of CIFAR, or wants to call what no batch does.
    """
    content = read_pickle(file)
    try:
        numbers = content[labels] = [int(number) for number in content[labels]]
        _, shape, kind, by_column, raw = content["data"].state
        if kind.name not in ("u1", b"u1") or shape != (len(numbers), VALUES) or not set(numbers) <= set(range(classes)):
            raise ValueError(f"no labels and images of {classes} classes")
        values = np.frombuffer(raw, np.uint8).reshape(shape, order="F" if by_column else "C")
    except Exception as error:  # the same
        raise BadData(f"{file} is no batch of CIFAR ({error}); unpack the archive again.") from error
    start = -1 if by_column else file.read_bytes().find(raw)
    if start < 0:  # as Python 3 writes them into a pickle of Python 2
        return content, [partial(_image, row) for row in values]
    return content, [partial(_read_image, file, start + VALUES * index) for index in range(len(numbers))]


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(entry) for entry in value]
    return value.decode() if isinstance(value, bytes) else value


def _read_image(file: Path, start: int) -> Image.Image:
    with file.open("rb") as stream:
        stream.seek(start)
        data = stream.read(VALUES)
    if len(data) < VALUES:
        raise BadData(f"is missing: {file.name} was cut off")
    return _image(np.frombuffer(data, np.uint8))


def _image(values: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(values.reshape(3, SIDE, SIDE).transpose(1, 2, 0).copy())


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
                f"A batch wants to call {module}.{name}, which none of CIFAR does; nothing was run. Do not use this "
                "file, take the archive from its authors."
            )
        return STAND_INS[module, name]
