"""Fine-tuning: train on what is retained and hope that the rest fades.

Source: FT in the tables of arXiv 2506.03117, a baseline as old as unlearning (Golatkar et al. 2020, arXiv 1911.04933).
As there, only retain images are seen, and all of them may share one caption: nothing pushes the subgroup out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import loss_method
from clipforget.unlearning.options import PAPER_BASELINE, PAPER_BASELINE_NOTE, TrainingSettings

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class FinetuneSettings(TrainingSettings):
    """Settings of fine-tuning."""


@loss_method(
    "finetune",
    FinetuneSettings,
    title="Fine-tuning (FT)",
    tier=2,
    source="Eternal Sunshine of the Spotless Net, arXiv 1911.04933",
    reference_url="https://arxiv.org/abs/1911.04933",
    presets={"paper": PAPER_BASELINE},
    preset_notes={"paper": PAPER_BASELINE_NOTE},
)
def finetune(batch: Batch, settings: FinetuneSettings) -> dict[str, Tensor]:
    """Lower the cross-entropy of the retain images alone; what is to be forgotten is never seen."""
    from clipforget.unlearning.losses import zero_shot_cross_entropy

    return {
        "retain": zero_shot_cross_entropy(
            batch.features("retain"), batch.labels("retain"), batch.class_embeddings(), batch.scale
        )
    }
