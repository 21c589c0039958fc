"""SCRUB: a student that disobeys its teacher on the forget images and obeys it on the retain images.

Source: Kurmanji et al. 2023, Towards Unbounded Machine Unlearning (arXiv 2302.09880; code: meghdadk/SCRUB). Theirs: max
steps raise the KL divergence from the frozen original on forget images, min steps lower alpha KL + gamma cross-entropy
on retain images; both take turns with one optimizer, then min steps alone repair what is left. The preset `paper` holds
the values of their code for small data sets: alpha 0.5, gamma 1, temperature 2, rate 5e-4, max steps in 3 of 10 epochs.
Ours: the turns are batches (theirs are epochs), the classes are the superclass names, the image tower alone; no
rewinding (their SCRUB+R). Nothing holds images of other classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import loss_method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class ScrubSettings(TrainingSettings):
    """Settings of SCRUB; `steps` counts max and min steps together."""

    max_share: float = option(
        0.8, "Share of the steps, the first ones, in which max steps on forget images take turns with min steps on "
        "retain images; min steps alone follow (paper: 3 of 10 epochs)", low=0.0, high=1.0, search=(0.3, 0.6, 0.8, 1.0),
    )  # fmt: skip
    divergence_weight: float = option(
        5.0, "alpha: weight of the divergence from the original in a min step (paper: 0.5)", low=0.0, high=1000.0,
        search=(0.5, 1.0, 5.0, 20.0),
    )  # fmt: skip
    retain_weight: float = option(
        0.1, "gamma: weight of the retain images' cross-entropy in a min step (paper: 1); it calls siblings by the "
        "caption that they share with the target", low=0.0, high=1000.0, search=(0.0, 0.1, 0.3, 1.0),
    )  # fmt: skip
    temperature: float = option(
        10.0, "What logits are divided by before they are compared with the original's (paper: 2); a model that is "
        "certain has no gradient to climb at a low one", low=0.1, high=100.0, search=(2.0, 5.0, 10.0, 20.0),
    )  # fmt: skip


@loss_method(
    "scrub",
    ScrubSettings,
    title="SCRUB (teacher and student)",
    tier=2,
    source="Towards Unbounded Machine Unlearning, arXiv 2302.09880",
    reference_url="https://arxiv.org/abs/2302.09880",
    presets={
        "paper": {
            "epochs": 10.0,
            "learning_rate": 5e-4,
            "max_share": 0.3,
            "divergence_weight": 0.5,
            "retain_weight": 1.0,
            "temperature": 2.0,
        }
    },
)
def scrub(batch: Batch, settings: ScrubSettings) -> dict[str, Tensor]:
    """Move away from the original on forget images, then back to it on retain images, in turns."""
    from clipforget.unlearning.losses import similarity_divergence, zero_shot_cross_entropy

    kind = "forget" if is_max_step(batch.step, settings) else "retain"
    names, temperature = batch.class_embeddings(), settings.temperature
    now, teacher = (
        batch.scale / temperature * batch.features(kind, original=original) @ names.T for original in (False, True)
    )
    divergence = temperature**2 * similarity_divergence(now, teacher)
    if kind == "forget":
        return {"forget": -divergence}
    retain = zero_shot_cross_entropy(batch.features("retain"), batch.labels("retain"), names, batch.scale)
    return {"divergence": settings.divergence_weight * divergence, "retain": settings.retain_weight * retain}


def is_max_step(step: int, settings: ScrubSettings) -> bool:
    """Return whether a step, from 1, raises the divergence: every second one of the first ones, never the last."""
    return step % 2 == 1 and step <= settings.max_share * settings.steps and step < settings.steps
