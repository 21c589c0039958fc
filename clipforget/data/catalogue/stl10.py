"""STL-10 (Coates et al., 2011): ten classes of 96 x 96 pixels in binary files.

Its two captions are those of CLIP's authors (https://github.com/openai/CLIP, data/prompts.md).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PIL import Image

from clipforget.data.catalogue import published
from clipforget.data.published import NotPublished, Picture, label, root_of
from clipforget.errors import BadData

SIDE = 96
BYTES = 3 * SIDE * SIDE  # of an image: red, green, blue, each column by column


@published(
    "stl10",
    title="STL-10",
    expects="stl10_binary/ with train_X.bin, train_y.bin, test_X.bin, test_y.bin and class_names.txt",
    folder="stl10_binary",
    terms="Pictures of ImageNet, on ImageNet's terms: research that is not commercial; from "
    "https://cs.stanford.edu/~acoates/stl10/.",
    size=2_640_397_119,
    download="STL10",
    texts=lambda: {"templates.txt": "a photo of a {}.\na photo of the {}.\n"},
)
def stl10(src: Path) -> list[Picture]:
    """List the labelled images; the folds and the unlabelled ones are not needed."""
    root = root_of(src, "test_X.bin", "stl10_binary")
    wanted = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt")
    if missing := [name for name in wanted if not (root / name).is_file()]:
        raise NotPublished(f"no {', '.join(missing)}")
    names = [label(line) for line in (root / "class_names.txt").read_text(encoding="utf-8").split()]
    pictures = []
    for split in ("train", "test"):
        file = root / f"{split}_X.bin"
        labels = (root / f"{split}_y.bin").read_bytes()  # 1 is the first class
        if (
            file.stat().st_size != BYTES * len(labels)
            or not labels
            or not 1 <= min(labels) <= max(labels) <= len(names)
        ):
            raise NotPublished(f"a {split}_X.bin that does not go with {split}_y.bin and class_names.txt")
        pictures += [
            Picture(split, (names[number - 1],), f"{index:05d}.png", file, partial(read_image, file, index))
            for index, number in enumerate(labels)
        ]
    return pictures


def read_image(file: Path, index: int) -> Image.Image:
    """Return one image of a binary file, RGB."""
    with file.open("rb") as stream:
        stream.seek(index * BYTES)
        data = stream.read(BYTES)
    if len(data) < BYTES:
        raise BadData(f"is missing: {file.name} was cut off")
    planes = [
        Image.frombytes("L", (SIDE, SIDE), data[start : start + BYTES // 3]) for start in range(0, BYTES, BYTES // 3)
    ]
    return Image.merge("RGB", planes).transpose(Image.Transpose.TRANSPOSE)
