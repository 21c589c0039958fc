"""Anchored forgetting (ours): one direction taken out of the last projection, with siblings and others as anchors.

The image tower's last map W becomes W + d g^T, in closed form. Along d (in the joint embedding) the target's coarse and
fine names lose and the other names stay, so each image falls back to its own next guess, as DELETE (arXiv 2503.23751)
asks of a loss. g is a ridge regression on what W reads: images to forget move down d, siblings up until the coarse name
wins, others stay. It is linear discriminant analysis with an answer for each image, where LEACE (arXiv 2306.03819)
makes class means coincide. With a few dozen images of a subgroup, late layers that are trained tell it from its
siblings on those images only; a ridge regression still does on others.

It suppresses: the trunk is as it was, and a probe on earlier stages finds the target.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from clipforget.methods import method
from clipforget.methods.anchored.settings import AnchoredSettings
from clipforget.unlearning.task import KINDS, Step, Task

if TYPE_CHECKING:
    from clipforget.methods.anchored.regression import Views
    from clipforget.models.trunk import Trunk


@method(
    "anchored",
    AnchoredSettings,
    title="Anchored forgetting",
    tier=3,
    source="ours",
    stages=("select", "forget"),
)
def anchored(task: Task, settings: AnchoredSettings) -> Iterator[Step]:
    """Move the target's images off their names in one closed-form step, with siblings and others as anchors.

    Changes only the last linear map of the image tower. Stage `select` embeds the images and their views, `forget`
    solves the regression, once for each coarse name of the target. Raises BadData where a set of training images that
    the weights ask for is empty, BadModel for a tower that does not end in a linear map.
    """
    from clipforget.methods.anchored.regression import change_of
    from clipforget.models.projection import add_to_projection
    from clipforget.models.trunk import Trunk
    from clipforget.unlearning.trainer import steer_accuracy

    task.check_images(settings.tier)
    trunk = Trunk(task.clip)
    views = yield from embed(task, settings, trunk)
    labels = sorted(set(task.forget.labels.tolist()))
    for done, label in enumerate(labels, 1):
        add_to_projection(task.clip.model, change_of(task, label, views, settings))
        yield Step(
            "forget", done, len(labels), steer=steer_accuracy(task, encoder=trunk) if done == len(labels) else {}
        )


def embed(task: Task, settings: AnchoredSettings, trunk: Trunk) -> Generator[Step, None, Views]:
    """Return what the last map reads of all training images; of forget and retain images also of random views."""
    import torch

    from clipforget.methods.anchored.regression import Views
    from clipforget.models.projection import projection_weight
    from clipforget.unlearning.batches import augment

    has_bias = bool((projection_weight(task.original.model)[:, -1] != 0).any())
    generator, size = torch.Generator().manual_seed(task.seed), trunk.batch_size
    passes = [
        (kind, images, settings.augment if view else 0.0)
        for kind, images in enumerate(getattr(task, name) for name in KINDS[: settings.tier])
        for view in range(1 if KINDS[kind] == "others" else settings.views)
    ]
    total = sum(-(-len(images) // size) for _, images, _ in passes)
    inputs, raw = list[torch.Tensor](), list[torch.Tensor]()
    labels, kinds = list[torch.Tensor](), list[torch.Tensor]()
    for kind, images, strength in passes:
        for pixels, of_pixels in images.split(size):
            read, residual = trunk.read(augment(pixels, strength, generator))
            raw.append(trunk.raw(read, residual))
            read[:, -1] *= has_bias
            inputs.append(read)
            labels.append(of_pixels.cpu())
            kinds.append(torch.full((len(read),), kind))
            yield Step("select", len(inputs), total)
    return Views(torch.cat(inputs), torch.cat(raw), torch.cat(kinds), torch.cat(labels))
