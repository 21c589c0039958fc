"""FGVC-Aircraft (Maji et al., 2013): 10,000 photographs, by manufacturer (30), family (70) and variant (100).

Three data sets over the same photographs, as a target has two levels: manufacturer/family, manufacturer/variant, and
airplane/manufacturer, in which Boeing is forgotten and Airbus kept as its sibling. The last has one superclass: name
another data set that supplies the others.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.published import NotPublished, Picture, files_of, lines_of, root_of

LEVELS = ("manufacturer", "family", "variant")
SPLITS = {"train": "train", "val": "validation", "test": "test"}
CHOICES = {
    "fgvc_aircraft": ("FGVC-Aircraft, manufacturers and their families", ("manufacturer", "family")),
    "fgvc_aircraft_variants": ("FGVC-Aircraft, manufacturers and their variants", ("manufacturer", "variant")),
    "fgvc_aircraft_makers": ("FGVC-Aircraft, airplanes by manufacturer", ("airplane", "manufacturer")),
}
IN_WORDS = {"F-16A/B": "F-16A or F-16B", "F/A-18": "FA-18"}  # a label holds no slash


def read(src: Path, levels: tuple[str, str]) -> list[Picture]:
    """List the photographs of the three splits under two levels; one that is no level is the same name for all."""
    root = root_of(src, "data", "fgvc-aircraft-2013b") / "data"
    pictures = []
    for short, split in SPLITS.items():
        named = {level: _names(root, f"images_{level}_{short}.txt") for level in levels if level in LEVELS}
        numbers = next(iter(named.values())).keys()
        if any(names.keys() != numbers for names in named.values()):
            raise NotPublished(f"lists of data/images_*_{short}.txt that name different images")
        for file in files_of(root, "images", [f"{number}.jpg" for number in numbers], f"data/images_*_{short}.txt"):
            labels = tuple(named[level][file.stem] if level in named else level for level in levels)
            pictures.append(Picture(split, labels, file.name, file))
    return pictures


def _names(root: Path, listing: str) -> dict[str, str]:
    """What each image of a list shows, by its number."""
    rows = [line.partition(" ") for line in lines_of(root / listing)]
    return {number: IN_WORDS.get(name, name.replace("/", "-")) for number, _, name in rows}


for name, (title, levels) in CHOICES.items():
    published(
        name,
        title=title,
        expects="data/images/*.jpg with data/images_variant_train.txt and its like (fgvc-aircraft-2013b)",
        folder="fgvc-aircraft-2013b",
        terms="For research that is not commercial; from https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/.",
        template="a photo of a {}, a type of aircraft.",
        size=2_753_340_328,
        download="FGVCAircraft",
    )(partial(read, levels=levels))
