"""MUNBa: forgetting and retaining as two players who bargain over every step.

Source: Wu and Harandi, MUNBa: Machine Unlearning via Nash Bargaining (arXiv 2411.15537; code: JingWu321/MUNBa). The
gradients g_f and g_r of the two losses propose directions; the Nash bargaining solution d = a_f g_f + a_r g_r solves
K a = 1 / a with K = (g_f, g_r)^T (g_f, g_r) and a > 0, for two players in closed form. With cos the cosine of the two
it is a_i = 1 / (|g_i| sqrt(1 + cos)), which is the paper's sqrt((1 - cos) / (|g_i|^2 sin^2)) cancelled down: neither
gradient can dominate, |d|^2 = 2, and both losses fall, by learning rate / a_i for a small step. As in their code:
forgetting is cross-entropy with a random name, retaining cross-entropy with the own one, plain SGD with momentum 0.9.
Ours: the random name is never the own one, the image tower alone; where the gradients oppose each other exactly no
direction serves both and the step is (next to) nothing, where theirs falls back to g_r + 0.1 g_f.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.errors import BadSetting
from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings
from clipforget.unlearning.task import IMAGE, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 1e-6  # of 1 + cos, below which the gradients count as opposed; and of a gradient's norm


@dataclass(frozen=True)
class MunbaSettings(TrainingSettings):
    """Settings of MUNBa."""

    learning_rate: float = option(
        1e-2, "Learning rate (SGD); the joint direction is sqrt(2) long, so a step is 1.4 times as long as this",
        low=1e-8, high=10.0, search=(1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    )  # fmt: skip
    weight_decay: float = option(0.0, "Weight decay of SGD", low=0.0, high=1.0, advanced=True)
    momentum: float = option(0.9, "Momentum of SGD", low=0.0, high=0.999, advanced=True)


@method(
    "munba",
    MunbaSettings,
    title="MUNBa (Nash bargaining)",
    tier=3,
    source="MUNBa: Machine Unlearning via Nash Bargaining, arXiv 2411.15537",
    reference_url="https://arxiv.org/abs/2411.15537",
    presets={"paper": {"epochs": 10.0, "learning_rate": 1e-2, "batch_size": 256, "weight_decay": 5e-4}},
    preset_notes={"paper": "The defaults of the authors' code for CLIP; those of the paper's table are unknown."},
)
def munba(task: Task, settings: MunbaSettings) -> Iterator[Step]:
    """Step along the direction that the gradients of forgetting and retaining bargain for.

    Steps carry data["cosine"], that of the two gradients. Raises BadData where a set of training images is empty or
    there is one class name only, BadSetting where the training diverges.
    """
    import torch

    from clipforget.models.weights import gradients_enabled
    from clipforget.unlearning.losses import zero_shot_cross_entropy
    from clipforget.unlearning.trainer import Trainer

    trainer = Trainer(task, settings, IMAGE, tier=3)
    steps, weights = trainer.settings.steps, list(trainer.parameters.values())
    optimizer = torch.optim.SGD(
        weights, settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )
    with gradients_enabled(weights, within=task.clip.model):
        for step in range(1, steps + 1):
            batch, rest = trainer.batch(), ("retain", "others")
            embeddings = batch.class_embeddings()
            losses = {
                "forget": zero_shot_cross_entropy(
                    batch.features("forget"), batch.wrong_labels("forget"), embeddings, batch.scale
                ),
                "retain": zero_shot_cross_entropy(batch.features(*rest), batch.labels(*rest), embeddings, batch.scale),
            }
            if not all(loss.isfinite() for loss in losses.values()):
                raise BadSetting(f"The loss is no number any more at step {step}; take a smaller learning rate.")
            gradients = [
                torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
                for loss in losses.values()
            ]
            shares, cosine = bargain(*gradients)
            for weight, forget, retain in zip(weights, *gradients, strict=True):
                weight.grad = shares[0] * forget + shares[1] * retain
            optimizer.step()
            evaluated = step % settings.check_every == 0 or step == steps
            figures = {name: float(loss.detach()) for name, loss in losses.items()}
            steer = trainer.steer_accuracy() if evaluated else {}
            yield Step("forget", step, steps, figures, steer, {"cosine": cosine})


def bargain(first: Sequence[Tensor], second: Sequence[Tensor]) -> tuple[tuple[float, float], float]:
    """Return the shares (a_1, a_2) > 0 with K a = 1 / a of two gradients, and the gradients' cosine.

    A gradient is a sequence of tensors, one a weight; K holds the inner products. A gradient of zero gets a large but
    finite share.
    """

    def inner(left: Sequence[Tensor], right: Sequence[Tensor]) -> float:
        return sum(float((a * b).sum()) for a, b in zip(left, right, strict=True))

    norms = [max(inner(gradient, gradient) ** 0.5, SMALLEST) for gradient in (first, second)]
    cosine = inner(first, second) / (norms[0] * norms[1])
    common = max(1 + cosine, SMALLEST) ** 0.5
    return (1 / (norms[0] * common), 1 / (norms[1] * common)), cosine
