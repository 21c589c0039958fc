"""Oxford-IIIT Pet (Parkhi et al., 2012): cats and dogs, 12 and 25 breeds of about 200 photographs each."""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.published import NotPublished, Picture, files_of, label, lines_of, root_of

SPECIES = {"1": "cat", "2": "dog"}  # the third word of each line


@published(
    "oxford_pets",
    title="Oxford-IIIT Pets",
    expects="images/*.jpg with annotations/trainval.txt and annotations/test.txt",
    folder="oxford-iiit-pet",
    terms="CC BY-SA 4.0, the photographs' own rights aside; from https://www.robots.ox.ac.uk/~vgg/data/pets/.",
    template="a photo of a {}, a type of pet.",
    size=811_092_049,
    download="OxfordIIITPet",
)
def oxford_pets(src: Path) -> list[Picture]:
    """List the photographs that the two lists name; superclass cat or dog, subgroup the breed."""
    root = root_of(src, "annotations", "oxford-iiit-pet")
    pictures = []
    for split, listing in (("train", "trainval.txt"), ("test", "test.txt")):
        rows = [line.split() for line in lines_of(root / "annotations" / listing) if not line.startswith("#")]
        if any(len(row) != 4 or row[2] not in SPECIES for row in rows):
            raise NotPublished(f"an annotations/{listing} without four words a line")
        files = files_of(root, "images", [f"{row[0]}.jpg" for row in rows], f"annotations/{listing}")
        pictures += [
            Picture(split, (SPECIES[row[2]], label(row[0].rpartition("_")[0])), file.name, file)
            for row, file in zip(rows, files, strict=True)
        ]
    return pictures
