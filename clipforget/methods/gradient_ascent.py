"""Gradient ascent: unlearn by climbing the loss that training once went down.

Source: Golatkar et al. 2020 (arXiv 1911.04933) and Thudi et al. 2022 (arXiv 2109.13398), as in the tables of arXiv
2506.03117. Unbounded: it overshoots and takes the siblings along, which is why its steps are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import loss_method
from clipforget.settings import option
from clipforget.unlearning.options import PAPER_BASELINE, PAPER_BASELINE_NOTE, TrainingSettings

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class GradientAscentSettings(TrainingSettings):
    """Settings of gradient ascent."""

    steps: int = option(20, "Steps of training", low=1, high=5000, search=(10, 20, 60))


@loss_method(
    "gradient_ascent",
    GradientAscentSettings,
    title="Gradient ascent (GA)",
    tier=1,
    source="Eternal Sunshine of the Spotless Net, arXiv 1911.04933",
    reference_url="https://arxiv.org/abs/1911.04933",
    presets={"paper": PAPER_BASELINE},
    preset_notes={"paper": PAPER_BASELINE_NOTE},
)
def gradient_ascent(batch: Batch, settings: GradientAscentSettings) -> dict[str, Tensor]:
    """Raise the cross-entropy of the forget images with their coarse caption, without bound."""
    from clipforget.unlearning.losses import zero_shot_cross_entropy

    features, labels = batch.features("forget"), batch.labels("forget")
    return {"forget": -zero_shot_cross_entropy(features, labels, batch.class_embeddings(), batch.scale)}
