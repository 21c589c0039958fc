"""CIFAR-10 (Krizhevsky, 2009): ten classes of 32 x 32 pixels, as Python pickles or as folders of PNG files."""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.pickles import read_batch
from clipforget.data.published import NotPublished, Picture, images_in, listed, some

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {**{f"data_batch_{number}": "train" for number in range(1, 6)}, "test_batch": "test"}


@published(
    "cifar10",
    title="CIFAR-10",
    expects="cifar-10-batches-py/ with data_batch_1 to data_batch_5 and test_batch (the Python version), or "
    "train|test/<class>/*.png of its ten classes",
    folder="cifar-10-batches-py",
    terms="From https://www.cs.toronto.edu/~kriz/cifar.html; its authors name no licence and ask to be cited.",
    size=170_498_071,
    download="CIFAR10",
)
def cifar10(src: Path) -> list[Picture]:
    """List the images of the pickles, or of the folders."""
    for root in (src, src / "cifar-10-batches-py"):
        if any((root / name).is_file() for name in BATCHES):
            return _from_batches(root)
    for root in (src, src / "cifar10", src / "cifar-10"):
        if any((root / split / NAMES[0]).is_dir() for split in ("train", "test")):
            return _from_folders(root)
    raise NotPublished(listed(src))


def _from_batches(root: Path) -> list[Picture]:
    if missing := [name for name in BATCHES if not (root / name).is_file()]:
        raise NotPublished(f"no {some(missing)}")
    pictures = []
    for name, split in BATCHES.items():
        content, draws = read_batch(root / name, "labels", len(NAMES))
        pictures += [
            Picture(split, (NAMES[number],), f"{name}-{index:05d}.png", root / name, draw)
            for index, (number, draw) in enumerate(zip(content["labels"], draws, strict=True))
        ]
    return pictures


def _from_folders(root: Path) -> list[Picture]:
    files = {(split, name): images_in(root / split / name) for split in ("train", "test") for name in NAMES}
    if missing := [f"{split}/{name}" for (split, name), paths in files.items() if not paths]:
        raise NotPublished(f"no images in {some(missing)}")
    return [Picture(split, (name,), file.name, file) for (split, name), paths in files.items() for file in paths]
