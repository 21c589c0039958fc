"""ImageNet's validation images, as an evaluation set of up to 1000 classes with readable names."""

from __future__ import annotations

from pathlib import Path

from clipforget.benchmark.paper.prepare import Picture, source, wrong_source
from clipforget.benchmark.paper.prepare._imagenet import VAL, validation_images
from clipforget.models.imagenet import class_names


@source("imagenet", title="ImageNet", expects=VAL, only_evaluation=True)
def imagenet(src: Path) -> list[Picture]:
    """List the validation images of every class that is there; a copy may lack some."""
    names = class_names()
    files = validation_images("imagenet", src, names.keys())
    if len(files) < 2:
        raise wrong_source("imagenet", src, "images of fewer than two wnids in val/")
    return [Picture("test", (names[wnid],), file.name, file) for wnid, paths in files.items() for file in paths]
