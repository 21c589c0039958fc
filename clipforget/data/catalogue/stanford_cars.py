"""Stanford Cars (Krause et al., 2013): 16,185 photographs of 196 models of 49 makes.

Superclasses are makes, subgroups the models with their make, body and year, as the set names them.
"""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.matlab import read_mat
from clipforget.data.published import NotPublished, Picture, files_of, label, root_of

FOLDERS = ("cars_train", "cars_test")
MAKES = ("AM General", "Aston Martin", "Land Rover")  # those of two words


@published(
    "stanford_cars",
    title="Stanford Cars",
    expects="cars_train/ and cars_test/ with devkit/cars_meta.mat, devkit/cars_train_annos.mat and "
    "cars_test_annos_withlabels.mat",
    folder="stanford_cars",
    terms="Photographs from the web, for research; the authors' page is gone, so read the terms where you get a copy.",
    get="Its authors' address is dead: take a copy with the folders cars_train, cars_test and devkit, and the file "
    "cars_test_annos_withlabels.mat beside them.",
)
def stanford_cars(src: Path) -> list[Picture]:
    """List the photographs that the two annotations name."""
    root = root_of(src, "devkit", "stanford_cars")
    lists = [root / "devkit" / "cars_train_annos.mat", root / "cars_test_annos_withlabels.mat"]
    if not lists[1].is_file():
        lists[1] = root / "devkit" / lists[1].name
    (names,) = read_mat(root / "devkit" / "cars_meta.mat", "class_names")
    pictures = []
    for split, folder, listing in zip(("train", "test"), FOLDERS, lists, strict=True):
        (rows,) = read_mat(listing, "annotations")
        try:
            shown = [(str(row["fname"]), str(names[int(row["class"]) - 1])) for row in rows]
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise NotPublished(f"a {listing.name} that does not go with cars_meta.mat") from error
        files = files_of(root, folder, [file for file, _ in shown], listing.name)
        pictures += [
            Picture(split, _labels(name), file.name, file) for file, (_, name) in zip(files, shown, strict=True)
        ]
    return pictures


def _labels(name: str) -> tuple[str, str]:
    """Make and model: "Aston Martin Virage Coupe 2012" is one of Aston Martin."""
    name = label(name.replace("/", "-"))
    return next((make for make in MAKES if name.startswith(f"{make} ")), name.partition(" ")[0]), name
