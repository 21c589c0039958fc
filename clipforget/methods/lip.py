"""LIP: smooth the model around what is to be forgotten, until noise no longer moves its output.

Source: Zero-Shot Machine Unlearning at Scale via Lipschitz Regularization (Foster et al. 2024, arXiv 2402.01401), which
smooths a classifier's output; on CLIP, arXiv 2506.03117 takes 10 noisy copies and smooths embeddings (its equation 7)
and the cosines with all class names (8). The equal weight of the two is inferred. Nothing in this loss asks for
another name, and where all forget images share one, the smoothest answer may well be that name for everything: without
a small rate the rest is lost first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import loss_method
from clipforget.settings import option
from clipforget.unlearning.options import (
    PAPER_BASELINE,
    PAPER_BASELINE_NOTE,
    TrainingSettings,
    learning_rate_option,
)

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class LipSettings(TrainingSettings):
    """Settings of Lipschitz regularisation; memory grows with batch * (copies + 1) images."""

    steps: int = option(20, "Steps of training", low=1, high=5000, search=(10, 20, 60))
    learning_rate: float = learning_rate_option(3e-5, search=(3e-6, 1e-5, 3e-5, 1e-4))
    sigma: float = option(
        3.0, "Standard deviation of the noise on normalised pixels", low=1e-3, high=30.0, search=(0.3, 1.0, 3.0, 10.0)
    )
    similarity_weight: float = option(
        1.0, "Weight of class similarities; embeddings have 1", low=0.0, high=1000.0, search=(0.0, 1.0)
    )
    copies: int = option(10, "Noisy copies of each image", low=1, high=100, advanced=True)
    batch_size: int = option(4, "Images of each kind in a step", low=2, high=512, advanced=True, former=("batch",))


@loss_method(
    "lip",
    LipSettings,
    title="Lipschitz regularisation (LIP)",
    tier=1,
    source="Zero-Shot Machine Unlearning at Scale via Lipschitz Regularization, arXiv 2402.01401",
    reference_url="https://arxiv.org/abs/2402.01401",
    presets={"paper": PAPER_BASELINE},
    preset_notes={"paper": PAPER_BASELINE_NOTE},
)
def lip(batch: Batch, settings: LipSettings) -> dict[str, Tensor]:
    """Make embeddings and class similarities of the forget images insensitive to noise; nothing else is seen."""
    import torch

    from clipforget.unlearning.losses import lipschitz_ratio

    pixels, class_embeddings = batch.pixels("forget"), batch.class_embeddings()
    noise = torch.randn(settings.copies, *pixels.shape, generator=batch.generator).to(pixels.device) * settings.sigma
    clean = batch.features("forget")
    noisy = batch.encode((pixels + noise).flatten(0, 1)).unflatten(0, noise.shape[:2])
    return {
        "embeddings": lipschitz_ratio(clean, noisy, noise),
        "similarities": settings.similarity_weight
        * lipschitz_ratio(clean @ class_embeddings.T, noisy @ class_embeddings.T, noise),
    }
