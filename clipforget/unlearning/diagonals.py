"""What methods without a training loop measure: the images that are to stay, and the Fisher diagonals of both sides."""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from clipforget.errors import BadData
from clipforget.generators import relay
from clipforget.unlearning import batches, fisher, losses
from clipforget.unlearning.task import IMAGE, ImageSet, Step, Task
from clipforget.unlearning.trainer import tower_parameters

Diagonals = tuple[dict[str, Tensor], dict[str, Tensor]]


def forget_and_rest(task: Task, samples: int) -> tuple[ImageSet, ImageSet]:
    """Draw up to `samples` training images to forget, and as many to retain: half siblings, half others, by the seed.

    Raises BadData where there is none of a kind.
    """
    generator = torch.Generator().manual_seed(task.seed)
    half = (samples + 1) // 2
    kinds = ((task.forget, samples), (task.retain, half), (task.others, half))
    if not all(len(images) for images, _ in kinds):
        raise BadData("This method needs training images to forget, to retain and of other classes; choose others.")
    forget, retain, others = (batches.sample(images, count, generator) for images, count in kinds)
    return forget, retain.joined(others)


def diagonals(task: Task, samples: int, information: str) -> Generator[Step, None, Diagonals]:
    """Measure the Fisher diagonals F_f and F_r of the image tower, by parameter name; see `diagonal`."""
    forget, rest = forget_and_rest(task, samples)
    total = len(forget) + len(rest)
    of_forget = yield from diagonal(task, forget, information, total=total)
    of_rest = yield from diagonal(task, rest, information, before=len(forget), total=total)
    return of_forget, of_rest


def diagonal(
    task: Task, images: ImageSet, information: str, *, before: int = 0, total: int = 0
) -> Generator[Step, None, dict[str, Tensor]]:
    """Measure the Fisher diagonal of the image tower on images, by parameter name; yields the steps of `select`.

    information is similarity or likelihood: whose gradients are squared. `before` images of `total` (without: these
    alone) are done already.
    """

    def score(features: Tensor, labels: Tensor) -> Tensor:
        if information == "similarity":
            return losses.caption_cosine(features, labels, task.class_embeddings)
        return -losses.zero_shot_cross_entropy(features, labels, task.class_embeddings, task.clip.logit_scale)

    total = total or len(images)

    def step(count: int) -> Step | None:
        done = before + count
        return Step("select", done, total) if done % 16 == 0 or done == total else None

    parameters = tower_parameters(task.clip.model, IMAGE)
    return (yield from relay(fisher.diagonal(task.clip, parameters, images.pixels, images.labels, score), step))
