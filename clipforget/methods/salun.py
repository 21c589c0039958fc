"""SalUn: find the weights that matter for the subgroup, and teach these alone to give it wrong names.

Source: SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency (Fan et al. 2024, arXiv 2310.12508):
the mask keeps the weights with the largest |gradient of the forget loss| (half of them in the paper), and random
labelling moves these. Here a random label is drawn anew each step; the runner-up as wrong label is ours. D_r are
siblings and others.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings, learning_rate_option
from clipforget.unlearning.task import IMAGE, Step, Task

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from clipforget.unlearning.trainer import Batch, Trainer

RANDOM, RUNNER_UP = "random", "runner-up"


@dataclass(frozen=True)
class SalunSettings(TrainingSettings):
    """Settings of saliency unlearning."""

    learning_rate: float = learning_rate_option(3e-4)
    share: float = option(
        0.5, "Share of the tower's weights that may move, the most salient ones", low=1e-4, high=1.0,
        search=(0.05, 0.2, 0.5),
    )  # fmt: skip
    relabel: str = option(
        RANDOM, "Wrong name that forget images are taught: random (paper), or the one that fits next best (ours)",
        choices=(RANDOM, RUNNER_UP),
    )  # fmt: skip
    retain_weight: float = option(
        1.0, "Weight of all other images' loss; the wrong names have 1", low=0.0, high=1000.0, search=(1.0, 3.0, 10.0)
    )

    @property
    def variant(self) -> str:
        """Name the relabelling that is ours."""
        return "" if self.relabel == RANDOM else "our runner-up names"


@method(
    "salun",
    SalunSettings,
    title="Saliency unlearning (SalUn)",
    tier=3,
    source="SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency, arXiv 2310.12508",
    reference_url="https://arxiv.org/abs/2310.12508",
    stages=("select", "forget"),
    presets={"paper": {"epochs": 10.0, "learning_rate": 1e-5}, "ours": {"relabel": RUNNER_UP}},
    preset_notes={
        "paper": "Share and epochs of the authors' code; its rate, 0.013, is that of SGD on a small ResNet, so unknown "
        "for CLIP: 1e-5 stands in, the preset tuned searches it.",
        "ours": "Ours, not the paper's: the wrong name is the one that fits next best.",
    },
)
def salun(task: Task, settings: SalunSettings) -> Iterator[Step]:
    """Teach the forget images wrong names, moving only the weights that matter most for them.

    Stage `select` reads the gradients, `forget` trains. Every weight outside the mask ends bit for bit as it was.
    Raises BadData where a set of training images is empty or, with random names, there is one class name only.
    """
    from clipforget.unlearning.trainer import Trainer

    trainer = Trainer(task, settings, IMAGE, tier=3)
    gradients = yield from forget_gradients(trainer)
    masks = salient(gradients, settings.share)
    original = dict(task.original.model.named_parameters())

    def freeze(optimizer: Optimizer) -> None:
        for name, mask in masks.items():
            freeze_outside(mask, trainer.parameters[name], original[name], optimizer)

    yield from trainer.train(wrong_names, freeze)


def forget_gradients(trainer: Trainer) -> Generator[Step, None, dict[str, Tensor]]:
    """Sum the gradients of the forget images' cross-entropy with their caption, by parameter name; weights stay put."""
    import torch

    from clipforget.models.precision import autocast
    from clipforget.models.weights import gradients_enabled
    from clipforget.unlearning.losses import zero_shot_cross_entropy

    task, weights = trainer.task, list(trainer.parameters.values())
    sums = [torch.zeros_like(weight) for weight in weights]
    parts = torch.arange(len(task.forget)).split(trainer.settings.batch_size)
    with gradients_enabled(weights):
        for done, part in enumerate(parts, 1):
            pixels, labels = (values[part].to(task.clip.device) for values in (task.forget.pixels, task.forget.labels))
            with autocast(task.clip.device, trainer.precision):
                features = task.clip.encode_image(pixels).float()
            loss = len(part) * zero_shot_cross_entropy(features, labels, task.class_embeddings, task.clip.logit_scale)
            for total, gradient in zip(sums, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
                if gradient is not None:
                    total += gradient
            yield Step("select", done, len(parts))
    return dict(zip(trainer.parameters, sums, strict=True))


def salient(gradients: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Mark the `share` of all weights with the largest |gradient|: masks (bool) of the shapes of the gradients.

    At least one weight is True. Where several lie at the threshold all of them are, but never one without gradient.
    """
    import torch

    sizes = torch.cat([gradient.abs().flatten() for gradient in gradients.values()])
    threshold = sizes.kthvalue(len(sizes) - max(1, round(share * len(sizes))) + 1).values
    return {name: (g.abs() >= threshold) & (g != 0) for name, g in gradients.items()}


def freeze_outside(mask: Tensor, weight: Tensor, original: Tensor, optimizer: Optimizer) -> None:
    """Put a weight back to its original value outside the mask, bit for bit, and clear AdamW's moments there.

    Without it weight decay, and moments gathered before, leak into frozen weights.
    """
    import torch

    weight.data.copy_(torch.where(mask, weight.data, original.data))
    for moment in ("exp_avg", "exp_avg_sq"):
        if moment in optimizer.state.get(weight, {}):
            optimizer.state[weight][moment].masked_fill_(~mask, 0.0)


def wrong_names(batch: Batch, settings: SalunSettings) -> dict[str, Tensor]:
    """Compute the cross-entropy of forget images with wrong labels, and of all others with their own."""
    from clipforget.unlearning.losses import zero_shot_cross_entropy

    wrong = batch.wrong_labels("forget") if settings.relabel == RANDOM else runners_up(batch)
    forget = zero_shot_cross_entropy(batch.features("forget"), wrong, batch.class_embeddings(), batch.scale)
    rest, labels = batch.features("retain", "others"), batch.labels("retain", "others")
    retain = zero_shot_cross_entropy(rest, labels, batch.class_embeddings(), batch.scale)
    return {"forget": forget, "retain": settings.retain_weight * retain}


def runners_up(batch: Batch) -> Tensor:
    """Return for each forget image, B, the label that fits it best under the original, its own apart."""
    import math

    cosines = batch.features("forget", original=True) @ batch.class_embeddings(original=True).T
    return cosines.scatter(1, batch.labels("forget")[:, None], -math.inf).argmax(dim=1)
