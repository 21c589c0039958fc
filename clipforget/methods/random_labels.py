"""Random labels: teach every forget image a name that is not its own, drawn by chance.

Source: Golatkar et al. 2020 (arXiv 1911.04933, there the baseline "random labels"); RL in the tables of SalUn (arXiv
2310.12508), of which it is the part without saliency. Theirs: cross-entropy with a random label on the forget set and
with the own one on the retain set, in turn. Ours: both in one step with a weight between them, a name drawn anew each
step and never the own one (theirs may hit it), the image tower alone, AdamW.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import loss_method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings, learning_rate_option

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class RandomLabelsSettings(TrainingSettings):
    """Settings of random labels."""

    learning_rate: float = learning_rate_option(3e-4)
    retain_weight: float = option(
        3.0, "Weight of all other images' loss with their own names; the random names have 1", low=0.0, high=1000.0,
        search=(0.3, 1.0, 3.0, 10.0),
    )  # fmt: skip


@loss_method(
    "random_labels",
    RandomLabelsSettings,
    title="Random labels (RL)",
    tier=3,
    source="Eternal Sunshine of the Spotless Net, arXiv 1911.04933; as in SalUn, arXiv 2310.12508",
    reference_url="https://arxiv.org/abs/1911.04933",
    presets={"paper": {"epochs": 10.0, "learning_rate": 1e-5, "retain_weight": 1.0}},
    preset_notes={
        "paper": "Epochs of SalUn's code; its rate is that of SGD on a small ResNet, so for CLIP unknown: 1e-5 stands "
        "in, the preset tuned searches it."
    },
)
def random_labels(batch: Batch, settings: RandomLabelsSettings) -> dict[str, Tensor]:
    """Teach the forget images wrong names, drawn evenly, and all other images their own."""
    from clipforget.unlearning.losses import zero_shot_cross_entropy

    rest, class_embeddings = ("retain", "others"), batch.class_embeddings()
    wrong = batch.wrong_labels("forget")
    retain = zero_shot_cross_entropy(batch.features(*rest), batch.labels(*rest), class_embeddings, batch.scale)
    return {
        "forget": zero_shot_cross_entropy(batch.features("forget"), wrong, class_embeddings, batch.scale),
        "retain": settings.retain_weight * retain,
    }
