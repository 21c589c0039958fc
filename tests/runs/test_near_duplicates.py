"""Near-duplicates: copies are found, other images are not, and the stricter use keeps the image."""

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from small import draw_data

from clipforget.data.catalogue import load_dataset
from clipforget.runs.config import RunConfig
from clipforget.runs.execute import execute
from clipforget.runs.loading import build_task
from clipforget.runs.near_duplicates import near_duplicates
from clipforget.runs.store import Store
from clipforget.workspace.explorer import FinishedRun


def picture(seed, size=64):
    """Soft blobs of colour, as photographs have."""
    rough = np.random.default_rng(seed).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return Image.fromarray(rough).resize((size, size), Image.Resampling.BICUBIC)


def saved_anew(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=40)
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def pixels(images):
    return torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) / 127.5 - 1 for image in images])


CHANGES = {
    "the same": lambda image: image,
    "saved anew": saved_anew,
    "resized": lambda image: image.resize((40, 40)).resize((64, 64)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_copy_is_found_and_the_lower_rank_keeps_it(change):
    images = [picture(seed) for seed in range(30)]
    images[20] = change(images[3])
    assert near_duplicates(pixels(images), [0] * 10 + [3] * 20) == [20]
    assert near_duplicates(pixels(images), [3] * 10 + [1] * 20) == [3]
    assert near_duplicates(pixels(images), [2] * 30) == [], "of one use both may stay"


def test_other_images_of_one_class_stay(world):
    """Discs, squares and stripes in the same places: 96 of the 468 have a thumbnail that correlates by .98."""
    _, evaluation = build_task(world.config())
    assert evaluation.near_duplicates == 0


def test_the_shipped_drawings_have_none():
    dataset = load_dataset("sketchbook")
    items = [item for item in dataset.items if item.superclass == "flower" and item.style == "pencil sketch"]
    ranks = [{"test": 0, "validation": 1}.get(item.split, 3) for item in items]
    assert near_duplicates(pixels([dataset.open(item) for item in items]), ranks) == [] and len(set(ranks)) == 3


@pytest.mark.parametrize("train", [5, 20])
@pytest.mark.parametrize("archived", [False, True], ids=["folder", "tar"])
def test_the_four_sets_share_no_picture(world, tmp_path, archived, train):
    """By content, not by name; with five images a subgroup and style steer has one each."""
    root = draw_data(tmp_path / "data", train=train, seed=train)
    if archived:
        with tarfile.open(tmp_path / "data.tar", "w") as file:
            file.add(root, "data")
        root = tmp_path / "data.tar"
    dataset = load_dataset(str(root))
    splits = RunConfig(data=str(root), forget=("disc",)).splits(dataset)
    evaluated = {part: [splits.evaluated[p] for p in splits.positions(part)] for part in set(splits.parts)}
    groups = {"train": splits.train, "steer": splits.steer, "evaluated": evaluated}
    sets = {name: {i for indices in group.values() for i in indices} for name, group in groups.items()}
    sets["calibrate"] = set(evaluated["calibrate"])
    sets["test"] = sets.pop("evaluated") - sets["calibrate"]
    content = {n: {dataset.source.read(dataset.items[i].key) for i in indices} for n, indices in sets.items()}
    assert all(content.values()) and len(set.union(*content.values())) == sum(map(len, content.values()))
    assert len(sets["train"] | sets["steer"] | sets["calibrate"]) == 18 * train
    assert len(sets["steer"]) == 18 * {5: 1, 20: 3}[train]


def test_a_run_is_not_trained_on_copies_of_its_test_images_and_says_so(world, tmp_path):
    """A copy of a test image among the train images, whatever it becomes there: trained on, steer or calibrate."""
    root = draw_data(tmp_path / "data", train=10, seed=5)
    for number in range(3):
        with Image.open(root / f"test/disc/big/light/{number}.png") as image:
            image.save(root / f"train/disc/big/light/copy {number}.bmp")
    config = RunConfig(world.clip, str(root), ("disc/big",), method="do_nothing", device="cpu", nodes=3)
    task, evaluation = build_task(config)
    items, splits = evaluation.dataset.items, evaluation.splits
    copies = {i for i, item in enumerate(items) if "copy" in item.key}
    assert len(copies) == 3 == evaluation.near_duplicates and not copies & set(splits.images)
    assert len(evaluation.pixels) == len(evaluation.labels) == len(splits.evaluated)
    assert len(task.forget) + len(task.steer["forget"]) == len(splits.train["forget"]) + len(splits.steer["forget"])
    names = [items[i].superclass for i in splits.evaluated]
    assert [evaluation.dataset.superclasses[label] for label in evaluation.labels] == names
    run = Store(tmp_path / "runs").create(config)
    events = list(execute(run))
    assert events[-1]["state"] == "done", events[-1]["note"]
    said = "Left out 3 train or calibrate images that nearly repeat one that the run is judged by."
    assert said in [event["note"] for event in events]
    assert said in FinishedRun(run, load_dataset, lambda name, device: None).view()["notes"]
