"""Small fakes of the paper's data sets in the layouts in which they are published."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from pictures import picture, put
from PIL import Image

from clipforget.data.catalogue.living17 import LIVING17
from clipforget.data.imagenet import class_names

SHARED = "mappings/objectnet_to_imagenet_1k.json"
WNIDS = [wnid for subgroups in LIVING17.values() for wnid in subgroups.values()]
KNOWN = {
    "n07753592": "banana", "n03376595": "folding chair", "n04099969": "rocking chair, rocker",
    "n03297495": "espresso maker",
}  # fmt: skip
rng = np.random.default_rng(0)


def imagenet(src: Path, more: Sequence[str] = (), train: int = 2, val: int = 1) -> Path:
    """So many images of each of LIVING-17's wnids, and of more."""
    for wnid in [*WNIDS, *more]:
        for i in range(train):
            put(src, f"train/{wnid}/{wnid}_{i}.JPEG", picture("JPEG"))
        for i in range(val):
            put(src, f"val/{wnid}/ILSVRC2012_val_{wnid}{f'_{i}' if i else ''}.JPEG", picture("JPEG"))
    put(src, "train/n01440764/notes.txt", b"not an image")
    return src


def batch(labels: Sequence[int]) -> tuple[np.ndarray, bytes]:
    """Images x 3072 and the pickle of a batch with them."""
    data = rng.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    content = {b"batch_label": b"of 5", b"labels": [*labels], b"data": data, b"filenames": [b"x.png"] * len(labels)}
    return data, pickle.dumps(content, protocol=2)


def cifar(src: Path, each: int = 1) -> Path:
    """So many images of each class in each of the six batches."""
    for number in range(1, 6):
        put(src, f"cifar-10-batches-py/data_batch_{number}", batch([*range(10)] * each)[1])
    put(src, "cifar-10-batches-py/test_batch", batch([*range(10)] * each)[1])
    put(src, "cifar-10-batches-py/batches.meta", b"not read")
    return src


def stl(src: Path) -> tuple[Path, np.ndarray]:
    """Folder and test images (N x row x column x 3) of a fake with three classes."""
    put(src, "stl10_binary/class_names.txt", b"airplane\nbird\ncar\n")
    images = np.empty(0)
    for split, count in (("train", 6), ("test", 3)):
        images = rng.integers(0, 256, (count, 96, 96, 3), dtype=np.uint8)
        put(src, f"stl10_binary/{split}_X.bin", images.transpose(0, 3, 2, 1).tobytes())
        put(src, f"stl10_binary/{split}_y.bin", bytes([1, 2, 3] * (count // 3)))
    return src, images


def food(src: Path) -> Path:
    """Two dishes, three training and two test images each."""
    for split, numbers in (("train", range(3)), ("test", range(3, 5))):
        names = [f"{dish}/{number}" for dish in ("apple_pie", "baby_back_ribs") for number in numbers]
        put(src, f"food-101/meta/{split}.txt", "\n".join(names).encode())
        by_dish = {dish: [name for name in names if name.startswith(dish)] for dish in ("apple_pie", "baby_back_ribs")}
        put(src, f"food-101/meta/{split}.json", json.dumps(by_dish).encode())  # which torchvision reads
        for name in names:
            put(src, f"food-101/images/{name}.jpg", picture("JPEG"))
    return src


def objectnet(src: Path) -> Path:
    """Three objects with an image each; two are classes of ImageNet."""
    folders = {"air_freshener": "Air freshener", "banana": "Banana", "coffee_french_press": "Coffee/French press"}
    put(src, "mappings/folder_to_objectnet_label.json", json.dumps(folders).encode())
    put(src, SHARED, json.dumps({"Banana": "banana", "Coffee/French press": "espresso maker"}).encode())
    for folder in folders:
        put(src, f"images/{folder}/a.png", bordered((20, 15)))
    return src


def objectnet_mappings(src: Path) -> Path:
    """The fake of ObjectNet with a chair of two classes of ImageNet, and the files that say which classes those are."""
    objectnet(src)
    put(src, "images/chair/a.png", bordered((20, 15)))
    folders = {"banana": "Banana", "coffee_french_press": "Coffee/French press", "chair": "Chair"}
    put(src, "mappings/folder_to_objectnet_label.json", json.dumps(folders).encode())
    said = {
        "Banana": "banana",
        "Chair": "folding chair; rocking chair, rocker",
        "Coffee/French press": "espresso maker",
    }
    put(src, SHARED, json.dumps(said).encode())
    ids = {str(index): (7 * index) % 1000 for index in range(1000)}  # ImageNet's own numbers are in another order
    texts = {ids[str(index)]: KNOWN.get(wnid, wnid) for index, wnid in enumerate(sorted(class_names()))}
    put(src, "mappings/pytorch_to_imagenet_2012_id.json", json.dumps(ids).encode())
    put(src, "mappings/imagenet_to_label_2012_v2", "\n".join(texts[number] for number in range(1000)).encode())
    return src


def bordered(size: tuple[int, int]) -> bytes:
    """A picture of this size with ObjectNet's red border around it."""
    image = Image.open(io.BytesIO(picture())).resize(size)
    whole = Image.new("RGB", (size[0] + 4, size[1] + 4), "red")
    whole.paste(image, (2, 2))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()


def cifar100(src: Path, each: int = 2) -> tuple[Path, np.ndarray]:
    """Three classes under two superclasses; the folder and the values of the test images."""
    fine, coarse = [0, 1, 2] * each, [1, 0, 1] * each
    names = {
        "fine_label_names": ["apple", "aquarium_fish", "pear"],
        "coarse_label_names": ["fish", "fruit_and_vegetables"],
    }
    values = np.empty(0)
    for split in ("train", "test"):
        values = rng.integers(0, 256, (len(fine), 3072), dtype=np.uint8)
        content = {"fine_labels": fine, "coarse_labels": coarse, "data": values}
        put(src, f"cifar-100-python/{split}", pickle.dumps(content, protocol=3))
    put(src, "cifar-100-python/meta", pickle.dumps(names, protocol=2))
    return src, values


def pets(src: Path) -> Path:
    """Two breeds of cats and one of dogs, three training and two test images each."""
    breeds = (("Abyssinian", 1, 1), ("Maine_Coon", 1, 2), ("american_bulldog", 2, 3))
    for listing, numbers in (("trainval", range(1, 4)), ("test", range(4, 6))):
        lines = [f"{breed}_{n} {number} {species} 1" for breed, species, number in breeds for n in numbers]
        put(src, f"oxford-iiit-pet/annotations/{listing}.txt", "\n".join(lines).encode())
        for line in lines:
            put(src, f"oxford-iiit-pet/images/{line.split()[0]}.jpg", picture("JPEG"))
    return src


def aircraft(src: Path) -> Path:
    """Three variants of two makers, two photographs of each in each split."""
    shown = (("737-700", "Boeing 737", "Boeing"), ("F/A-18", "F/A-18", "Boeing"), ("A320", "A320", "Airbus"))
    files = ("variants.txt", "families.txt", "manufacturers.txt")
    for level, (name, file) in enumerate(zip(("variant", "family", "manufacturer"), files, strict=True)):
        put(src, f"fgvc-aircraft-2013b/data/{file}", "\n".join(sorted({row[level] for row in shown})).encode())
        for number, split in enumerate(("train", "val", "test")):
            rows = [f"{100 * number + 10 * i + j:07d} {row[level]}" for i, row in enumerate(shown) for j in range(2)]
            put(src, f"fgvc-aircraft-2013b/data/images_{name}_{split}.txt", "\n".join(rows).encode())
            for row in rows:
                put(src, f"fgvc-aircraft-2013b/data/images/{row[:7]}.jpg", picture("JPEG"))
    return src


def caltech(src: Path) -> Path:
    """Three folders of five pictures, one of them no class."""
    for folder in ("BACKGROUND_Google", "Motorbikes", "car_side"):
        for number in range(1, 6):
            put(src, f"caltech101/101_ObjectCategories/{folder}/image_{number:04d}.jpg", picture("JPEG"))
    (src / "caltech101/Annotations").mkdir()
    return src


def flowers(src: Path) -> Path:
    """Two kinds of flowers, two photographs of each in each split."""
    from scipy.io import savemat

    folder = src / "flowers-102"
    for number in range(1, 13):
        put(folder, f"jpg/image_{number:05d}.jpg", picture("JPEG"))
    savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 77] * 6], np.uint8)})
    splits = {"trnid": range(1, 5), "valid": range(5, 9), "tstid": range(9, 13)}
    savemat(folder / "setid.mat", {name: np.array([numbers], np.uint16) for name, numbers in splits.items()})
    return src


def cars(src: Path) -> Path:
    """Three models of two makes, two photographs of each in each split."""
    from scipy.io import savemat

    folder = src / "stanford_cars"
    (folder / "devkit").mkdir(parents=True)
    names = ["Acura TL Sedan 2012", "Aston Martin Virage Coupe 2012", "Acura RL C/V 2012"]
    savemat(folder / "devkit/cars_meta.mat", {"class_names": np.array([names], object)})
    for where, split in (
        ("devkit/cars_train_annos.mat", "cars_train"),
        ("cars_test_annos_withlabels.mat", "cars_test"),
    ):
        rows = np.zeros((1, 6), dtype=[("class", object), ("fname", object)])
        for i in range(6):
            rows[0, i] = (np.uint8(i // 2 + 1), f"{i + 1:05d}.jpg")
            put(folder, f"{split}/{i + 1:05d}.jpg", picture("JPEG"))
        savemat(folder / where, {"annotations": rows})
    return src


def hierarchy(folder: Path) -> Path:
    """BREEDS' two files with LIVING-17's superclasses five steps below the root, and one that is too small."""
    chain = ["n00001740", "n00000001", "n00004258", "n00000003", "n00000004"]
    edges = [f"{parent} {child}" for parent, child in pairwise(chain)]
    names = []
    for number, (superclass, subgroups) in enumerate(LIVING17.items()):
        node = f"n9{number:07d}"
        names.append(f"{node}\t{superclass}, another word")
        edges += [f"{chain[-1]} {node}", *(f"{node} {wnid}" for wnid in subgroups.values())]
    edges += [f"{chain[-1]} n99999999", "n99999999 n02690373", "n00000003 n88888888"]
    put(folder, "imagenet_class_hierarchy/class_hierarchy.txt", "\n".join(edges).encode())
    put(folder, "imagenet_class_hierarchy/node_names.txt", "\n".join(names).encode())
    return folder


def nonliving(folder: Path, groups: Mapping[str, Sequence[str]]) -> Path:
    """BREEDS' two files with NON-LIVING-26: these superclasses with their wnids, filled up to 26 of four or more."""
    left = iter([wnid for wnid in class_names() if wnid not in KNOWN])
    names = [*groups, *(f"thing {number}" for number in range(26 - len(groups)))]
    filled = {name: [*groups.get(name, ()), *islice(left, 4)] for name in names}
    chain = ["n00001740", "n00000001", "n00000002", "n00021939", "n00000004"]
    edges = [f"{parent} {child}" for parent, child in pairwise(chain)]
    for number, wnids in enumerate(filled.values()):
        edges += [f"{chain[-1]} n9{number:07d}", *(f"n9{number:07d} {wnid}" for wnid in wnids)]
    named = [f"n9{number:07d}\t{name}, another word" for number, name in enumerate(filled)]
    put(folder, "imagenet_class_hierarchy/class_hierarchy.txt", "\n".join(edges).encode())
    put(folder, "imagenet_class_hierarchy/node_names.txt", "\n".join(named).encode())
    return folder
