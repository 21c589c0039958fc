"""MultiDelete: make the pairs of a subgroup look as unrelated as any mismatched pair.

Source: MultiDelete for Multimodal Machine Unlearning (arXiv 2311.12047): modality decoupling, multimodal and unimodal
knowledge retention, equal weights. Its models fuse both modalities; for CLIP the multimodal output is taken to be the
cosine of a pair (inferred). D_r are siblings and others; since captions may be equal there, a mismatched pair is one of
its images with a caption of another class, drawn at random (ours).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import loss_method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings, learning_rate_option
from clipforget.unlearning.task import BOTH

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class MultiDeleteSettings(TrainingSettings):
    """Settings of MultiDelete; the decoupling of the forget pairs has weight 1."""

    learning_rate: float = learning_rate_option(3e-4)
    multimodal_weight: float = option(
        1.0, "Weight of keeping the other pairs' similarity", low=0.0, high=1000.0, search=(0.3, 1.0, 3.0)
    )
    unimodal_weight: float = option(
        1.0, "Weight of keeping the other images' and all captions' features", low=0.0, high=1000.0,
        search=(0.3, 1.0, 3.0),
    )  # fmt: skip


@loss_method(
    "multidelete",
    MultiDeleteSettings,
    title="MultiDelete",
    tier=3,
    source="MultiDelete for Multimodal Machine Unlearning, arXiv 2311.12047",
    reference_url="https://arxiv.org/abs/2311.12047",
    changes=BOTH,
    presets={"paper": {"learning_rate": 1e-5}},
    preset_notes={
        "paper": "The paper's equal weights; its rate for CLIP is unknown: 1e-5 stands in, tuned searches it."
    },
)
def multidelete(batch: Batch, settings: MultiDeleteSettings) -> dict[str, Tensor]:
    """Move the forget pairs' cosines to those of mismatched pairs; keep other pairs and features in place."""
    from clipforget.unlearning.losses import feature_distance

    rest = ("retain", "others")
    class_embeddings, old_embeddings = batch.class_embeddings(), batch.class_embeddings(original=True)
    features, old_features = batch.features(*rest), batch.features(*rest, original=True)
    mismatched = (old_features * old_embeddings[batch.wrong_labels(*rest)]).sum(dim=-1)
    pairs = (batch.features("forget") * class_embeddings[batch.labels("forget")]).sum(dim=-1)
    labels = batch.labels(*rest)
    drift = (features * class_embeddings[labels]).sum(dim=-1) - (old_features * old_embeddings[labels]).sum(dim=-1)
    return {
        "decoupling": (pairs - mismatched[: len(pairs)]).square().mean(),
        "multimodal": settings.multimodal_weight * drift.square().mean(),
        "unimodal": settings.unimodal_weight
        * (feature_distance(features, old_features) + feature_distance(class_embeddings, old_embeddings)),
    }
