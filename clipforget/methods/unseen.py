"""As if never seen (ours): the target's images come to lie as a model that never saw any would place them.

A model that was retrained without biplanes still calls them airplanes: it knows the class, not the kind. What it lacks
is the kind's own name, and its own corner of feature space. So each image to forget keeps its similarities to siblings,
while those to its own kind come down to them (no cluster is left for an image query) and its fine name falls below
every other name. Siblings and others keep the original's features. All of it trains the last stages of the image tower.

Training leaves what is along the name's direction, and a few pictures bring it back. So that direction is taken out of
the last map in the end, as Erasing CLIP Memories (arXiv 2512.14137) does alone. Where names lie close together, as
those of a CLIP of photographs, the whole class would go with it; there it stays.

Then all images, whatever they show, are moved away from the name, since so lies a name that no picture was trained
with: in a model that was retrained without convertibles, their name's cosine is -0.28 with them, -0.24 with siblings,
-0.29 with others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clipforget.errors import BadModel
from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings, learning_rate_option
from clipforget.unlearning.task import IMAGE, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


KEPT = 0.95  # share of the accuracy of steer's siblings and others that each change of the last map has to leave
LONGEST = 1.0  # what is added to all features, as a share of their length
RIDGE = 1e-2  # of a bias made of what the last map reads, as a share of the mean square of an input


@dataclass(frozen=True)
class UnseenSettings(TrainingSettings):
    """Settings of forgetting as if never seen."""

    steps: int = option(200, "Steps of training", low=1, high=5000, search=(100, 200, 300))
    learning_rate: float = learning_rate_option(2e-4, search=(1e-4, 2e-4, 4e-4))
    batch_size: int = option(32, "Images of each kind in a step", low=2, high=512, advanced=True)
    own_weight: float = option(
        3.0, "Weight of bringing images to forget as far from each other as from siblings", low=0.0, high=100.0,
        search=(1.0, 3.0, 6.0),
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
    name_distance: float = option(
        2.5, "How far from all images their own name is to lie: standard deviations below the mean cosine with wrong "
        "classes; 0: left where it is", low=0.0, high=10.0,
    )  # fmt: skip
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
    from torch.nn import functional as F

    from clipforget.models.precision import autocast
    from clipforget.models.stages import run_stages, stages
    from clipforget.unlearning.batches import augment
    from clipforget.unlearning.trainer import Trainer, stage_parameters

    parts = stages(task.clip.model)
    alike, trained = parts[: -settings.stages], parts[-settings.stages :]
    untrained = stages(task.original.model)[-settings.stages :]
    late = stage_parameters(task.clip.model, trained)
    with torch.no_grad():
        fine = task.original.encode_text(list(task.forget_prompts)).float()
        others = [text for text in (*task.class_prompts, *task.retain_prompts) if text not in task.forget_prompts]
        names = task.original.encode_text(others).float()

    def features(pixels: Tensor, precision: str) -> tuple[Tensor, Tensor]:
        """Embed pixels by the trained model and by the original; what both have alike runs once."""
        with autocast(task.clip.device, precision):
            with torch.no_grad():
                read = run_stages(alike, pixels)
                original = run_stages(untrained, read)
            return F.normalize(run_stages(trained, read).float(), dim=1), F.normalize(original.float(), dim=1)

    def loss(batch: Batch, settings: UnseenSettings) -> dict[str, Tensor]:
        views = [augment(batch.pixels(kind), settings.augment, batch.generator) for kind in batch.images]
        now, original = (x.split([len(view) for view in views]) for x in features(torch.cat(views), batch.precision))
        related = batch.labels("forget")[:, None] == batch.labels("retain")
        return losses(now, original, related, (fine, names), settings)

    yield from Trainer(task, settings, IMAGE, tier=3, parameters=late).train(loss)
    with suppress(BadModel):  # a tower that ends in a pooling, as SigLIP's, stays as it was trained
        take_out(task, fine.cpu(), settings.name_strength)
        if settings.name_distance:
            turn_away(task, fine.cpu(), names.cpu(), settings.name_distance)


def losses(
    now: tuple[Tensor, ...],
    original: tuple[Tensor, ...],
    related: Tensor,
    names: tuple[Tensor, Tensor],
    settings: UnseenSettings,
) -> dict[str, Tensor]:
    """Return the weighted losses, scalars >= 0, of unit features of images to forget, siblings and others.

    now and original are what the trained model and the original make of them (N, M and K x D); related (N x M) says
    which siblings are of an image's class; names are the target's own (F x D) and all others (C x D).
    """
    import torch

    from clipforget.unlearning.losses import feature_distance

    forget, siblings, (fine, others) = now[0], original[1], names
    kept = original[0] @ siblings.T
    return {
        "siblings": settings.siblings_weight * (forget @ siblings.T - kept).square().mean(),
        "own kind": settings.own_weight * excess(forget @ forget.T, mean_where(kept, related)),
        "name": settings.name_weight * excess(forget @ fine.T, (forget @ others.T).amin(1, keepdim=True).detach()),
        "retain": settings.retain_weight * feature_distance(torch.cat(now[1:]), torch.cat(original[1:])),
    }


def take_out(task: Task, names: Tensor, strength: float) -> None:
    """Take the directions of names (M x D) out of the last map, unless siblings or others lose by it.

    Raises BadModel for a tower that does not end in a linear map.
    """
    from clipforget.models.projection import project
    from clipforget.unlearning.directions import basis, projection_matrix

    unless_others_lose(task, lambda model: project(model, projection_matrix(basis(names), strength)))


def turn_away(task: Task, names: Tensor, others: Tensor, distance: float) -> None:
    """Let the last map add one vector to all features, so that names (M x D) lie where those of nothing seen do.

    That is `distance` standard deviations below the mean cosine of steer's images with the classes that they do not
    show. The vector is orthogonal to other names (N x D), so these stay in order; nothing moves towards a name. All is
    left where names lie so close together that a vector of LONGEST goes less than half the way, or where siblings or
    others lose by it.

    Raises BadModel for a tower that does not end in a linear map.
    """
    import torch
    from torch.nn import functional as F

    from clipforget.models.projection import add_to_projection
    from clipforget.models.trunk import Trunk

    trunk = Trunk(task.clip)
    images = [part for kind in task.steer.values() if len(kind) for part in kind.split(trunk.batch_size)]
    if not images or len(task.names) < 2:
        return
    read = [trunk.read(pixels) for pixels, _ in images]
    inputs, raw = torch.cat([x for x, _ in read]), torch.cat([trunk.raw(*x) for x in read])
    labels = torch.cat([labels for _, labels in images])
    cosines = torch.cat([task.original.embed(pixels) for pixels, _ in images]) @ task.class_embeddings.cpu().T
    wrong = cosines[torch.arange(cosines.shape[1]) != labels.cpu()[:, None]]
    level = float(wrong.mean() - distance * wrong.std())
    nearer = (F.normalize(raw, dim=1) @ names.double().T).mean(dim=0) - level
    vector = torch.linalg.pinv(torch.cat([names, others]).double())[:, : len(names)] @ -nearer.clamp(min=0)
    size = float(vector.norm())
    if not 0 < size <= 2 * LONGEST:
        return
    length = min(size / max(1 - size**2, 0.5) ** 0.5, LONGEST)  # longer, as features are normalised afterwards
    vector *= raw.norm(dim=1).mean() * length / size
    unless_others_lose(task, lambda model: add_to_projection(model, torch.outer(vector, bias_of(model, inputs))))


def bias_of(model: Any, inputs: Tensor) -> Tensor:
    """Return weights (I + 1) that make 1 of what the last map reads (N x (I + 1), 1 last): its bias, if it has one.

    Else they are a ridge regression of 1 on the rest.
    """
    import torch

    from clipforget.models.projection import projection_weight

    if projection_weight(model)[:, -1].any():
        return torch.eye(inputs.shape[1], dtype=inputs.dtype)[-1]
    x = inputs * (torch.arange(inputs.shape[1]) < inputs.shape[1] - 1)
    gram = x.T @ x / len(x)
    solved: Tensor = torch.linalg.solve(gram + RIDGE * gram.diagonal().mean() * torch.eye(len(gram)), x.mean(dim=0))
    return solved


def unless_others_lose(task: Task, change: Callable[[Any], None]) -> None:
    """Change the model, and undo it where steer's siblings or others keep less than KEPT of the accuracy they had."""
    from clipforget.unlearning.trainer import steer_accuracy

    model, before = task.clip.model, steer_accuracy(task)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    change(model)
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
