"""LEACE: take out the directions by which a linear classifier tells the target's images from the rest, in closed form.

Source: Belrose et al. 2023, LEACE: Perfect linear concept erasure in closed form (arXiv 2306.03819; code:
EleutherAI/concept-erasure): r(x) = P (x - mu) + mu with P = I - W^+ (W S) (W S)^+ W, where W whitens the features'
covariance and S is their cross-covariance with the labels. Of all affine maps that leave no linear trace of the labels
this moves the features least; afterwards the labels' class means coincide. As theirs: double precision, nothing read
but features and labels. Ours: the labels say which target an image shows, if any; the features are the raw ones, before
they are normalised, and P is folded into the last linear map of the image tower; the shift (I - P) mu is dropped, since
features are normalised afterwards and a tower without a bias has no place for it; a ridge on the covariance instead of
their shrinkage; a strength s <= 1, P_s = I - s (I - P).

Told from its siblings alone, the target becomes one of them: its own name finds it no better than them, the coarse one
as before. Told from all other images it also leaves what it shares with siblings only as far as it shows it more than
they do. Images: forget + retain set, by default also others (no label of theirs is read).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.errors import BadData
from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.task import Step, Task

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.task import ImageSet

ALL, RETAIN = "all", "retain"


@dataclass(frozen=True)
class LeaceSettings:
    """Settings of LEACE."""

    told_from: str = option(
        ALL, "Images that the target is no longer told from: all the rest (ours), or retain images alone, which leaves "
        "it among its siblings under their common name", choices=(ALL, RETAIN), search=(ALL, RETAIN),
    )  # fmt: skip
    strength: float = option(
        1.0, "s: share of the directions that is taken out (paper: 1)", low=0.0, high=1.0, search=(0.5, 0.8, 1.0)
    )
    ridge: float = option(
        1e-2, "What is added to the covariance's diagonal, as a share of its mean", low=1e-8, high=100.0, advanced=True,
        search=(1e-3, 1e-2, 1e-1, 1.0),
    )  # fmt: skip

    @property
    def tier(self) -> int:
        """Return 2 where the target is told from retain images alone."""
        return 3 if self.told_from == ALL else 2


@method(
    "leace",
    LeaceSettings,
    title="Least-squares concept erasure (LEACE)",
    tier=3,
    source="LEACE: Perfect linear concept erasure in closed form, arXiv 2306.03819",
    reference_url="https://arxiv.org/abs/2306.03819",
    stages=("select", "forget"),
)
def leace(task: Task, settings: LeaceSettings) -> Iterator[Step]:
    """Take out of the last projection what linearly tells the target's images from the rest; no training.

    Stage `select` embeds the images. Raises BadData where there are none to forget or to tell them from, BadModel for a
    tower that does not end in a linear map.
    """
    import torch

    from clipforget.models.projection import project
    from clipforget.unlearning.trainer import steer_accuracy

    rest = task.retain.joined(task.others) if settings.told_from == ALL else task.retain
    if not len(task.forget) or not len(rest):
        raise BadData("LEACE needs training images to forget and images to tell them from; choose others.")
    features = yield from embed(task, task.forget.joined(rest))
    owners = task.target_of.get("forget", torch.zeros(len(task.forget), dtype=torch.int64))
    labels = torch.nn.functional.one_hot(torch.cat([owners + 1, owners.new_zeros(len(rest))]))[:, 1:]
    project(task.clip.model, eraser(*covariances(features, labels), settings.ridge, settings.strength))
    yield Step("forget", 1, 1, steer=steer_accuracy(task))


def embed(task: Task, images: ImageSet) -> Generator[Step, None, Tensor]:
    """Return the original's raw features of N images: N x D on the CPU, not normalised; a Step a chunk."""
    import torch

    size = task.original.batch_size
    parts, total = [], -(-len(images) // size)
    for done, chunk in enumerate(images.pixels.split(size), 1):
        with torch.no_grad():
            parts.append(task.original.model.encode_image(chunk.to(task.original.device)).float().cpu())
        yield Step("select", done, total)
    return torch.cat(parts)


def covariances(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the covariance D x D of N x D features and the cross-covariance D x K with N x K labels, in doubles."""
    features, labels = (values.double() - values.double().mean(dim=0) for values in (features, labels))
    return features.T @ features / len(features), features.T @ labels / len(features)


def eraser(covariance: Tensor, cross: Tensor, ridge: float, strength: float = 1.0) -> Tensor:
    """Return I - s W^+ (W S) (W S)^+ W, D x D, for a covariance D x D and a cross-covariance S, D x K, in doubles."""
    import torch

    identity = torch.eye(len(covariance), dtype=torch.float64)
    covariance = covariance + ridge * covariance.diagonal().mean() * identity
    values, vectors = torch.linalg.eigh(covariance)
    whitening, unwhitening = (vectors * values**power @ vectors.T for power in (-0.5, 0.5))
    white = whitening @ cross
    change: Tensor = strength * unwhitening @ white @ torch.linalg.pinv(white) @ whitening
    return identity - change
