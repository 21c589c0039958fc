"""ImageNet (ILSVRC 2012): a thousand classes without a level above them; see living17, entity13 and their like."""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.imagenet import (
    EXPECTS,
    GET,
    TERMS,
    class_names,
    imagenet_root,
    pictures_of,
    train_images,
    validation_images,
)
from clipforget.data.published import NotPublished, Picture


@published("imagenet", title="ImageNet", expects=EXPECTS, folder="imagenet", terms=TERMS, get=GET)
def imagenet(src: Path) -> list[Picture]:
    """List training images as train, validation images as test, of the classes that are there; a copy may lack some."""
    names = class_names()
    splits = {"train": train_images(imagenet_root(src), names), "test": validation_images(src, names)}
    labels = {wnid: (name,) for wnid, name in names.items() if all(wnid in files for files in splits.values())}
    if len(labels) < 2:
        raise NotPublished("images of fewer than two wnids in both train/ and val/")
    return list(pictures_of(splits, labels))
