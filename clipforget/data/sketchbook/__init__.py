"""The embedded image set "sketchbook": small pictures drawn entirely by this code, the same on every machine.

Eight superclasses of four subgroups each, in four drawing styles, with two shifted test sets. Seeds are split
by range so that no picture is ever in two splits (see SEED_RANGES).
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from random import Random

from PIL import Image

from clipforget.data.sketchbook.corruption import corrupt
from clipforget.data.sketchbook.scene import DRAWERS, compose_scene
from clipforget.data.sketchbook.styles import RENDER
from clipforget.files import atomic, made_folder

SUBGROUPS: dict[str, tuple[str, ...]] = {superclass: tuple(drawers) for superclass, drawers in DRAWERS.items()}
STYLES: tuple[str, ...] = tuple(RENDER)
SHIFTED_SETS: tuple[str, ...] = ("cluttered scenes", "rotated and noisy")

# First seed (inclusive) and last (exclusive) of every split and shifted set. The shipped tar uses the first few of
# each range; pretraining may draw any further train seeds.
SEED_RANGES: dict[str, tuple[int, int]] = {
    "train": (0, 1_000_000),
    "validation": (1_000_000, 2_000_000),
    "test": (2_000_000, 3_000_000),
    "cluttered scenes": (3_000_000, 4_000_000),
    "rotated and noisy": (4_000_000, 5_000_000),
}
# Pictures of each subgroup and style in the shipped tar.
COUNTS: dict[str, int] = {"train": 24, "validation": 8, "test": 12, "cluttered scenes": 4, "rotated and noisy": 4}


def draw(
    superclass: str, subgroup: str, style: str, seed: int, *, shifted_set: str | None = None, size: int = 96
) -> Image.Image:
    """Draw one picture, RGB, `size` x `size` pixels (16 to 512); equal arguments give equal pixels on any machine.

    Names are those of SUBGROUPS, STYLES and SHIFTED_SETS; shifted_set None is a plain picture. The two drawn styles
    without colour have equal channels. Raises ValueError for an unknown name, with those there are, or for the size.
    """
    _check_name("superclass", superclass, SUBGROUPS)
    _check_name(f"subgroup of {superclass}", subgroup, SUBGROUPS[superclass])
    _check_name("style", style, STYLES)
    if shifted_set is not None:
        _check_name("shifted set", shifted_set, SHIFTED_SETS)
    if not 16 <= size <= 512:
        raise ValueError(f"size must be 16..512 pixels, not {size}")
    rng = Random("|".join(("sketchbook", superclass, subgroup, style, str(int(seed)), shifted_set or "")))
    picture = RENDER[style](compose_scene(superclass, subgroup, rng, style, shifted_set), rng, size)
    return corrupt(picture, rng) if shifted_set == "rotated and noisy" else picture


def _check_name(kind: str, name: str, names: Collection[str]) -> None:
    if name not in names:
        raise ValueError(f"unknown {kind}: {name!r}; known are {', '.join(names)}")


def cells() -> Iterator[tuple[str, str, str]]:
    """Yield all (superclass, subgroup, style) triples, in a fixed order."""
    for superclass, subgroups in SUBGROUPS.items():
        for subgroup in subgroups:
            for style in STYLES:
                yield superclass, subgroup, style


def encode(picture: Image.Image) -> bytes:
    """Return the WebP bytes in which an RGB picture is shipped.

    A picture of few greys (ink) is kept without loss, which is smaller as well; others use quality 52, where at
    96 pixels no difference can be seen.
    """
    buffer = io.BytesIO()
    if picture.getcolors(8):
        picture.save(buffer, "WEBP", lossless=True, quality=80, method=4)
    else:
        picture.save(buffer, "WEBP", quality=52, method=6)
    return buffer.getvalue()


def members() -> list[tuple[str, tuple[str, str, str, int, str | None]]]:
    """Return (path in the tar, arguments of `draw`) of every picture of the shipped tar, sorted by path."""
    rows: list[tuple[str, tuple[str, str, str, int, str | None]]] = []
    for split, count in COUNTS.items():
        shifted_set = split if split in SHIFTED_SETS else None
        first = SEED_RANGES[split][0]
        for superclass, subgroup, style in cells():
            for i in range(count):
                name = f"sketchbook/{split}/{superclass}/{subgroup}/{style}/{i + 1:04d}.webp"
                rows.append((name, (superclass, subgroup, style, first + i, shifted_set)))
    return sorted(rows)


def build(path: str | os.PathLike[str], *, progress: Callable[[int, int], None] | None = None) -> int:
    """Draw the shipped set into an uncompressed tar, replaced only once complete, and return the number of pictures.

    Missing folders are made. progress(done, total) is called after every picture. Equal code and libraries give equal
    bytes. Raises FileProblem where the file cannot be written.
    """
    target = Path(path)
    rows = members()
    format = tarfile.USTAR_FORMAT
    with made_folder(target.parent), atomic(target) as draft, tarfile.open(draft, "w", format=format) as tar:
        for done, (name, (superclass, subgroup, style, seed, shifted_set)) in enumerate(rows, 1):
            data = encode(draw(superclass, subgroup, style, seed, shifted_set=shifted_set))
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), 0, 0o644
            tar.addfile(info, io.BytesIO(data))
            if progress:
                progress(done, len(rows))
    return len(rows)
