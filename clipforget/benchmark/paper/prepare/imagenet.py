"""ImageNet's validation images, as an evaluation set of up to 1000 classes with readable names.

imagenet-airplane and imagenet-truck are one class of it each, still to be told among all 1000 names: what Table 2 calls
ImageNet's target. Airliner is the paper's airplane; for truck its text names none, semi-trailer truck is ours.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from clipforget.benchmark.paper.prepare import Picture, source, wrong_source
from clipforget.benchmark.paper.prepare._imagenet import VAL, validation_images
from clipforget.models.imagenet import class_names

SINGLE = {"imagenet-airplane": "n02690373", "imagenet-truck": "n04467665"}  # airliner, semi-trailer truck


@source("imagenet", title="ImageNet", expects=VAL, only_evaluation=True)
def imagenet(src: Path) -> list[Picture]:
    """List the validation images of every class that is there; a copy may lack some."""
    return _pictures("imagenet", src, class_names().keys())


def _pictures(name: str, src: Path, wnids: Collection[str]) -> list[Picture]:
    names = class_names()
    files = validation_images(name, src, wnids)
    if len(files) < min(2, len(wnids)):
        raise wrong_source(name, src, f"images of fewer than {min(2, len(wnids))} of the wnids asked for in val/")
    return [Picture("test", (names[wnid],), file.name, file) for wnid, paths in files.items() for file in paths]


def every_name() -> dict[str, str]:
    """Return what stands beside a single class, so that it is told among all names, by ImageNet's 80 captions."""
    from clipforget.data.names import CLASS_NAMES, IMAGENET, TEMPLATES

    names = "".join(f"{name} = {name}\n" for name in class_names().values())
    return {CLASS_NAMES: names, TEMPLATES: "".join(f"{template}\n" for template in IMAGENET)}


for single, wnid in SINGLE.items():
    source(single, title="ImageNet", expects=VAL, only_evaluation=True, texts=every_name)(
        partial(_pictures, single, wnids=(wnid,))
    )
