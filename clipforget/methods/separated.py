"""Separated forgetting (ours): first tell the target from its siblings, then forget it along that difference.

A linear map on late features forgets no more selectively than these features tell the target from its siblings. So the
last stages of the image tower are trained shortly to call images of the target by their fine name and all others by
their class's. What that learned is averaged with the original, as WiSE-FT (arXiv 2109.01903) does after fine-tuning: on
the way back it tells images apart that it was not trained on, while the trained model knows those it saw by heart.
Anchored forgetting follows on these features: it takes both names away from the target. Anchors weigh half as much as
alone, for with full weight more images of the target that it was not trained on keep a name at alpha 0.

Where siblings look much alike some keep one even so: these were lifted with siblings, far over what the original finds
of them. The preset `alike` asks only that siblings are found again.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import method
from clipforget.methods.anchored import anchored
from clipforget.methods.anchored.settings import AnchoredSettings
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings
from clipforget.unlearning.task import IMAGE, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class SeparatedSettings(AnchoredSettings):
    """Settings of the separation, beside those of anchored forgetting, whose anchors weigh less after it."""

    retain_weight: float = option(0.5, "Weight of siblings as anchors; 0: none", low=0.0, high=100.0)
    others_weight: float = option(
        0.5, "Weight of images of other classes as anchors; 0: none", low=0.0, high=100.0, search=(0.3, 0.5, 1.0)
    )
    separate_steps: int = option(60, "Steps of training that tells the target from the rest", low=1, high=5000)
    separate_learning_rate: float = option(1e-4, "Its learning rate, AdamW", low=1e-7, high=1.0)
    batch_size: int = option(32, "Images of each kind in a step", low=2, high=512, advanced=True)
    original_share: float = option(
        0.2, "Share of the original in its average with what was trained, from which it forgets", low=0.0, high=1.0,
        search=(0.1, 0.2, 0.5),
    )  # fmt: skip
    depth: float = option(0.35, "Share of the image tower's stages that is trained, the last ones", low=0.01, high=1.0)

    @property
    def tier(self) -> int:
        """Return 3: the separation sees labelled others, whatever the anchors use."""
        return 3


@method(
    "separated",
    SeparatedSettings,
    title="Separated forgetting",
    tier=3,
    source="ours",
    stages=("separate", "select", "forget"),
    presets={
        "alike": {
            "retain_weight": 0.1,
            "others_weight": 2.0,
            "retain_margin": 0.05,
            "forget_margin": 1.0,
            "strength": 1.0,
            "ridge": 1.4,
        },
    },
    preset_notes={
        "alike": "Ours, for siblings that look much alike: lifted less, so fewer images to forget stay at alpha 0.",
    },
)
def separated(task: Task, settings: SeparatedSettings) -> Iterator[Step]:
    """Train late stages to tell the target from its siblings, then move it off its names as anchored forgetting does.

    Stage `separate` trains; `select` and `forget` are those of `anchored`. Raises BadData where a set of training
    images is empty, BadSetting where the training diverges, BadModel for a tower that does not end in a linear map.
    """
    from clipforget.models.projection import projection_weight

    task.check_images(3)
    projection_weight(task.original.model)  # a tower without one is refused before anything is trained
    yield from separate(task, settings)
    yield from anchored(task, settings)


def separate(task: Task, settings: SeparatedSettings) -> Generator[Step, None, None]:
    """Train the last stages of the image tower to tell images apart, and average them with the original's.

    Where the target has no finer name than its class's, nothing is done.
    """
    import torch
    from torch.nn import functional as F

    from clipforget.models.precision import autocast
    from clipforget.models.stages import run_stages, stages
    from clipforget.soup.arithmetic import soup
    from clipforget.unlearning.batches import augment
    from clipforget.unlearning.trainer import Trainer, stage_parameters

    prompts = [text for text in task.forget_prompts if text not in task.class_prompts]
    if not prompts:
        return
    with torch.no_grad():
        names = torch.cat([task.class_embeddings, task.original.encode_text(prompts).float()])
    parts = stages(task.clip.model)
    first = len(parts) - math.ceil(settings.depth * len(parts))
    early, trained = parts[:first], parts[first:]
    late = stage_parameters(task.clip.model, trained)

    def loss(batch: Batch, training: TrainingSettings) -> dict[str, Tensor]:
        views = [augment(batch.pixels(kind), settings.augment, batch.generator) for kind in batch.images]
        with autocast(task.clip.device, batch.precision):
            with torch.no_grad():
                read = run_stages(early, torch.cat(views))
            features = F.normalize(run_stages(trained, read).float(), dim=1)
        likely = F.log_softmax(batch.scale * features @ names.T, dim=1)
        labels = batch.labels("retain"), batch.labels("others")
        return losses(likely.split([len(view) for view in views]), len(task.names), *labels)

    training = TrainingSettings(
        steps=settings.separate_steps, learning_rate=settings.separate_learning_rate, batch_size=settings.batch_size,
        check_every=settings.separate_steps,
    )  # fmt: skip
    yield from Trainer(task, training, IMAGE, tier=3, parameters=late).train(loss, stage="separate")
    average = soup(task.original.model.state_dict(), late, settings.original_share)
    task.clip.model.load_state_dict(average, strict=False)


def losses(likely: Sequence[Tensor], classes: int, siblings: Tensor, others: Tensor) -> dict[str, Tensor]:
    """Return the losses, scalars >= 0 in nats, of log-probabilities of images to forget, siblings and others.

    Each B x (C + F), over C classes and the target's F fine names; siblings and others are labels, B, below C. Images
    to forget are to be called by any of the fine names.
    """
    from torch.nn import functional as F

    return {
        "forget": -likely[0][:, classes:].logsumexp(dim=1).mean(),
        "retain": F.nll_loss(likely[1], siblings),
        "others": F.nll_loss(likely[2], others),
    }
