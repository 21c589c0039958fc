"""What `reproduce prepare` turns into folders of images: the published sets of the catalogue, and some of our own.

    @source("imagenet-airplane", title="ImageNet", expects="val/<wnid>/*.JPEG")
    def imagenet_airplane(src: Path) -> list[Picture]:
        ...

A reader lists what there will be; `_write.prepare` links or writes it. Files named _* are plumbing. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from clipforget.data.published import Picture, Published
from clipforget.registry import Registry

SOURCES: Registry[Published] = Registry("data set of the paper", __name__)
Reader = Callable[[Path], Sequence[Picture]]


def source(
    name: str, *, title: str, expects: str, texts: Callable[[], Mapping[str, str]] = dict
) -> Callable[[Reader], Reader]:
    """Register a function that lists the test images of an evaluation set, which is no data set of the catalogue."""

    def register(read: Reader) -> Reader:
        SOURCES[name] = Published(name, title, expects, read, only_evaluation=True, texts=texts)
        return read

    return register
