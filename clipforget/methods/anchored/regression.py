"""One direction of one projection, by ridge regression: what is asked of each image, and who is asked.

Letters: N views of images, I inputs of the last map (with a constant for its bias), D embedding, C classes, F fine
names. Everything in double precision, on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.unlearning.losses import own_and_runner_up
from clipforget.unlearning.task import Task

if TYPE_CHECKING:
    from clipforget.methods.anchored.settings import AnchoredSettings

FORGET, RETAIN, OTHERS = range(3)
DAMPING = 1.0  # of the direction: its ridge as a share of a name's length, so that close names do not make it long


@dataclass(frozen=True)
class Captions:
    """One coarse caption among the class embeddings (C x D), by its label, with the target's fine names (F x D)."""

    classes: Tensor
    label: int
    fine: Tensor

    def direction(self) -> Tensor:
        """Return d (D): along it the coarse cosine rises by 1 and the fine ones with it, other names hardly."""
        names = torch.cat([self.classes, self.fine])
        wanted = torch.zeros(len(names), dtype=names.dtype)
        wanted[self.label] = 1
        wanted[len(self.classes) :] = 1
        gram = names @ names.T
        ridge = DAMPING * gram.diagonal().mean() * torch.eye(len(names), dtype=names.dtype)
        direction: Tensor = names.T @ torch.linalg.solve(gram + ridge, wanted)
        return direction / float(self.classes[self.label] @ direction)

    def leads(self, raw: Tensor, *, fine: bool = False) -> Tensor:
        """Return by how much the coarse caption beats the best other class, N cosines, for raw features N x D.

        fine: the largest of that and the same with each fine name in the coarse one's place.
        """
        features, labels = F.normalize(raw, dim=1), torch.full((len(raw),), self.label)
        own, best_other = own_and_runner_up(features @ self.classes.T, labels)
        if fine and len(self.fine):
            own = torch.maximum(own, (features @ self.fine.T).max(dim=1).values)
        return own - best_other


@dataclass(frozen=True)
class Views:
    """N views: inputs N x I of the last map, raw features N x D, kinds N (FORGET, RETAIN, OTHERS), class labels N."""

    inputs: Tensor
    raw: Tensor
    kinds: Tensor
    labels: Tensor

    def seen_from(self, label: int) -> Views:
        """Return the same views, where all that do not show the class are others."""
        return replace(self, kinds=torch.where(self.labels == label, self.kinds, OTHERS))


def changes_asked(views: Views, captions: Captions, forget_margin: float, retain_margin: float) -> Tensor:
    """Return how far each view is to move along the direction, N: forget down, siblings up, others not at all.

    In units of the coarse cosine times the feature's length. Images to forget are asked to lose by their margin under
    coarse and fine name, siblings to win by theirs; of others those that the coarse caption wins are asked to leave it.
    Nobody is asked for more.
    """
    lead = captions.leads(views.raw)
    down = -(captions.leads(views.raw, fine=True) + forget_margin).clamp(min=0)
    up = (retain_margin - lead).clamp(min=0)
    change = torch.where(views.kinds == FORGET, down, torch.where(views.kinds == RETAIN, up, -lead.clamp(min=0)))
    asked: Tensor = change * views.raw.norm(dim=1)
    return asked


def ridge_regression(views: Views, changes: Tensor, weights: tuple[float, float, float], ridge: float) -> Tensor:
    """Return g (I), the minimum of sum_k w_k mean_k (g x - change)^2 + ridge |g|^2 over the kinds k.

    changes N; weights of forget, retain and others, however many views each has; ridge is a share of the mean square
    of an input.
    """
    counts = torch.bincount(views.kinds, minlength=3).clamp(min=1)
    row_weights = (torch.tensor(weights, dtype=torch.float64) / counts)[views.kinds]
    gram = views.inputs.T @ (row_weights[:, None] * views.inputs)
    gram += ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    solved: Tensor = torch.linalg.solve(gram, views.inputs.T @ (row_weights * changes))
    return solved


def change_of(task: Task, label: int, views: Views, settings: AnchoredSettings) -> Tensor:
    """Return d g^T, D x I: what is added to the last map so that the target's images of one class leave its name."""
    owners = task.target_of.get("forget", torch.zeros(len(task.forget), dtype=torch.int64))
    targets = [task.targets[i] for i in sorted(set(owners[task.forget.labels == label].tolist())) if task.targets]
    prompts = list(dict.fromkeys(target.prompt(task.template) for target in targets))
    with torch.no_grad():
        fine = task.original.encode_text(prompts).double().cpu() if prompts else views.raw[:0]
    captions = Captions(task.class_embeddings.double().cpu(), label, fine)
    seen = views.seen_from(label)
    changes = settings.strength * changes_asked(seen, captions, settings.forget_margin, settings.retain_margin)
    weights = (1.0, settings.retain_weight, settings.others_weight)
    return torch.outer(captions.direction(), ridge_regression(seen, changes, weights, settings.ridge))
