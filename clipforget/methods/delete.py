"""DELETE: what an image would be called if its own name did not exist, taken over from the original.

Source: Zhou et al., Decoupled Distillation to Erase (arXiv 2503.23751; code: shaaaaron/DELETE). Theirs: the frozen
original's logits on forget images with the own class set to -inf and renormalised, and KL of the model to that; each
image so falls back to its own next guess, and nothing but forget images is needed. Ours: the classes are the
superclass names, the image tower alone, AdamW (theirs: SGD), and on demand KL to the untouched original on all other
images too, since a subgroup shares its name with siblings and their class is no class to erase.
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
class DeleteSettings(TrainingSettings):
    """Settings of DELETE."""

    learning_rate: float = learning_rate_option(3e-4)
    retain_weight: float = option(
        0.0, "Weight of keeping the original's distribution on all other images (ours; paper: 0)", low=0.0, high=1000.0
    )

    @property
    def tier(self) -> int:
        """Return 1, images to forget, where nothing else is kept."""
        return 3 if self.retain_weight else 1

    @property
    def variant(self) -> str:
        """Say where the rest is held, which is ours."""
        return "our form that holds the rest" if self.retain_weight else ""


@loss_method(
    "delete",
    DeleteSettings,
    title="DELETE (masked distillation)",
    tier=1,
    source="Decoupled Distillation to Erase, arXiv 2503.23751",
    reference_url="https://arxiv.org/abs/2503.23751",
    presets={
        "paper": {"epochs": 20.0, "learning_rate": 1e-4, "batch_size": 128},
        "ours": {"retain_weight": 3.0},
    },
    preset_notes={
        "paper": "Epochs, rate and batch of the authors' code for CIFAR-10; the rate is that of SGD.",
        "ours": "Ours, not the paper's: all other images keep the original's distribution.",
    },
)
def delete(batch: Batch, settings: DeleteSettings) -> dict[str, Tensor]:
    """Teach the forget images the original's distribution over all names but their own."""
    from clipforget.unlearning.losses import similarity_divergence

    def logits(*kinds: str, original: bool = False) -> Tensor:
        embeddings = batch.class_embeddings(original=original)
        return batch.scale * batch.features(*kinds, original=original) @ embeddings.T

    teacher = logits("forget", original=True)
    losses = {"forget": masked_divergence(logits("forget"), teacher, batch.labels("forget"))}
    if settings.retain_weight:
        divergence = similarity_divergence(logits("retain", "others"), logits("retain", "others", original=True))
        losses["retain"] = settings.retain_weight * divergence
    return losses


def masked_divergence(logits: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """Average KL(teacher without the own class || now) over B x C logits and B labels, a scalar >= 0 in nats."""
    import math

    from torch.nn import functional as F

    target = teacher.scatter(1, labels[:, None], -math.inf).softmax(dim=-1)
    return F.kl_div(F.log_softmax(logits, dim=-1), target, reduction="batchmean")
