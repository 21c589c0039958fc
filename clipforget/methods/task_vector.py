"""Task-vector negation: learn the subgroup harder, then go the other way.

Source: Ilharco et al., Editing Models with Task Arithmetic (arXiv 2212.04089, section 3): theta_0 - c (theta_ft -
theta_0), where theta_ft is fine-tuned on D_f and c, of 20 even values up to 1, is the largest one that keeps 95 % of
the accuracy on control images, which are of other classes here (ImageNet there). As theirs the text tower is frozen and
classifies. Ours: coefficients may go beyond 1, since a tuning of few images moves little. Nothing holds the siblings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings
from clipforget.unlearning.task import IMAGE, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class TaskVectorSettings(TrainingSettings):
    """Settings of task-vector negation."""

    tuning: str = option(
        "similarity",
        "What the tuning raises: the similarity with the coarse caption (ours), or, as the paper, its likelihood among "
        "the class names, whose gradient is gone where the model is certain already",
        choices=("similarity", "likelihood"),
    )
    min_control_accuracy: float = option(
        0.95, "Share of the control accuracy that has to stay", low=0.0, high=1.0, search=(0.9, 0.95, 0.98),
        former=("kept",),
    )  # fmt: skip
    max_coefficient: float = option(
        3.0, "Largest coefficient that is tried (paper: 1)", low=0.01, high=20.0, search=(1.0, 3.0, 10.0),
        former=("largest",),
    )  # fmt: skip
    coefficients: int = option(20, "Coefficients that are tried, evenly spaced", low=1, high=100, advanced=True)

    @property
    def variant(self) -> str:
        """Name the tuning that is ours."""
        return "our tuning of similarities" if self.tuning == "similarity" else ""


@method(
    "task_vector",
    TaskVectorSettings,
    title="Task-vector negation",
    tier=3,
    source="Editing Models with Task Arithmetic, arXiv 2212.04089",
    reference_url="https://arxiv.org/abs/2212.04089",
    stages=("forget", "negate"),
    presets={
        "paper": {
            "tuning": "likelihood",
            "steps": 2000,
            "learning_rate": 1e-5,
            "batch_size": 128,
            "weight_decay": 0.1,
            "max_coefficient": 1.0,
        }
    },
)
def task_vector(task: Task, settings: TaskVectorSettings) -> Iterator[Step]:
    """Fine-tune on the forget images and subtract the difference, as far as the control accuracy allows.

    Steps of `negate` carry data["coefficient"], from the largest down; the last one is that of the result, 0 where no
    coefficient keeps enough. Raises BadData where a set of training images is empty.
    """
    from clipforget.unlearning.trainer import Trainer

    trainer = Trainer(task, settings, IMAGE, tier=1)
    before = trainer.steer_accuracy()
    control = "others" if "others" in before else "retain"  # a whole style leaves no other class
    yield from trainer.train(_tuning)
    start = {name: dict(task.original.model.named_parameters())[name].detach() for name in trainer.parameters}
    vector = {name: tuned.detach() - start[name] for name, tuned in trainer.parameters.items()}
    for step in range(1, settings.coefficients + 2):
        coefficient = settings.max_coefficient * (1 - (step - 1) / settings.coefficients)
        for name, weight in trainer.parameters.items():
            weight.data.copy_(negate(start[name], vector[name], coefficient))
        accuracies = trainer.steer_accuracy()
        yield Step("negate", step, settings.coefficients + 1, steer=accuracies, data={"coefficient": coefficient})
        if accuracies[control] >= settings.min_control_accuracy * before[control]:
            break


def negate(start: Tensor, vector: Tensor, coefficient: float) -> Tensor:
    """Return theta_0 - c tau, for a tensor and its part of the task vector."""
    return start - coefficient * vector


def _tuning(batch: Batch, settings: TaskVectorSettings) -> dict[str, Tensor]:
    from clipforget.unlearning.losses import caption_cosine, zero_shot_cross_entropy

    features, labels = batch.features("forget"), batch.labels("forget")
    if settings.tuning == "similarity":
        return {"tuning": -batch.scale * caption_cosine(features, labels, batch.class_embeddings())}
    return {"tuning": zero_shot_cross_entropy(features, labels, batch.class_embeddings(), batch.scale)}
