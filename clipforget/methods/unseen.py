"""As if never seen (ours): the target's images come to lie as a model that never saw any would place them.

A model that was retrained without biplanes still calls them airplanes: it knows the class, not the kind. What it lacks
is the kind's own name, and its own corner of feature space. So each image to forget keeps its similarities to siblings,
while those to its own kind come down to them (no cluster is left for an image query) and its fine name falls below
every other name. Siblings and others keep the original's features. All of it trains the last stages of the image tower.

Training leaves what is along the name's direction, and a few pictures bring it back. So that direction is taken out of
the last map in the end, as Erasing CLIP Memories (arXiv 2512.14137) does alone. Where names lie close together, as
those of a CLIP of photographs, the whole class would go with it; there it stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clipforget.errors import BadModel
from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings, learning_rate_option
from clipforget.unlearning.task import IMAGE, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


KEPT = 0.95  # share of the accuracy of steer's siblings and others that taking out the name has to leave


@dataclass(frozen=True)
class UnseenSettings(TrainingSettings):
    """Settings of forgetting as if never seen."""

    steps: int = option(200, "Steps of training", low=1, high=5000, search=(100, 200, 300))
    learning_rate: float = learning_rate_option(2e-4, search=(1e-4, 2e-4, 4e-4))
    batch_size: int = option(32, "Images of each kind in a step", low=2, high=512, advanced=True)
    own_weight: float = option(
        1.0, "Weight of bringing images to forget as far from each other as from siblings", low=0.0, high=100.0,
        search=(0.3, 1.0, 3.0),
    )  # fmt: skip
    name_weight: float = option(
        1.0, "Weight of their own name falling below all other names", low=0.0, high=100.0, search=(0.3, 1.0, 3.0)
    )
    siblings_weight: float = option(1.0, "Weight of keeping their similarities to siblings", low=0.0, high=100.0)
    retain_weight: float = option(
        8.0, "Weight of keeping the original's features of siblings and others", low=0.0, high=1000.0,
        search=(4.0, 8.0, 16.0),
    )  # fmt: skip
    stages: int = option(3, "How many of the last stages of the image tower are trained", low=1, high=100)
    name_strength: float = option(
        1.0, "Share of their own name's direction that is taken out of the last map in the end", low=0.0, high=1.0
    )
    augment: float = option(0.5, "Strength of random mirrorings, zooms and shifts", low=0.0, high=1.0, advanced=True)


@method(
    "unseen",
    UnseenSettings,
    title="As if never seen",
    tier=3,
    source="ours",
    note="It aims at the goal never-seen: the class's name may still find the target, its own name and pictures not.",
)
def unseen(task: Task, settings: UnseenSettings) -> Iterator[Step]:
    """Scatter the target's images among their siblings and take their own name away.

    Raises BadData where a set of training images is empty, BadSetting where the training diverges.
    """
    import torch

    from clipforget.models.stages import stages
    from clipforget.unlearning.batches import augment
    from clipforget.unlearning.losses import feature_distance
    from clipforget.unlearning.trainer import Trainer, tower_parameters

    last = stages(task.clip.model)[-settings.stages :]
    parameters = tower_parameters(task.clip.model, IMAGE)
    late = {name: value for name, value in parameters.items() if any(stage.owns(name) for stage in last)}
    with torch.no_grad():
        fine = task.original.encode_text(list(task.forget_prompts)).float()
        others = [text for text in (*task.class_prompts, *task.retain_prompts) if text not in task.forget_prompts]
        names = task.original.encode_text(others).float()

    def loss(drawn: Batch, settings: UnseenSettings) -> dict[str, Tensor]:
        views = {
            kind: (augment(pixels, settings.augment, drawn.generator), labels)
            for kind, (pixels, labels) in drawn.images.items()
        }
        batch = replace(drawn, images=views)
        forget, before = batch.features("forget"), batch.features("forget", original=True)
        siblings = batch.features("retain", original=True)
        related = batch.labels("forget")[:, None] == batch.labels("retain")
        rest = batch.features("retain", "others"), batch.features("retain", "others", original=True)
        kept = before @ siblings.T
        return {
            "siblings": settings.siblings_weight * (forget @ siblings.T - kept).square().mean(),
            "own kind": settings.own_weight * excess(forget @ forget.T, mean_where(kept, related)),
            "name": settings.name_weight * excess(forget @ fine.T, (forget @ names.T).amin(1, keepdim=True).detach()),
            "retain": settings.retain_weight * feature_distance(*rest),
        }

    yield from Trainer(task, settings, IMAGE, tier=3, parameters=late).train(loss)
    with suppress(BadModel):  # a tower that ends in a pooling, as SigLIP's, stays as it was trained
        take_out(task, fine.cpu(), settings.name_strength)


def take_out(task: Task, names: Tensor, strength: float) -> None:
    """Take the directions of names (M x D) out of the last map, unless steer's siblings or others lose by it.

    It is undone where either keeps less than KEPT of the accuracy that it had. Raises BadModel for a tower that does
    not end in a linear map.
    """
    from clipforget.models.projection import project
    from clipforget.unlearning.directions import basis, projection_matrix
    from clipforget.unlearning.trainer import steer_accuracy

    model, before = task.clip.model, steer_accuracy(task)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    project(model, projection_matrix(basis(names), strength))
    after = steer_accuracy(task)
    if any(after[kind] < KEPT * before[kind] for kind in before if kind != "forget"):
        model.load_state_dict(state)


def mean_where(cosines: Tensor, related: Tensor) -> Tensor:
    """Average each row's cosines where it is related, everywhere where it is nowhere: N x M and bool to N x 1."""
    weights = (related | ~related.any(dim=1, keepdim=True)).float()
    mean: Tensor = (cosines * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True)
    return mean


def excess(cosines: Tensor, bound: Tensor) -> Tensor:
    """Average the squares of what cosines (N x M) have above their row's bound (N x 1), a scalar >= 0.

    An image's cosine with itself, 1, is the same for every model, so it has no gradient.
    """
    return (cosines - bound).clamp(min=0).square().mean()
