"""Pictures for pretraining: drawn by seed, shrunk as the model will see them, kept on disk if a folder is given."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from clipforget.data import sketchbook
from clipforget.errors import BadSetting, UnknownName
from clipforget.files import atomic
from clipforget.models.pretrain.settings import PretrainSettings

CELLS = tuple(sketchbook.cells())  # (superclass, subgroup, style), the order of every array of images


def left_out(settings: PretrainSettings) -> tuple[str, str] | None:
    """Return superclass and subgroup of the images that training leaves out, None where it uses all.

    Raises UnknownName for what is no subgroup, BadSetting where a word is to be left out and no images are.
    """
    if not settings.without:
        if settings.without_word:
            raise BadSetting("--without-word needs a subgroup to leave out; name it with --without.")
        return None
    subgroups = {f"{superclass}/{subgroup}": (superclass, subgroup) for superclass, subgroup, _ in CELLS}
    if settings.without not in subgroups:
        raise UnknownName("subgroup to leave out", settings.without, subgroups)
    return subgroups[settings.without]


def draw_round(split: str, number: int, size: int, cache: str = "") -> np.ndarray:
    """Draw picture `number` (from 0) of every cell of a split or shifted set: len(CELLS) x size x size x 3, uint8.

    Images that a model is evaluated on pass through the file format of the shipped set, as its users' files did.
    """
    path = Path(cache) / f"{code_version()}-{split.replace(' ', '-')}-{number:05d}-{size}.npy" if cache else None
    if path and path.is_file():
        stored: np.ndarray = np.load(path)
        return stored
    shifted_set = split if split in sketchbook.SHIFTED_SETS else None
    seed = sketchbook.SEED_RANGES[split][0] + number
    pictures = (sketchbook.draw(*cell, seed, shifted_set=shifted_set) for cell in CELLS)
    if split != "train":
        pictures = (_as_shipped(picture) for picture in pictures)
    drawn = np.stack([np.asarray(p.resize((size, size), Image.Resampling.BICUBIC)) for p in pictures])
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as draft:
            np.save(draft, drawn)
    return drawn


def draw_rounds(split: str, count: int, size: int, cache: str, processes: int) -> Iterator[np.ndarray]:
    """Draw the rounds 0 .. count-1 in order, by several processes where that is asked for."""
    draw: Callable[[int], np.ndarray] = partial(_draw_number, split, size, cache)
    if processes == 1 or count == 1:
        yield from map(draw, range(count))
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(draw, range(count))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def code_version() -> str:
    """Hash the drawing code: pictures kept on disk are of no use to another version of it."""
    folder = Path(sketchbook.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _draw_number(split: str, size: int, cache: str, number: int) -> np.ndarray:
    return draw_round(split, number, size, cache)


def _as_shipped(picture: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(sketchbook.encode(picture))).convert("RGB")
