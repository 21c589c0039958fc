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

    weight = projection_weight(task.original.model)
    has_bias = bool((weight[:, -1] != 0).any())
    generator, size = torch.Generator().manual_seed(task.seed), trunk.batch_size
    passes = [
        (kind, images, settings.augment if view else 0.0)
        for kind, images in enumerate(getattr(task, name) for name in KINDS[: settings.tier])
        for view in range(1 if KINDS[kind] == "others" else settings.views)
    ]
    count, total = (sum(-(-len(images) // part) for _, images, _ in passes) for part in (1, size))
    # made at once: small tensors kept from each batch would lie between large ones that come and go, and split the heap
    inputs, raw = (torch.empty(count, columns, dtype=torch.float64) for columns in reversed(weight.shape))
    done, start = 0, 0
    for _, images, strength in passes:
        for pixels, _ in images.split(size):
            read, residual = trunk.read(augment(pixels, strength, generator))
            raw[start : start + len(read)] = trunk.raw(read, residual)
            read[:, -1] *= has_bias
            inputs[start : start + len(read)] = read
            done, start = done + 1, start + len(read)
            yield Step("select", done, total)
    kinds = torch.cat([torch.full((len(images),), kind) for kind, images, _ in passes])
    return Views(inputs, raw, kinds, torch.cat([images.labels.cpu() for _, images, _ in passes]))
