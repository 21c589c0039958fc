"""From a run's configuration to tensors: the method's task and the images the run is evaluated on.

Letters: N images, H x W pixels, C classes, D embedding.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from clipforget.data.dataset import Dataset, Item
from clipforget.data.splits import Splits
from clipforget.data.target import Target
from clipforget.generators import finish, relay
from clipforget.models.clip import Clip
from clipforget.models.pixels import AnyPixels, Pixels, Reader
from clipforget.runs.config import RunConfig, images_of
from clipforget.runs.near_duplicates import near_duplicates
from clipforget.runs.resources import Resources
from clipforget.unlearning.task import ImageSet, Task

INTERVAL = 0.2  # seconds between two records of progress


@dataclass(frozen=True)
class Evaluation:
    """The images a run is evaluated on, N in all, in the order of `splits.evaluated`.

    pixels are N x 3 x H x W as the model takes them; labels N (int64, indices into dataset.superclasses, -1 in
    evaluation sets with names of their own).
    """

    dataset: Dataset
    splits: Splits
    pixels: AnyPixels
    labels: np.ndarray
    near_duplicates: int = 0


def build_task(config: RunConfig) -> tuple[Task, Evaluation]:
    """Load model, data set and pixels of a run.

    Raises BadModel, BadData, BadQuery or UnknownName with what to put right.
    """
    resources = Resources()
    dataset = resources.dataset(**images_of(config))
    return finish(load(config, dataset, config.splits(dataset), resources))


def load(
    config: RunConfig, dataset: Dataset, splits: Splits, resources: Resources
) -> Generator[tuple[int, int], None, tuple[Task, Evaluation]]:
    """Load as `build_task` does, yielding (images done, images in all); the model is loaded before the first."""
    order = splits.images
    clip = resources.clip(config.model, config.device)
    key = (config.model, dataset.fingerprint, order)  # the preprocessing comes with the model
    pixels = resources.pixels.peek(key)
    if pixels is None:
        pixels = yield from relay(read_pixels(dataset, order, clip), lambda done: (done, len(order)))
    resources.pixels.put(key, pixels)
    repeated = [order[row] for row in near_duplicates(pixels, splits.ranks())]
    return _assemble(config, dataset, splits.without(repeated), order, clip, pixels)


def read_pixels(dataset: Dataset, indices: Sequence[int], clip: Clip) -> Generator[int, None, Pixels]:
    """Decode and preprocess images on all cores, yielding now and then how many are done; returns N x 3 x H x W."""

    def read(row: int) -> None:
        out[row] = reader.read(dataset.open(dataset.items[indices[row]]))

    image = dataset.open(dataset.items[indices[0]])
    reader = Reader.of(clip.transform, image)
    first = reader.read(image)
    out = torch.empty((len(indices), *first.shape), dtype=first.dtype)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        shown = time.monotonic()
        for done, _ in enumerate(pool.map(read, range(len(indices))), 1):
            if time.monotonic() - shown > INTERVAL or done == len(indices):
                shown = time.monotonic()
                yield done
    return reader.pixels(out)


def _assemble(
    config: RunConfig, dataset: Dataset, splits: Splits, order: Sequence[int], clip: Clip, pixels: Pixels
) -> tuple[Task, Evaluation]:
    names = dataset.superclasses
    label_of = {name: index for index, name in enumerate(names)}
    items = [dataset.items[i] for i in order]
    labels = np.array([-1 if i.split in dataset.evaluation else label_of[i.superclass] for i in items], dtype=np.int64)
    row_of = {i: row for row, i in enumerate(order)}

    def images(rows: Sequence[int]) -> ImageSet:
        return ImageSet(pixels.view(list(rows)), torch.from_numpy(labels[list(rows)]))

    train, steer = (
        {name: images([row_of[i] for i in indices]) for name, indices in groups.items()}
        for groups in (splits.train, splits.steer)
    )

    def first_targets(indices: Sequence[int]) -> Tensor:
        return torch.tensor([first_target(dataset.items[i], splits.forget) for i in indices], dtype=torch.int64)

    class_embeddings = clip.class_embeddings(names, dataset.template)
    task = Task(
        clip=clip.clone(),
        original=clip,
        forget=train["forget"],
        retain=train["retain"],
        others=train["others"],
        steer=steer,
        names=names,
        class_embeddings=class_embeddings,
        template=dataset.template,
        seed=config.seed,
        targets=splits.forget,
        target_of={"forget": first_targets(splits.train["forget"]), "steer": first_targets(splits.steer["forget"])},
        forget_prompts=tuple(dict.fromkeys(target.prompt(dataset.template) for target in splits.forget)),
        retain_prompts=retain_prompts(splits.forget, dataset),
        goal=config.goal,
        limit=max(1 / len(names), config.tolerance),
    )
    judged = [row_of[i] for i in splits.evaluated]
    return task, Evaluation(dataset, splits, pixels.view(judged), labels[judged], len(order) - len(splits.images))


def first_target(item: Item, targets: Sequence[Target]) -> int:
    """Return the index of the first target that an image lies in; -1 where it lies in none."""
    return next((index for index, target in enumerate(targets) if target.matches(item)), -1)


def retain_prompts(forget: Sequence[Target], dataset: Dataset) -> tuple[str, ...]:
    """Return what names the rest: siblings as finely as the targets, every superclass that no target lies in."""
    prompts = [dataset.template.replace("{}", n) for n in dataset.superclasses if not any(t.covers(n) for t in forget)]
    for target in forget:
        if target.subgroup != "*":
            relatives = [replace(target, subgroup=name) for name in dataset.subgroups(target.superclass)]
        else:
            relatives = [replace(target, style=name) for name in dataset.styles()] if target.style != "*" else []
        prompts += [relative.prompt(dataset.template) for relative in relatives if relative not in forget]
    return tuple(dict.fromkeys(prompts))
