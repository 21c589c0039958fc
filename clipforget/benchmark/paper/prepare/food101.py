"""Food-101 (Bossard et al., 2014): 101 dishes, 750 training and 250 test images each."""

from __future__ import annotations

from pathlib import Path

from clipforget.benchmark.paper.prepare import Picture, images_in, label, root_of, source, wrong_source


@source("food101", title="Food-101", expects="images/<class>/*.jpg with meta/train.txt and meta/test.txt")
def food101(src: Path) -> list[Picture]:
    """List the images that the two lists of the authors name."""
    root = root_of("food101", src, "meta/test.txt", "food-101", "food101")
    there: dict[str, set[str]] = {}
    pictures = []
    for split in ("train", "test"):
        file = root / "meta" / f"{split}.txt"
        if not file.is_file():
            raise wrong_source("food101", src, f"no meta/{split}.txt")
        for line in file.read_text(encoding="utf-8").splitlines():
            folder, _, number = line.strip().partition("/")
            if folder not in there:
                there[folder] = {path.name for path in images_in(root / "images" / folder)}
            if f"{number}.jpg" not in there[folder]:
                raise wrong_source("food101", src, f"no images/{line.strip()}.jpg, which meta/{split}.txt names")
            pictures.append(
                Picture(split, (label(folder),), f"{number}.jpg", root / "images" / folder / f"{number}.jpg")
            )
    return pictures
