"""NON-LIVING-26 of BREEDS: twenty-six superclasses of things people made, four classes each, see data/breeds.py."""

from __future__ import annotations

from pathlib import Path

from clipforget.data.breeds import GET_FILES, TASKS, WITH_FILES, breeds
from clipforget.data.catalogue import published
from clipforget.data.imagenet import GET, TERMS, labelled
from clipforget.data.published import Picture


@published(
    "nonliving26",
    title="NON-LIVING-26 of ImageNet",
    expects=WITH_FILES,
    folder="imagenet",
    terms=TERMS,
    get=f"{GET} {GET_FILES}",
)
def nonliving26(src: Path) -> list[Picture]:
    """List ImageNet's training images as train, its validation images as test."""
    return labelled(src, breeds(src, TASKS["nonliving26"]))
