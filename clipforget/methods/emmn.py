"""EMMN as arXiv 2506.03117 runs it: climb the loss of what is to go while going down that of what is to stay.

Source: the row EMMN in the tables of arXiv 2506.03117. Elsewhere this is called NegGrad+ (Kurmanji et al. 2023, arXiv
2302.09880); the EMMN of Chundawat et al. 2023 (arXiv 2201.05629) learns noise images for both parts instead, which is
another method.
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
class EmmnSettings(TrainingSettings):
    """Settings of ascent and descent together."""

    retain_weight: float = option(
        1.0, "Weight of the descent on retain images (ascent: 1; paper: 1)", low=0.0, high=1000.0,
        search=(0.3, 1.0, 3.0, 10.0),
    )  # fmt: skip


@loss_method(
    "emmn",
    EmmnSettings,
    title="EMMN as arXiv 2506.03117 runs it (NegGrad+)",
    tier=2,
    source="Targeted Forgetting of Image Subgroups in CLIP Models, arXiv 2506.03117; NegGrad+, arXiv 2302.09880",
    reference_url="https://arxiv.org/abs/2506.03117",
    presets={"paper": PAPER_BASELINE},
    preset_notes={"paper": PAPER_BASELINE_NOTE},
)
def emmn(batch: Batch, settings: EmmnSettings) -> dict[str, Tensor]:
    """Raise the cross-entropy of the forget images and lower that of the retain images, in one step."""
    from clipforget.unlearning.losses import zero_shot_cross_entropy

    forget, retain = (
        zero_shot_cross_entropy(batch.features(kind), batch.labels(kind), batch.class_embeddings(), batch.scale)
        for kind in ("forget", "retain")
    )
    return {"forget": -forget, "retain": settings.retain_weight * retain}
