"""ENTITY-13 of BREEDS: thirteen superclasses of twenty classes each, see data/breeds.py."""

from __future__ import annotations

from pathlib import Path

from clipforget.data.breeds import GET_FILES, TASKS, WITH_FILES, breeds
from clipforget.data.catalogue import published
from clipforget.data.imagenet import GET, TERMS, labelled
from clipforget.data.published import Picture


@published(
    "entity13",
    title="ENTITY-13 of ImageNet",
    expects=WITH_FILES,
    folder="imagenet",
    terms=TERMS,
    get=f"{GET} {GET_FILES}",
)
def entity13(src: Path) -> list[Picture]:
    """List ImageNet's training images as train, its validation images as test."""
    return labelled(src, breeds(src, TASKS["entity13"]))
