"""ObjectNet (Barbu et al., 2019): an evaluation set of photographs from odd sides, whose red border is cut off.

The classes are those that ImageNet has too (113 in the published set) under ObjectNet's own names in small letters, as
the code of Model soups evaluates CLIP on it. Its licence forbids to train on it.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from PIL import Image

from clipforget.data.catalogue import published
from clipforget.data.images import BROKEN
from clipforget.data.published import NotPublished, Picture, images_in, label, root_of, some
from clipforget.errors import BadData

BORDER = 2  # pixels on every side
FOLDERS, SHARED = "folder_to_objectnet_label.json", "objectnet_to_imagenet_1k.json"


@published(
    "objectnet",
    title="ObjectNet",
    expects=f"images/<object>/*.png with mappings/{FOLDERS} and mappings/{SHARED}",
    folder="objectnet-1.0",
    terms="CC BY 4.0 with two conditions: no model may be trained or tuned on it, and a picture shown in public keeps "
    "its red border. From https://objectnet.dev.",
    get="Get objectnet-1.0.zip from https://objectnet.dev and unpack it.",
    only_evaluation=True,
)
def objectnet(src: Path) -> list[Picture]:
    """List the images of the objects that are classes of ImageNet too."""
    root = root_of(src, "mappings", "objectnet-1.0", "objectnet-1.0-beta")
    folders, shared = (_mapping(root / "mappings" / name) for name in (FOLDERS, SHARED))
    files = {name: images_in(root / "images" / folder) for folder, name in folders.items() if name in shared}
    missing = sorted(name for name in shared if not files.get(name))
    if missing or not files:
        raise NotPublished(f"no images of {some(missing) or 'any class of ImageNet'}")
    return [
        Picture("test", (label(name.lower()),), f"{file.stem}.png", file, partial(without_border, file))
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


def _mapping(file: Path) -> dict[str, str]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotPublished(f"no readable mappings/{file.name}") from error
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise NotPublished(f"a mappings/{file.name} that maps no names to names")
    return content
