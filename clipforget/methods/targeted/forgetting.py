"""The stages of targeted forgetting at work; imported only once a run starts, so torch is at hand."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from clipforget.models import lora, precision
from clipforget.unlearning import alignment, batches, fisher, losses
from clipforget.unlearning.tail import Tail
from clipforget.unlearning.task import Step, Task
from clipforget.unlearning.trainer import sample_steer, steer_accuracy

if TYPE_CHECKING:
    from clipforget.methods.targeted.settings import TargetedSettings

# All inferred: the public text of the paper gives none of them.
FISHER_IMAGES = 48  # of each kind, that the Fisher information is read from
FLOOR = 0.1  # share of the median layer's information on the retain set that is added below the fraction
EVALUATE_EVERY = 5  # steps of forgetting between two evaluations
REFERENCE = 128  # retain images that statistics are recorded on, where they are
ALIGN_STEPS, ALIGN_BOUND, ALIGN_COSINE = 5, 0.1, 0.9  # see alignment.align; the bound in normalised pixels


class TargetedForgetting:
    """One run: the chosen layers, their updates, and the average that becomes the result."""

    def __init__(self, task: Task, settings: TargetedSettings) -> None:
        task.check_images(2)
        self.task, self.settings = task, settings
        self.generator = torch.Generator().manual_seed(task.seed)
        self.precision = precision.training_precision(task.clip)
        self.steer_images = sample_steer(task, torch.Generator().manual_seed(task.seed))
        self.averaged: dict[str, Tensor] | None = None
        self.updates: dict[str, lora.LowRank] = {}

    def select(self) -> Generator[Step, None, list[str]]:
        """Measure the Fisher information on forget and retain images; return the names of the chosen layers."""
        task, generator = self.task, self.generator
        names, means = fisher.candidates(task.clip.model), []
        parts = [batches.sample(images, FISHER_IMAGES, generator) for images in (task.forget, task.retain)]
        done, total = 0, sum(map(len, parts))
        for part in parts:
            rows = []
            for row in fisher.squared_gradients(task.clip, names, part.pixels, task.class_embeddings[part.labels]):
                rows.append(row)
                done += 1
                if done % 8 == 0 and done < total:
                    yield Step("select", done, total)
            means.append(torch.stack(rows).mean(dim=0))
        settings = self.settings
        floor = FLOOR * float(means[1].median())
        layers = fisher.relative(
            names, means[0], means[1], settings.layers, rule=settings.selection, generator=generator, floor=floor
        )
        yield Step("select", total, total, data={"layers": [asdict(layer) for layer in layers]})
        return [layer.name for layer in layers if layer.chosen]

    def attach(self, names: list[str]) -> None:
        """Put a low-rank update on each of the named weights."""
        self.tail = Tail(self.task.clip, names, self.steer_images, self.precision)
        self.updates = lora.attach(self.task.clip.model, names, self.settings.rank, generator=self.generator)

    def finish(self) -> None:
        """Take the updates off and leave plain weights: the average where reminding ended, else the sums."""
        lora.merge(self.task.clip.model, self.averaged, names=list(self.updates))

    def forget(self) -> Iterator[Step]:
        """Minimise the mean cosine of the forget images with their coarse caption until steer's is low enough."""
        task, settings = self.task, self.settings
        images = batches.batches(task.forget, settings.batch_size, self.generator)
        total = settings.forget_epochs * math.ceil(len(task.forget) / settings.batch_size)
        optimizer = torch.optim.Adam(self._parameters(), lr=settings.forget_learning_rate)
        for step in range(1, total + 1):
            pixels, labels = next(images)
            cosine = losses.caption_cosine(self._embed(pixels), labels.to(task.clip.device), task.class_embeddings)
            self._descend(optimizer, cosine)
            last = step == total or (settings.stop_cosine > -1 and self._steer_cosine() <= settings.stop_cosine)
            steer = self._steer_accuracy() if last or step % EVALUATE_EVERY == 0 else {}
            yield Step("forget", step, total, {"forget": float(cosine.detach())}, steer)
            if last:
                break

    def remind(self) -> Iterator[Step]:
        """Take T steps on aligned retain images; the average of the weights, from the original's, is the result."""
        task, settings = self.task, self.settings
        reference = batches.sample(task.retain, REFERENCE, self.generator)
        target = alignment.statistics(task.original, reference.pixels[:], recorded=settings.alignment == "recorded")
        align_steps = 0 if settings.alignment == "none" else ALIGN_STEPS
        images = batches.batches(task.retain, settings.batch_size, self.generator)
        optimizer = torch.optim.Adam(self._parameters(), lr=settings.remind_learning_rate)
        average = {name: torch.zeros_like(update.update()) for name, update in self.updates.items()}
        for step in range(1, settings.remind_steps + 1):
            pixels, labels = (part.to(task.clip.device) for part in next(images))
            delta, course = alignment.align(
                task.original, pixels, target, steps=align_steps, bound=ALIGN_BOUND, least_cosine=ALIGN_COSINE,
                precision=self.precision,
            )  # fmt: skip
            loss = losses.zero_shot_cross_entropy(
                self._embed(pixels + delta), labels, task.class_embeddings, task.clip.logit_scale
            )
            self._descend(optimizer, loss)
            for name, update in self.updates.items():
                average[name].lerp_(update.update().detach(), 1 - settings.ema_decay)
            last = step == settings.remind_steps
            if last:
                self._take(average)
            share = batches.original_share(settings.ema_decay, step)
            steer = self._steer_accuracy() if last else {}
            data = {"alignment": course, "original_share": share}
            yield Step("remind", step, settings.remind_steps, {"retain": float(loss.detach())}, steer, data)

    def _parameters(self) -> list[Tensor]:
        return [parameter for update in self.updates.values() for parameter in update.parameters()]

    def _embed(self, pixels: Tensor) -> Tensor:
        clip = self.task.clip
        with precision.autocast(clip.device, self.precision):
            return clip.encode_image(pixels.to(clip.device)).float()

    def _descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def _steer_accuracy(self) -> dict[str, float]:
        return steer_accuracy(self.task, self.tail.sets, precision=self.precision, encoder=self.tail)

    @torch.no_grad()
    def _steer_cosine(self) -> float:
        """The mean cosine of steer's forget images with their coarse caption; 1 where there are none."""
        images, embeddings = self.tail.sets.get("forget"), self.task.class_embeddings
        if images is None:
            return 1.0
        with precision.autocast(self.tail.device, self.precision):
            features = self.tail.encode_image(images.pixels[:].to(self.tail.device)).float()
        return float(losses.caption_cosine(features, images.labels.to(embeddings.device), embeddings))

    def _take(self, average: dict[str, Tensor]) -> None:
        """Make the averaged updates the model's."""
        start = dict(self.task.original.model.named_parameters())
        self.averaged = {name: start[name].detach() + mean.view_as(start[name]) for name, mean in average.items()}
        self.finish()
