"""ObjectNet (Barbu et al., 2019): an evaluation set of photographs from odd sides, whose red border is cut off.

The classes are those that ImageNet has too (113 in the published set) under ObjectNet's own names in small letters, as
the code of Model soups evaluates CLIP on it. Its licence forbids to train on it. Under the superclasses of BREEDS each
object stands where its classes of ImageNet do; LIVING-17 is missing, since ObjectNet shows nothing that lives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from clipforget.data.breeds import GET_FILES, HIERARCHY, NAMES, TASKS, Task, superclasses
from clipforget.data.catalogue import published
from clipforget.data.imagenet import class_names
from clipforget.data.images import BROKEN
from clipforget.data.names import IMAGENET, TEMPLATES
from clipforget.data.published import NotPublished, Picture, images_in, label, lines_of, root_of, some
from clipforget.errors import BadData

BORDER = 2  # pixels on every side
FOLDERS, SHARED = "folder_to_objectnet_label.json", "objectnet_to_imagenet_1k.json"
IDS, LABELS = "pytorch_to_imagenet_2012_id.json", "imagenet_to_label_2012_v2"  # of ImageNet's classes
EXPECTS = f"images/<object>/*.png with mappings/{FOLDERS} and mappings/{SHARED}"
ABOUT: dict[str, Any] = {
    "folder": "objectnet-1.0",
    "terms": "CC BY 4.0 with two conditions: no model may be trained or tuned on it, and a picture shown in public "
    "keeps its red border. From https://objectnet.dev.",
    "only_evaluation": True,
}
GET = "Get objectnet-1.0.zip from https://objectnet.dev and unpack it."


@published("objectnet", title="ObjectNet", expects=EXPECTS, get=GET, **ABOUT)
def objectnet(src: Path) -> list[Picture]:
    """List the images of the objects that are classes of ImageNet too."""
    return _pictures(src, dict.fromkeys(_mapping(_root(src) / "mappings" / SHARED), ()))


def under_breeds(task: Task, src: Path) -> list[Picture]:
    """List the images of the objects whose classes of ImageNet all stand under one superclass of a task of BREEDS."""
    root = _root(src)
    above = src.absolute().parents[:2]
    around = [src, root, *above, *(folder / "imagenet" for folder in above)]
    superclass_of = {wnid: name for name, wnids in superclasses(around, task).items() for wnid in wnids}
    wnids, numbers = (
        [*class_names()],
        {number: index for index, number in _mapping(root / "mappings" / IDS, int).items()},
    )
    try:
        wnid_of = {text: wnids[int(numbers[i])] for i, text in enumerate(lines_of(root / "mappings" / LABELS))}
        shared = {
            name: {superclass_of.get(wnid_of[text]) for text in texts.split("; ")}
            for name, texts in _mapping(root / "mappings" / SHARED).items()
        }
    except (KeyError, ValueError, IndexError) as error:
        raise NotPublished(f"mappings that do not go together ({error})") from error
    return _pictures(src, {name: (first,) for name, (first, *more) in shared.items() if first and not more})


for _name, _task in TASKS.items():
    published(
        f"objectnet_{_name}",
        title=f"ObjectNet in superclasses of {_name}",
        expects=f"{EXPECTS}, {IDS} and {LABELS}; and beside it imagenet_class_hierarchy/ with {HIERARCHY} and {NAMES}",
        get=f"{GET} {GET_FILES}",
        texts=lambda: {TEMPLATES: "\n".join(IMAGENET)},
        **ABOUT,
    )(partial(under_breeds, _task))


def _root(src: Path) -> Path:
    return root_of(src, "mappings", "objectnet-1.0", "objectnet-1.0-beta")


def _pictures(src: Path, above: Mapping[str, tuple[str, ...]]) -> list[Picture]:
    """The images of some objects, under the labels above each and its name."""
    root = _root(src)
    folders = _mapping(root / "mappings" / FOLDERS)
    files = {name: images_in(root / "images" / folder) for folder, name in folders.items() if name in above}
    missing = sorted(name for name in above if not files.get(name))
    if missing or not files:
        raise NotPublished(f"no images of {some(missing) or 'any class of ImageNet'}")
    return [
        Picture("test", (*above[name], label(name.lower())), f"{file.stem}.png", file, partial(without_border, file))
        for name, paths in sorted(files.items())
        for file in paths
    ]


def without_border(file: Path) -> Image.Image:
    """Return an image without its border. Raises BadData where it cannot be read."""
    try:
        with Image.open(file) as image:
            return image.convert("RGB").crop((BORDER, BORDER, image.width - BORDER, image.height - BORDER))
    except BROKEN as error:
        raise BadData(f"{file} cannot be read as an image; unpack the archive again.") from error


def _mapping(file: Path, kind: type = str) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotPublished(f"no readable mappings/{file.name}") from error
    if not isinstance(content, dict) or not all(isinstance(value, kind) for value in content.values()):
        raise NotPublished(f"a mappings/{file.name} that maps no names to names")
    return content
