"""The one training loop of the methods that are a loss; imported only once a run starts, so torch is at hand."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from clipforget.errors import BadData, BadSetting
from clipforget.models.clip import Clip
from clipforget.models.precision import FLOAT32, autocast, training_precision
from clipforget.models.stages import SCALARS, TOWER, Stage
from clipforget.models.weights import gradients_enabled
from clipforget.unlearning import batches
from clipforget.unlearning.options import TrainingSettings
from clipforget.unlearning.task import BOTH, IMAGE, KINDS, TEXT, ImageSet, Step, Task

STEER_IMAGES = 48  # at most so many steer images of each kind for the figures of a training step


@dataclass
class Batch:
    """What a loss sees in one step. B images of each kind, C classes, D embedding.

    `images` maps forget, retain and others, as far as the tier allows, to (pixels B x 3 x H x W, labels B) on the
    model's device. `clip` is being trained, `original` is frozen. `generator` draws whatever is random (on the CPU);
    `step` counts the training's batches, from 1.
    """

    task: Task
    images: dict[str, tuple[Tensor, Tensor]]
    generator: torch.Generator
    precision: str
    step: int
    text_changes: bool
    _features: dict[tuple[str, bool], Tensor] = field(default_factory=dict)

    @property
    def clip(self) -> Clip:
        """Return the model that is trained."""
        return self.task.clip

    @property
    def original(self) -> Clip:
        """Return the model as it was; it is not to be touched."""
        return self.task.original

    @property
    def scale(self) -> float:
        """Return the factor between cosines and logits."""
        return self.task.clip.logit_scale

    def pixels(self, kind: str) -> Tensor:
        """Return the images of a kind (forget, retain or others), B x 3 x H x W."""
        return self.images[kind][0]

    def labels(self, *kinds: str) -> Tensor:
        """Return indices into the class names: B of a kind, one kind after the other where several are named."""
        return torch.cat([self.images[kind][1] for kind in kinds])

    def wrong_labels(self, *kinds: str) -> Tensor:
        """Draw for each of the kinds' images one of the C - 1 labels it does not have, evenly.

        Raises BadData where there is one class name only.
        """
        classes = len(self.task.names)
        if classes < 2:
            raise BadData("A wrong label needs at least two superclasses; choose a data set with more.")
        labels = self.labels(*kinds)
        shift = torch.randint(1, classes, (len(labels),), generator=self.generator)
        return (labels + shift.to(labels.device)) % classes

    def encode(self, pixels: Tensor, *, original: bool = False) -> Tensor:
        """Embed pixels: B x D, unit, float32; by the original without gradient."""
        clip = self.task.original if original else self.task.clip
        with autocast(clip.device, self.precision), torch.set_grad_enabled(not original):
            return clip.encode_image(pixels).float()

    def features(self, *kinds: str, original: bool = False) -> Tensor:
        """Embed a kind's images, once a step: B x D, unit; those of several kinds stand one after the other."""
        for kind in kinds:
            if (kind, original) not in self._features:
                self._features[kind, original] = self.encode(self.pixels(kind), original=original)
        return torch.cat([self._features[kind, original] for kind in kinds])

    def class_embeddings(self, *, original: bool = False) -> Tensor:
        """Embed the superclass names: C x D, unit, with gradient where the text tower is trained."""
        if original or not self.text_changes:
            return self.task.class_embeddings
        if ("class_embeddings", False) not in self._features:
            self._features["class_embeddings", False] = self.task.clip.encode_text(self.task.class_prompts).float()
        return self._features["class_embeddings", False]


Loss = Callable[[Batch, Any], dict[str, Tensor]]


def tower_parameters(model: torch.nn.Module, changes: str) -> dict[str, Tensor]:
    """Return the parameters, by name, of the tower(s) that a method changes; logit_scale belongs to neither."""
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if name not in SCALARS and (changes == BOTH or name.startswith(TOWER) == (changes == IMAGE))
    }


def stage_parameters(model: torch.nn.Module, parts: Sequence[Stage]) -> dict[str, Tensor]:
    """Return the image tower's parameters, by name, that belong to one of the stages."""
    return {
        name: parameter
        for name, parameter in tower_parameters(model, IMAGE).items()
        if any(stage.owns(name) for stage in parts)
    }


class Trainer:
    """One training: streams of batches of the tier's images, the parameters that move, accuracies on steer images.

    `parameters` (all of the named towers, or those given) alone require gradients while `train` runs. `settings` are
    those given, with epochs as steps.

    Raises BadData where a set of training images of the tier is empty.
    """

    def __init__(
        self,
        task: Task,
        settings: TrainingSettings,
        changes: str,
        *,
        tier: int,
        parameters: dict[str, Tensor] | None = None,
    ) -> None:
        task.check_images(tier)
        largest = max((len(getattr(task, kind)) for kind in KINDS[:tier]), default=1)
        self.task, self.settings, self.changes = task, settings.in_steps(largest), changes
        self.generator = torch.Generator().manual_seed(task.seed)
        self.precision = training_precision(task.clip)
        self.parameters = tower_parameters(task.clip.model, changes) if parameters is None else parameters
        self.streams = {k: batches.batches(getattr(task, k), settings.batch_size, self.generator) for k in KINDS[:tier]}
        self.steer_images = sample_steer(task, self.generator)
        self.step = 0

    def train(
        self, loss: Loss, after_step: Callable[[torch.optim.Optimizer], None] | None = None, stage: str = "forget"
    ) -> Generator[Step, None, None]:
        """Minimise the sum of the named losses; after_step is called with the optimizer once the weights have moved.

        Raises BadSetting where the training diverges.
        """
        settings = self.settings
        optimizer = torch.optim.AdamW(
            self.parameters.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        with gradients_enabled(self.parameters.values(), within=self.task.clip.model):
            for step in range(1, settings.steps + 1):
                losses = loss(self.batch(), settings)
                total = torch.stack(list(losses.values())).sum()
                if not total.isfinite():
                    raise BadSetting(f"The loss is no number any more at step {step}; take a smaller learning rate.")
                optimizer.zero_grad()
                total.backward()
                optimizer.step()
                if after_step is not None:
                    after_step(optimizer)
                evaluated = step % settings.check_every == 0 or step == settings.steps
                figures = {name: float(value.detach()) for name, value in losses.items()}
                yield Step(stage, step, settings.steps, figures, self.steer_accuracy() if evaluated else {})

    def batch(self) -> Batch:
        """Draw the next batch."""
        device = self.task.clip.device
        drawn = {kind: next(stream) for kind, stream in self.streams.items()}
        images = {kind: (pixels.to(device), labels.to(device)) for kind, (pixels, labels) in drawn.items()}
        self.step += 1
        text = self.changes in (TEXT, BOTH)
        return Batch(self.task, images, self.generator, self.precision, self.step, text)

    @torch.no_grad()
    def steer_accuracy(self) -> dict[str, float]:
        """Return the steer accuracies of the model as it is now, 0 to 1, by kind."""
        return steer_accuracy(self.task, self.steer_images, self.changes, self.precision)


def sample_steer(task: Task, generator: torch.Generator) -> dict[str, ImageSet]:
    """Draw up to STEER_IMAGES steer images of each kind that has any."""
    return {k: batches.sample(v, STEER_IMAGES, generator) for k, v in task.steer.items() if len(v)}


@torch.no_grad()
def steer_accuracy(
    task: Task,
    images: dict[str, ImageSet] | None = None,
    changes: str = IMAGE,
    precision: str = FLOAT32,
    encoder: batches.Encoder | None = None,
) -> dict[str, float]:
    """Return the accuracy, 0 to 1, by kind, of the model as it is now on the images (without: all of steer).

    encoder embeds the images where the model itself does not.
    """
    embeddings = task.class_embeddings if changes == IMAGE else task.clip.class_embeddings(task.names, task.template)
    samples = task.steer if images is None else images
    return {
        kind: batches.accuracy(batches.margins(encoder or task.clip, sample, embeddings, precision))
        for kind, sample in samples.items()
        if len(sample)
    }
