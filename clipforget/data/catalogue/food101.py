"""Food-101 (Bossard et al., 2014): 101 dishes, 750 training and 250 test images each."""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.names import FOOD
from clipforget.data.published import Picture, files_of, label, lines_of, root_of


@published(
    "food101",
    title="Food-101",
    expects="images/<class>/*.jpg with meta/train.txt and meta/test.txt",
    folder="food-101",
    terms="Photographs from foodspotting.com, whose rights stay with their authors: for research, see "
    "https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/.",
    template=FOOD[0],
    size=4_996_278_331,
    download="Food101",
)
def food101(src: Path) -> list[Picture]:
    """List the images that the two lists of the authors name."""
    root = root_of(src, "meta/test.txt", "food-101", "food101")
    pictures = []
    for split in ("train", "test"):
        numbers: dict[str, list[str]] = {}
        for line in lines_of(root / "meta" / f"{split}.txt"):
            folder, _, number = line.partition("/")
            numbers.setdefault(folder, []).append(f"{number}.jpg")
        for folder, names in numbers.items():
            files = files_of(root, f"images/{folder}", names, f"meta/{split}.txt")
            pictures += [Picture(split, (label(folder),), file.name, file) for file in files]
    return pictures
