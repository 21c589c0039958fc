"""ImageNet's validation images, as an evaluation set of up to 1000 classes with readable names.

imagenet-airplane and imagenet-truck are one class of it each, still to be told among all 1000 names: what Table 2 calls
ImageNet's target. Airliner is the paper's airplane; for truck its text names none, semi-trailer truck is ours.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from clipforget.benchmark.paper.prepare import source
from clipforget.data.imagenet import VAL, class_names, pictures_of, validation_images
from clipforget.data.names import CLASS_NAMES, IMAGENET, TEMPLATES
from clipforget.data.published import NotPublished, Picture

SINGLE = {"imagenet-airplane": "n02690373", "imagenet-truck": "n04467665"}  # airliner, semi-trailer truck


@source("imagenet", title="ImageNet", expects=VAL)
def imagenet(src: Path) -> list[Picture]:
    """List the validation images of every class that is there; a copy may lack some."""
    return _pictures(src, class_names().keys())


def _pictures(src: Path, wnids: Collection[str]) -> list[Picture]:
    names, files = class_names(), validation_images(src, wnids)
    if len(files) < min(2, len(wnids)):
        raise NotPublished(f"images of fewer than {min(2, len(wnids))} of the wnids asked for in val/")
    return list(pictures_of({"test": files}, {wnid: (names[wnid],) for wnid in files}))


def every_name() -> dict[str, str]:
    """Return what stands beside a single class, so that it is told among all names, by ImageNet's 80 captions."""
    names = "".join(f"{name} = {name}\n" for name in class_names().values())
    return {CLASS_NAMES: names, TEMPLATES: "".join(f"{template}\n" for template in IMAGENET)}


for single, wnid in SINGLE.items():
    source(single, title="ImageNet", expects=VAL, texts=every_name)(partial(_pictures, wnids=(wnid,)))
