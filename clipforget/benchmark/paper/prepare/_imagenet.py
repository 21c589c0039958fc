"""ImageNet (ILSVRC 2012) as it lies on disks: a folder for each wnid, or the flat val/ of Kaggle with its table."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from clipforget.benchmark.paper.prepare import images_in, root_of, wrong_source
from clipforget.errors import BadData

INNER = ("ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "ILSVRC2012", "imagenet")  # where people's copies begin
KAGGLE = "LOC_val_solution.csv"
VAL = f"val/<wnid>/*.JPEG (or the flat val/ of Kaggle with its {KAGGLE})"

Files = dict[str, list[Path]]


def imagenet_root(name: str, src: Path) -> Path:
    """Return the folder that holds val/. Raises BadData where there is none."""
    return root_of(name, src, "val", *INNER)


def train_images(root: Path, wnids: Collection[str]) -> Files:
    """Return the training images of some classes; a class without any is left out."""
    return _by_folder(root / "train", wnids)


def validation_images(name: str, src: Path, wnids: Collection[str]) -> Files:
    """Return the validation images of some classes; a class without any is left out.

    Raises BadData where val/ is flat and nothing beside it says which image shows what.
    """
    root = imagenet_root(name, src)
    flat = images_in(root / "val")
    if not flat:
        return _by_folder(root / "val", wnids)
    above = [folder / KAGGLE for folder in (root, *root.resolve().parents[:3])]
    table = next((file for file in above if file.is_file()), None)
    if table is None:
        raise wrong_source(
            name,
            src,
            f"a flat val/ and no {KAGGLE}: sort it into val/<wnid>/ as PyTorch's examples do (the ground truth of the "
            "devkit alone needs MATLAB's meta.mat, which is not read here)",
        )
    shown = _shown(table)
    files: Files = defaultdict(list)
    for file in flat:
        if shown.get(file.stem) in wnids:
            files[shown[file.stem]].append(file)
    return dict(files)


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
