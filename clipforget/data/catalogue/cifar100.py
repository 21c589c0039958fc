"""CIFAR-100 (Krizhevsky, 2009): twenty superclasses of five classes each, 32 x 32 pixels, as Python pickles.

The names are those of the file meta that comes with it, underscores as spaces.
"""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.pickles import read_batch, read_pickle
from clipforget.data.published import NotPublished, Picture, label, root_of


@published(
    "cifar100",
    title="CIFAR-100",
    expects="cifar-100-python/ with train, test and meta (the Python version)",
    folder="cifar-100-python",
    terms="From https://www.cs.toronto.edu/~kriz/cifar.html; its authors name no licence and ask to be cited.",
    size=169_001_437,
    download="CIFAR100",
)
def cifar100(src: Path) -> list[Picture]:
    """List the images of the two pickles."""
    root = root_of(src, "meta", "cifar-100-python")
    meta = read_pickle(root / "meta")
    try:
        fine, coarse = ([label(name) for name in meta[f"{kind}_label_names"]] for kind in ("fine", "coarse"))
    except (KeyError, TypeError, AttributeError) as error:
        raise NotPublished("a file meta without names of classes") from error
    pictures = []
    for split in ("train", "test"):
        if not (root / split).is_file():
            raise NotPublished(f"no file {split}")
        content, draws = read_batch(root / split, "fine_labels", len(fine))
        above = content.get("coarse_labels", ())
        if len(above) != len(draws) or not set(above) <= set(range(len(coarse))):
            raise NotPublished(f"a file {split} whose superclasses do not go with meta")
        pictures += [
            Picture(split, (coarse[upper], fine[number]), f"{split}-{index:05d}.png", root / split, draw)
            for index, (upper, number, draw) in enumerate(zip(above, content["fine_labels"], draws, strict=True))
        ]
    return pictures
