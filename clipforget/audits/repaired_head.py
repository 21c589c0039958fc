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
    finds="a head fitted without the target gets {} of it right",
    hidden="a new head brings it back",
    compared=("forget", "forget-map-fine"),
    needs=("siblings", "others"),
)
def repaired_head(subject: Subject, task: AuditTask) -> Measuring:
    """Fit ridge regressions on train images of siblings and others alone, and test them on the target.

    A head onto the class names, and a map back to the original's features, whose images are classified by the
    original's texts, coarse and fine. Siblings are tested beside the target.
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
    figures, after = [], []
    for role in ("forget", "siblings"):
        images = task.test[role]
        who, x = LABELS[role], subject.features(images)
        hits = int((_apply(head, x).argmax(dim=1) == images.labels).sum())
        figures.append(Figure.share(role, f"{who}, new head", hits, len(images)))
        mapped = normalize(_apply(back, x), dim=1)
        for level, names, own in (
            ("coarse", task.names, images.labels),
            ("fine", task.subgroup_names, images.subgroups),
        ):
            if names:
                texts = task.original_subject.texts([task.template.replace("{}", name) for name in names])
                hits = int(((mapped @ texts.T).argmax(dim=1) == own).sum())
                after.append(
                    Figure.share(f"{role}-map-{level}", f"{who}, mapped back, {level} names", hits, len(images))
                )
    yield AuditStep(2, 2)
    return Measurement((*figures, *after))


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
