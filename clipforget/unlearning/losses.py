"""The losses of forgetting and reminding. B images, C classes, D embedding; features and embeddings are unit length."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def caption_cosine(features: Tensor, labels: Tensor, class_embeddings: Tensor, floor: float | None = None) -> Tensor:
    """Average the cosines with the own caption, a scalar in -1..1: what arXiv 2506.03117 minimises (Forget).

    With a floor (c0, ours) it is the hinge mean(relu(s - floor)): images already below it are left alone.
    """
    cosines = (features * class_embeddings[labels]).sum(dim=-1)
    return cosines.mean() if floor is None else F.relu(cosines - floor).mean()


def own_and_runner_up(cosines: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return of B x C cosines the B with the own caption, and the B with the best other one."""
    columns = labels[:, None]
    return cosines.gather(1, columns)[:, 0], cosines.scatter(1, columns, -torch.inf).max(dim=1).values


def zero_shot_cross_entropy(features: Tensor, labels: Tensor, class_embeddings: Tensor, scale: float) -> Tensor:
    """Compute the cross-entropy of scale * cosine over the class embeddings, a scalar in nats.

    Retain captions may all be equal, so CLIP's in-batch contrast is ill-posed; a zero-shot classifier is not.
    """
    return F.cross_entropy(scale * features @ class_embeddings.T, labels)


def feature_distance(features: Tensor, teacher: Tensor) -> Tensor:
    """Average 1 - cosine between the features and the original's on the same pixels, a scalar in 0..2 (ours)."""
    return (1 - (features * teacher).sum(dim=-1)).mean()


def lipschitz_ratio(outputs: Tensor, noisy: Tensor, noise: Tensor) -> Tensor:
    """Average ||f(x) - f(x + e)|| / ||e|| over N noisy copies of B inputs, a scalar >= 0 (arXiv 2402.01401).

    outputs is B x D, noisy N x B x D, noise (the e) N x B x ..., all norms Euclidean. Gradients flow through both
    outputs.
    """
    ratios: Tensor = torch.linalg.vector_norm(outputs - noisy, dim=-1) / torch.linalg.vector_norm(
        noise.flatten(2), dim=-1
    )
    return ratios.mean()


def similarity_divergence(logits: Tensor, original: Tensor) -> Tensor:
    """Average KL(original || now) of the softmaxes over B x C similarities in logit units, a scalar >= 0 in nats."""
    log_probabilities, target = F.log_softmax(logits, dim=-1), F.log_softmax(original, dim=-1)
    return F.kl_div(log_probabilities, target, reduction="batchmean", log_target=True)
