"""From a run's configuration to tensors: the method's task and the images the run is judged by.

Letters: N images, H x W pixels, C classes, D embedding.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from clipforget.data.dataset import Dataset, Item
from clipforget.data.splits import Splits
from clipforget.data.target import Target
from clipforget.generators import finish
from clipforget.models.clip import Clip
from clipforget.runs.config import RunConfig
from clipforget.runs.resources import Resources
from clipforget.unlearning.task import ImageSet, Task

CHUNK = 256  # images between two records of progress


@dataclass(frozen=True)
class Evaluation:
    """The images a run is judged by, N in all, in the order of `selection.evaluated`.

    pixels is N x 3 x H x W, normalised for the model; labels N (int64, indices into dataset.superclasses).
    """

    dataset: Dataset
    selection: Splits
    pixels: Tensor
    labels: np.ndarray


def build_task(config: RunConfig) -> tuple[Task, Evaluation]:
    """Load model, data set and pixels of a run.

    Raises BadModel, BadData, BadQuery or UnknownName with what to put right.
    """
    loaded = Resources()
    dataset = loaded.dataset(config.data)
    return finish(load(config, dataset, config.splits(dataset), loaded))


def load(
    config: RunConfig, dataset: Dataset, selection: Splits, loaded: Resources
) -> Generator[tuple[int, int], None, tuple[Task, Evaluation]]:
    """As `build_task`, yielding (images done, images in all) on the way; the model is loaded before the first."""
    order = selection.images
    clip = loaded.clip(config.model, config.device)
    key = (config.model, dataset.fingerprint, order)  # the preprocessing comes with the model
    known: Tensor | None = loaded.pixels.peek(key)
    pixels = torch.empty(0) if known is None else known
    for done, filled in read_pixels(dataset, order, clip) if known is None else ():
        pixels = filled
        yield done, len(order)
    loaded.pixels.put(key, pixels)
    return _assemble(config, dataset, selection, order, clip, pixels)


def read_pixels(dataset: Dataset, indices: Sequence[int], clip: Clip) -> Generator[tuple[int, Tensor], None, None]:
    """Decode and preprocess images on all cores, yielding (images done, the one tensor N x 3 x H x W being filled)."""

    def one(place: int) -> None:
        out[place] = clip.preprocess([dataset.open(dataset.items[indices[place]])])[0]

    first = clip.preprocess([dataset.open(dataset.items[indices[0]])])[0]
    out = torch.empty((len(indices), *first.shape), dtype=first.dtype)
    out[0] = first
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        for start in range(1, len(indices), CHUNK):
            stop = min(start + CHUNK, len(indices))
            list(pool.map(one, range(start, stop)))
            yield stop, out
    yield len(indices), out


def _assemble(
    config: RunConfig, dataset: Dataset, selection: Splits, order: Sequence[int], clip: Clip, pixels: Tensor
) -> tuple[Task, Evaluation]:
    names = dataset.superclasses
    number = {name: place for place, name in enumerate(names)}
    labels = np.array([number[dataset.items[i].superclass] for i in order], dtype=np.int64)
    count = len(selection.evaluated)
    row = {i: place for place, i in enumerate(order)}

    def images(rows: Sequence[int]) -> ImageSet:
        return ImageSet(pixels[list(rows)], torch.from_numpy(labels[list(rows)]))

    train = {name: images([row[i] for i in indices]) for name, indices in selection.train.items()}
    validation = {
        "forget": images(selection.positions("validation", "forget")),
        "retain": images(selection.validation_retain),
        "others": images(selection.positions("validation", "others")),
    }

    def owners(indices: Sequence[int]) -> Tensor:
        return torch.tensor([first_target(dataset.items[i], selection.forget) for i in indices], dtype=torch.int64)

    known = [selection.evaluated[place] for place in selection.positions("validation", "forget")]
    class_embeddings = clip.class_embeddings(names, dataset.template)
    task = Task(
        clip=clip.clone(),
        original=clip,
        forget=train["forget"],
        retain=train["retain"],
        others=train["others"],
        validation=validation,
        names=names,
        class_embeddings=class_embeddings,
        template=dataset.template,
        seed=config.seed,
        targets=selection.forget,
        target_of={"forget": owners(selection.train["forget"]), "validation": owners(known)},
        forget_prompts=tuple(dict.fromkeys(target.prompt(dataset.template) for target in selection.forget)),
        retain_prompts=retain_prompts(selection.forget, dataset),
        goal=max(1 / len(names), config.tolerance),
    )
    return task, Evaluation(dataset, selection, pixels[:count], labels[:count])


def first_target(item: Item, targets: Sequence[Target]) -> int:
    """The place of the first target that an image lies in; -1 where it lies in none."""
    return next((place for place, target in enumerate(targets) if target.matches(item)), -1)


def retain_prompts(forget: Sequence[Target], dataset: Dataset) -> tuple[str, ...]:
    """What names the rest: siblings as finely as the targets, every superclass that no target lies in."""
    found = [dataset.template.replace("{}", n) for n in dataset.superclasses if not any(t.covers(n) for t in forget)]
    for target in forget:
        if target.subgroup != "*":
            kin = [replace(target, subgroup=name) for name in dataset.subgroups(target.superclass)]
        else:
            kin = [replace(target, style=name) for name in dataset.styles()] if target.style != "*" else []
        found += [one.prompt(dataset.template) for one in kin if one not in forget]
    return tuple(dict.fromkeys(found))
