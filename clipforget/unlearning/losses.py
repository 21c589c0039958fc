"""The losses of forgetting and reminding. B images, C classes, D embedding; features and embeddings are unit length."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def mismatched_cosine(features: Tensor, labels: Tensor, class_embeddings: Tensor) -> float:
    """Return c0: the mean cosine of images (B x D, labels B) with the captions (C x D) of classes they do not show."""
    wrong = torch.ones(len(features), len(class_embeddings), dtype=torch.bool)
    wrong[torch.arange(len(features)), labels] = False
    return float((features @ class_embeddings.T)[wrong].mean())


def caption_cosine(features: Tensor, labels: Tensor, class_embeddings: Tensor, floor: float | None = None) -> Tensor:
    """Average the cosines with the own caption, a scalar in -1..1: what arXiv 2506.03117 minimises (Forget).

    With a floor (c0, ours) it is the hinge mean(relu(s - floor)): images already below it are left alone.
    """
    cosines = (features * class_embeddings[labels]).sum(dim=-1)
    return cosines.mean() if floor is None else F.relu(cosines - floor).mean()


def runner_up_margin(features: Tensor, labels: Tensor, class_embeddings: Tensor, margin: float | Tensor) -> Tensor:
    """Average relu(s_own - s_runner_up + margin), a scalar >= 0 in cosine units (ours); margin: one, or B of them.

    The runner-up is the best other class, read without gradient: an image stops being pushed once another
    caption beats its own by the margin, which moves it no further than a zero-shot classifier needs.
    """
    own, best_other = own_and_runner_up(features @ class_embeddings.T, labels)
    return F.relu(own - best_other.detach() + margin).mean()


def proportional_margins(features: Tensor, labels: Tensor, class_embeddings: Tensor, margin: float) -> Tensor:
    """Scale the margins to ask of B images by those by which their own caption wins now; `margin` on average.

    features are the original's. Along alpha a margin moves about linearly from what is asked for to what it was, so
    proportional ones cross zero at one alpha, whereas equal ones spread out: then some images are still known where
    most are forgotten. Nobody is asked for less than one who wins by half the usual distance, so that near misses are
    pushed as well (ours).
    """
    own, best_other = own_and_runner_up(features @ class_embeddings.T, labels)
    lead = own - best_other
    shares = torch.maximum(lead, lead.abs().mean() / 2)
    return margin * shares / shares.mean().clamp(min=1e-6)


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
