"""A batch whose features are given, so that a loss can be worked out by hand, and slow forms to compare with."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from clipforget.unlearning.trainer import Batch

SCALE = 2.0
CLASS_EMBEDDINGS = torch.eye(3)
FEATURES = {
    "forget": torch.tensor([[0.8, 0.6, 0.0], [0.6, 0.0, 0.8]]),
    "retain": torch.tensor([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]]),
    "others": torch.tensor([[0.0, 1.0, 0.0], [0.28, 0.96, 0.0]]),
}
LABELS = {"forget": torch.tensor([0, 0]), "retain": torch.tensor([0, 0]), "others": torch.tensor([1, 2])}


def batch_of(
    original: dict[str, Tensor] | None = None, class_embeddings: Tensor | None = None, step: int = 1, **changes: Any
) -> Batch:
    """FEATURES now, and `original` (or the same) before; class embeddings as given, else CLASS_EMBEDDINGS as before."""
    task = SimpleNamespace(
        clip=SimpleNamespace(logit_scale=SCALE), class_embeddings=CLASS_EMBEDDINGS, names=("car", "dog", "cat")
    )
    pixels = torch.zeros(2, 3, 4, 4)
    images = {kind: (pixels, labels) for kind, labels in LABELS.items()}
    features = {(kind, False): value for kind, value in {**FEATURES, **changes}.items()}
    features |= {(kind, True): value for kind, value in {**FEATURES, **(original or {})}.items()}
    if class_embeddings is not None:
        features["class_embeddings", False] = class_embeddings
    generator = torch.Generator().manual_seed(0)
    return Batch(task, images, generator, None, step, class_embeddings is not None, features)  # type: ignore[arg-type]


def cross_entropy(features: Tensor, labels: Tensor, class_embeddings: Tensor = CLASS_EMBEDDINGS) -> float:
    """Mean cross-entropy over the classes, one image and one name at a time."""
    total = 0.0
    for image, label in zip(features.tolist(), labels.tolist(), strict=True):
        logits = [SCALE * sum(a * b for a, b in zip(image, name, strict=True)) for name in class_embeddings.tolist()]
        total += math.log(sum(math.exp(logit) for logit in logits)) - logits[label]
    return total / len(labels)


def cosine(first: Tensor, second: Tensor) -> float:
    return sum(a * b for a, b in zip(first.tolist(), second.tolist(), strict=True))
