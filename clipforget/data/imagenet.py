"""ImageNet (ILSVRC 2012) as it lies on disks: a folder for each wnid, or the flat val/ of Kaggle with its table."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

from clipforget.data.published import NotPublished, Picture, images_in, root_of, some
from clipforget.errors import BadData
from clipforget.files import ASSETS

INNER = ("ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "ILSVRC2012", "imagenet")  # where people's copies begin
KAGGLE = "LOC_val_solution.csv"
VAL = f"val/<wnid>/*.JPEG (or the flat val/ of Kaggle with its {KAGGLE})"
EXPECTS = f"train/<wnid>/*.JPEG and {VAL}"
TERMS = (
    "Photographs from the web, for research and education that is not commercial, after agreeing to the terms of "
    "https://image-net.org/download."
)
GET = "Get ILSVRC 2012 from image-net.org or Kaggle; it has train/<wnid>/ and val/."

Files = dict[str, list[Path]]


@cache
def class_names() -> dict[str, str]:
    """Return the 1000 wnids (ILSVRC 2012), sorted, with a name each that is fit for a folder.

    The names are OpenAI's, as open_clip has them; where two classes bear the same one, WordNet's first tells them
    apart (missile and projectile), and a "/" becomes " or ".
    """
    lines = (ASSETS / "imagenet-classes.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def imagenet_root(src: Path) -> Path:
    """Return the folder that holds val/. Raises NotPublished where there is none."""
    return root_of(src, "val", *INNER)


def train_images(root: Path, wnids: Collection[str]) -> Files:
    """Return the training images of some classes; a class without any is left out."""
    return _by_folder(root / "train", wnids)


def validation_images(src: Path, wnids: Collection[str]) -> Files:
    """Return the validation images of some classes; a class without any is left out.

    Raises NotPublished where val/ is flat and nothing beside it says which image shows what.
    """
    root = imagenet_root(src)
    flat = images_in(root / "val")
    if not flat:
        return _by_folder(root / "val", wnids)
    above = [folder / KAGGLE for folder in (root, *root.resolve().parents[:3])]
    table = next((file for file in above if file.is_file()), None)
    if table is None:
        raise NotPublished(
            f"a flat val/ and no {KAGGLE}: sort it into val/<wnid>/ as PyTorch's examples do (the ground truth of the "
            "devkit alone needs MATLAB's meta.mat, which is not read here)"
        )
    shown = _shown(table)
    files: Files = defaultdict(list)
    for file in flat:
        if shown.get(file.stem) in wnids:
            files[shown[file.stem]].append(file)
    return dict(files)


def labelled(src: Path, labels: Mapping[str, tuple[str, ...]]) -> list[Picture]:
    """List the training images of these wnids as train and their validation images as test, under these labels.

    Raises NotPublished where a class has none.
    """
    splits = {"train": train_images(imagenet_root(src), labels), "test": validation_images(src, labels)}
    for split, folder in (("train", "train"), ("test", "val")):
        if missing := sorted(labels.keys() - splits[split].keys()):
            raise NotPublished(f"no images of {some(missing)} in {folder}/")
    return list(pictures_of(splits, labels))


def pictures_of(splits: Mapping[str, Files], labels: Mapping[str, tuple[str, ...]]) -> Iterator[Picture]:
    """Yield the pictures of files by split and wnid."""
    for split, files in splits.items():
        for wnid, names in labels.items():
            for file in files.get(wnid, ()):
                yield Picture(split, names, file.name, file)


def _by_folder(folder: Path, wnids: Collection[str]) -> Files:
    files = {wnid: images_in(folder / wnid) for wnid in wnids}
    return {wnid: paths for wnid, paths in files.items() if paths}


def _shown(table: Path) -> dict[str, str]:
    """Kaggle's table: which class each validation image shows, by the image's name without its ending."""
    try:
        with table.open(encoding="utf-8", newline="") as file:
            return {row["ImageId"]: row["PredictionString"].split()[0] for row in csv.DictReader(file)}
    except (KeyError, IndexError, TypeError, AttributeError, UnicodeError, csv.Error) as error:
        raise BadData(f"{table} is not Kaggle's table of ImageId and PredictionString; unpack it again.") from error
