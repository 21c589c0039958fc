"""How far siblings are lifted: as far as images that the regression did not see say that the target stays forgotten.

The more siblings are lifted, the more of them keep the coarse name, and the more images of the target that look like
them keep it too. Where the two balance differs from target to target. So the images are dealt into parts, each is moved
by a regression on the other parts (cross-fitting), and each lift is read off the resulting curve over alpha as any run
is: at matched forgetting. Letters: see `regression`; K parts of what is asked.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from clipforget.evaluation.curves import LEAST, LEVEL, Curve
from clipforget.methods.anchored.regression import (
    FORGET,
    OTHERS,
    RETAIN,
    Captions,
    Views,
    Weights,
    ridge_regression,
)  # fmt: skip
from clipforget.unlearning.losses import own_and_runner_up

LIFTS = tuple(0.7 * 1.12**step for step in range(14))  # 0.7 to 3.1
LEVELS = tuple(share * LEVEL for share in (0.8, 1.0, 1.2))  # of forget accuracy: around the one that counts, for calm
ALPHAS = np.linspace(0.0, 1.0, 21)
TOLERANCE = 0.01  # of the kept share: lifts within it count as equally good


def cross_fitted(views: Views, changes: Tensor, weights: Weights, ridge: float, folds: int) -> Tensor:
    """Return g x of each view, N x K, from a regression on the images of the other folds."""
    fold = views.images % folds
    moved = torch.zeros_like(changes)
    for held in range(folds):
        inside = fold == held
        moved[inside] = views.inputs[inside] @ ridge_regression(views.take(~inside), changes[~inside], weights, ridge)
    return moved


def choose_lift(views: Views, captions: Captions, changes: Tensor, weights: Weights, ridge: float, folds: int) -> float:
    """Return the factor by which siblings are lifted: of LIFTS the one that keeps most at matched forgetting.

    changes N x 2: what is asked of all but siblings, and of siblings. Of factors that are equally good (TOLERANCE) the
    middle one. 1 where there are no siblings, or too few images to deal out.
    """
    folds = min(folds, len(views.images[views.kinds == FORGET].unique()))
    if folds < 2 or not (views.kinds == RETAIN).any():
        return 1.0
    moved = cross_fitted(views, changes, weights, ridge, folds)[views.plain]
    plain = views.take(views.plain)
    kept = [least_kept(plain, captions, moved[:, 0] + lift * moved[:, 1]) for lift in LIFTS]
    good = [lift for lift, share in zip(LIFTS, kept, strict=True) if share >= max(kept) - TOLERANCE]
    return good[len(good) // 2]


def least_kept(views: Views, captions: Captions, moves: Tensor) -> float:
    """Return the least kept share, 0 to 1, where N views move along the direction: the mean over LEVELS.

    A level that is not reached counts as 0.
    """
    names, count = torch.cat([captions.classes, captions.fine]), len(captions.classes)
    scores, change = (views.raw @ names.T).float(), torch.outer(moves, names @ captions.direction()).float()
    forget = views.kinds == FORGET
    found = torch.empty(len(ALPHAS), len(moves))
    for row, alpha in zip(found, ALPHAS, strict=True):
        now = scores + (1 - float(alpha)) * change
        own, best_other = own_and_runner_up(now[:, :count], views.labels)
        fine = now[:, count:].max(dim=1).values if len(captions.fine) else own
        row.copy_(torch.where(forget, torch.maximum(own, fine), own) > best_other)
    by_kind = {kind: found[:, views.kinds == kind].mean(dim=1).double() for kind in (FORGET, RETAIN, OTHERS)}
    shares = [(by_kind[kind] / by_kind[kind][-1]).clamp(max=1) for kind in (RETAIN, OTHERS)]
    least = torch.stack([torch.nan_to_num(share, nan=1.0) for share in shares]).amin(dim=0)  # nan: nobody to keep
    accuracy = by_kind[FORGET].numpy()
    curve = Curve(ALPHAS, accuracy, float(accuracy[-1]), int(forget.sum()), {LEAST: least.numpy()}, {})
    levels = np.array([curve.level(level) for level in LEVELS])
    return float(curve.kept_at(LEAST, curve.positions(levels)).mean())
