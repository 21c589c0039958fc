"""Repaired head: a linear map fitted without one image of the target. How much of it returns was there all along.

A model that never saw the target gets most of it right too, from what its siblings taught: only a figure above that
model's says that something was hidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipforget.audits import AuditStep, AuditTask, Figure, Measurement, Measuring, Subject, audit

if TYPE_CHECKING:
    from torch import Tensor

RIDGE = 1.0
LABELS = {"forget": "target", "siblings": "siblings"}


@audit(
    "repaired_head",
    title="Repaired head",
    question="Does a new head, fitted without the target, find it again?",
    source="Kirichenko, Izmailov and Wilson, Last Layer Re-Training is Sufficient, 2023",
    reference_url="https://arxiv.org/abs/2204.02937",
    finds="refitted without the target, it gets {} of it right",
    hidden="a linear map brings it back",
    compared=("forget-fine", "forget-head"),
    needs=("siblings", "others"),
)
def repaired_head(subject: Subject, task: AuditTask) -> Measuring:
    """Fit ridge regressions on train images of siblings and others alone, and test them on the target.

    A map back to the original's features, whose images are classified by the original's texts, and a head onto the
    class names. The primary figure is that of the map and the fine names, where there are such: it tells best what was
    hidden from what was never there. Siblings are tested beside the target.
    """
    import torch
    from torch.nn.functional import normalize, one_hot

    yield AuditStep(0, 2, "head")
    fit = [task.fit[role] for role in ("siblings", "others")]
    features = torch.cat([subject.features(images) for images in fit])
    labels = torch.cat([images.labels for images in fit])
    head = ridge(features, one_hot(labels, len(task.names)).float())
    yield AuditStep(1, 2, "map to the original")
    back = ridge(features, torch.cat([task.original_subject.features(images) for images in fit]))
    figures = []
    for role in ("forget", "siblings"):
        images, who = task.test[role], LABELS[role]
        scores = {"head": (f"{who}, new head", _apply(head, subject.features(images)), images.labels)}
        mapped = normalize(_apply(back, subject.features(images)), dim=1)
        levels = {"coarse": (task.names, images.labels), "fine": (task.subgroup_names, images.subgroups)}
        for level, (names, own) in levels.items():
            texts = [task.template.replace("{}", name) for name in names]
            if texts:
                cosines = mapped @ task.original_subject.texts(texts).T
                scores[level] = (f"{who}, mapped back, {level} names", cosines, own)
        for key in sorted(scores, key=("fine", "head", "coarse").index):
            label, values, own = scores[key]
            hits = int((values.argmax(dim=1) == own).sum())
            figures.append(Figure.share(f"{role}-{key}", label, hits, len(images)))
    yield AuditStep(2, 2)
    return Measurement(tuple(figures))


def _apply(weights: Tensor, features: Tensor) -> Tensor:
    """N x M from the (D + 1) x M weights and N x D features."""
    return features @ weights[:-1] + weights[-1]


def ridge(features: Tensor, targets: Tensor) -> Tensor:
    """Return the (D + 1) x M weights of a ridge regression of N x D on N x M; the last row is a free intercept."""
    import torch

    x = torch.cat([features, torch.ones(len(features), 1)], dim=1).double()
    penalty = RIDGE * torch.eye(x.shape[1], dtype=x.dtype)
    penalty[-1, -1] = 0
    weights: Tensor = torch.linalg.solve(x.T @ x + penalty, x.T @ targets.double()).float()
    return weights
