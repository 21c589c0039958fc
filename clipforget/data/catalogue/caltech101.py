"""Caltech-101 (Fei-Fei et al., 2004): 101 kinds of things, 40 to 800 pictures each, which come without a split.

A fifth of each class is its test set, that of the lowest hash of its names. BACKGROUND_Google is no class. Folders
whose names are not what they show have those of CLIP's authors (https://github.com/openai/CLIP, data/prompts.md).
"""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.published import UNDIVIDED, NotPublished, Picture, images_in, label, root_of, test_share

FOLDER, LEFT_OUT = "101_ObjectCategories", "BACKGROUND_Google"
IN_WORDS = {
    "Faces": "off-center face", "Faces_easy": "centered face", "Leopards": "leopard", "Motorbikes": "motorbike",
    "airplanes": "airplane", "car_side": "side of a car", "cougar_body": "body of a cougar cat",
    "cougar_face": "face of a cougar cat", "crocodile_head": "head of a crocodile",
    "flamingo_head": "head of a flamingo", "snoopy": "snoopy (cartoon beagle)", "yin_yang": "yin and yang symbol",
}  # fmt: skip


@published(
    "caltech101",
    title="Caltech-101",
    expects=f"{FOLDER}/<class>/*.jpg",
    folder="caltech101",
    terms="CC BY 4.0; from https://data.caltech.edu/records/mzrjq-6wc02.",
    size=137_414_764,
    download="Caltech101",
    division=UNDIVIDED,
)
def caltech101(src: Path) -> list[Picture]:
    """List the pictures of each class."""
    root = root_of(src, FOLDER, "caltech101", "caltech-101") / FOLDER
    pictures = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and path.name != LEFT_OUT):
        names = (IN_WORDS.get(folder.name, label(folder.name)),)
        files = images_in(folder)
        tests = test_share([f"{folder.name}/{file.name}" for file in files]) if files else set()
        splits = ("test" if f"{folder.name}/{file.name}" in tests else "train" for file in files)
        pictures += [Picture(split, names, file.name, file) for split, file in zip(splits, files, strict=True)]
    if not pictures:
        raise NotPublished(f"no images in {FOLDER}/")
    return pictures
