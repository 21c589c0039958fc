"""The stages of anchored forgetting at work; imported only once a run starts, so torch is at hand."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from clipforget.evaluation import metrics
from clipforget.models import lora, precision
from clipforget.unlearning import activations, alignment, batches, fisher, losses
from clipforget.unlearning.task import ImageSet, Step, Task

if TYPE_CHECKING:
    from clipforget.methods.anchored.settings import AnchoredSettings

PROBE = 48  # images that c0 and recorded statistics are read from, and at most as many for each progress figure
STOP_SHARE = 0.1  # of the allowed forget accuracy, where training may end: steer flatters what was tuned on it
PENALTY = 3.0  # what a share of forget images too many counts against a share of siblings, when states are compared
RETAINED = 0.95  # share of their accuracy that siblings and others keep; what they have beyond it goes into forgetting
MIN_FACTOR, MAX_FACTOR = 0.25, 2.0  # bounds of the balancing factor


class AnchoredForgetting:
    """One run: the data streams, the updates being trained, the balance between forgetting and the rest."""

    def __init__(self, task: Task, settings: AnchoredSettings) -> None:
        task.check_images(3)
        self.task, self.settings = task, settings
        self.generator = torch.Generator().manual_seed(task.seed)
        self.precision = precision.training_precision(task.clip) if settings.precision == "auto" else settings.precision
        self.probe = batches.sample(task.others, PROBE, self.generator)
        features = task.original.embed(self.probe.pixels)
        self.mismatched = losses.mismatched_cosine(features, self.probe.labels, task.class_embeddings.cpu())
        self.goal = task.goal
        self.settled = False
        self.factor = 1.0
        self.best: tuple[float, list[Tensor]] | None = None
        self.averaged: dict[str, Tensor] | None = None
        self.updates: dict[str, lora.LowRank] = {}

    def select(self) -> Generator[Step, None, list[str]]:
        """Measure the relative Fisher information and return the names of the chosen layers."""
        task, settings, generator = self.task, self.settings, self.generator
        names, means = fisher.candidates(task.clip.model), []
        eligible = fisher.candidates(task.clip.model, settings.depth)
        parts = [batches.sample(images, settings.fisher_samples, generator) for images in (task.forget, task.retain)]
        done, total = 0, sum(map(len, parts))
        for part in parts:
            rows = []
            for row in fisher.squared_gradients(task.clip, names, part.pixels, task.class_embeddings[part.labels]):
                rows.append(row)
                done += 1
                if done % 8 == 0 and done < total:
                    yield Step("select", done, total)
            means.append(torch.stack(rows).mean(dim=0))
        layers = fisher.relative(names, means[0], means[1], settings.layers, eligible, settings.selection, generator)
        yield Step("select", total, total, data={"layers": [asdict(layer) for layer in layers]})
        return [layer.name for layer in layers if layer.chosen]

    def attach(self, names: list[str]) -> None:
        """Cut both towers before the first of the named weights, and put the updates on these."""
        task, settings = self.task, self.settings
        self.cut = activations.cut(task.original, names)
        self.tail, self.teacher = (activations.TowerTail(clip, self.cut) for clip in (task.clip, task.original))
        self.updates = lora.attach(task.clip.model, names, settings.rank, generator=self.generator)
        strengths = ((task.forget, settings.augment), (task.retain, settings.augment), (task.others, 0.0))
        self.streams = [self._stream(images, strength) for images, strength in strengths]
        self.steer_images = {name: self._steer_images(images) for name, images in task.steer.items() if len(images)}
        self.before = self._smooth(self._margins(self.teacher))

    def _cache(self, images: ImageSet, strength: float = 0.0) -> activations.ActivationCache:
        return activations.ActivationCache(
            self.task.original, self.cut, images, self.precision, self.generator, strength=strength
        )

    def _stream(self, images: ImageSet, strength: float) -> Iterator[tuple[Tensor, Tensor]]:
        """Endless batches of images as activations that enter the tail, with their labels."""
        cache = self._cache(images, strength)
        for indices in batches.index_batches(len(images), self.settings.batch_size, self.generator):
            yield cache.activations(indices), images.labels[indices].to(self.task.clip.device)

    def _steer_images(self, images: ImageSet) -> ImageSet:
        """Some steer images as activations that enter the tail."""
        sample = batches.sample(images, PROBE, self.generator)
        return ImageSet(self._cache(sample).activations(torch.arange(len(sample))), sample.labels)

    def parameters(self) -> list[Tensor]:
        """List the parameters of the updates, which are what is trained."""
        return [parameter for update in self.updates.values() for parameter in update.parameters()]

    def merge(self) -> None:
        """Take the updates off and leave plain weights: the average where there is one, else the sums."""
        lora.merge(self.task.clip.model, self.averaged, names=list(self.updates))

    @torch.no_grad()
    def finish(self) -> None:
        """Leave plain weights, changed `extrapolation` times as far as they were trained to."""
        self.merge()
        weights, start = (dict(clip.model.named_parameters()) for clip in (self.task.clip, self.task.original))
        for name in self.updates:
            weights[name].copy_(torch.lerp(start[name], weights[name], self.settings.extrapolation))

    def forget(self) -> Iterator[Step]:
        """Lower the forget images' cosines, with siblings and others held; ends with the best state seen."""
        settings = self.settings
        optimizer = torch.optim.Adam(self.parameters(), lr=settings.forget_learning_rate)
        for step in range(1, settings.forget_steps + 1):
            optimizer.param_groups[0]["lr"] = settings.forget_learning_rate * min(
                1.0, 10 * step / settings.forget_steps
            )
            figures = self._descend(optimizer, self._losses(), settings.retain_weight, 1.0)
            last = step == settings.forget_steps
            steer = self._evaluate() if last or step % settings.check_every == 0 else {}
            yield Step("forget", step, settings.forget_steps, figures, steer)
            if steer and (self.settled if settings.balance else steer["forget"] <= 1 / len(self.task.names)):
                break
        if self.best is not None:
            self._restore(self.best[1])

    def remind(self) -> Iterator[Step]:
        """Take T steps on aligned siblings and average the weights, which becomes the result."""
        task, settings = self.task, self.settings
        recorded = settings.alignment == "recorded"
        target = alignment.statistics(task.original, self.probe.pixels, recorded=recorded)
        align_steps = settings.align_steps if recorded or settings.alignment == "batchnorm" else 0
        reminders = batches.batches(task.retain, settings.batch_size, self.generator)
        optimizer = torch.optim.Adam(self.parameters(), lr=settings.remind_learning_rate)
        base = dict(task.original.model.named_parameters())
        before = {
            name: base[name].detach() + u.update().detach().view_as(base[name]) for name, u in self.updates.items()
        }
        average = {name: torch.zeros_like(update.update()) for name, update in self.updates.items()}
        for step in range(1, settings.remind_steps + 1):
            pixels, labels = (part.to(task.clip.device) for part in next(reminders))
            delta, alignment_losses = alignment.align(
                task.original, pixels, target, steps=align_steps, bound=settings.align_bound, precision=self.precision
            )
            values = self._losses()
            with precision.autocast(task.clip.device, self.precision):
                features = task.clip.encode_image(pixels + delta)
            values["retain"] = losses.zero_shot_cross_entropy(
                features.float(), labels, task.class_embeddings, task.clip.logit_scale
            )
            if settings.alignment == "distillation":
                teacher = task.original.embed(pixels).to(task.clip.device)
                distance = losses.feature_distance(features.float(), teacher)
                values["retain"] = values["retain"] + task.clip.logit_scale * distance
            figures = self._descend(optimizer, values, 1.0, settings.remind_forget_weight)
            for name, update in self.updates.items():
                average[name].lerp_(update.update().detach(), 1 - settings.ema_decay)
            self.averaged = {name: base[name].detach() + mean.view_as(base[name]) for name, mean in average.items()}
            share = batches.original_share(settings.ema_decay, step, settings.extrapolation)
            data = {"alignment": alignment_losses, "original_share": share}
            last = step == settings.remind_steps
            steer = self._conclude(before, data) if last else {}
            yield Step("remind", step, settings.remind_steps, figures, steer, data)

    def _conclude(self, before: dict[str, Tensor], data: dict[str, Any]) -> dict[str, float]:
        """Take the average for the result; with `balance`, go back to `before` where steer prefers it."""
        self.merge()
        margins = self._margins(self.tail)
        data["average_kept"] = self.best is None or self._score(margins)[0] >= self.best[0]
        if not data["average_kept"]:
            weights = dict(self.task.clip.model.named_parameters())
            for name, value in before.items():
                weights[name].data.copy_(value)
            data["original_share"] = batches.original_share(0.0, 1, self.settings.extrapolation)
            margins = self._margins(self.tail)
        return {name: batches.accuracy(margin) for name, margin in margins.items()}

    def _losses(self) -> dict[str, Tensor]:
        """Losses of one batch of each kind, scalars in logit units, by the names of their weights."""
        task, settings, embeddings = self.task, self.settings, self.task.class_embeddings
        scale = task.clip.logit_scale
        (fx, fy), (rx, ry), (ox, oy) = (next(stream) for stream in self.streams)
        with precision.autocast(task.clip.device, self.precision):
            features = self.tail.encode_image(torch.cat([fx, rx, ox])).float()
            with torch.no_grad():
                teacher = self.teacher.encode_image(ox).float()
                margin: float | Tensor = settings.margin
                if settings.mode == "mirror":
                    margin = losses.proportional_margins(
                        self.teacher.encode_image(fx).float(), fy, embeddings, settings.margin
                    )
        forget, retain, others = features.split([len(fx), len(rx), len(ox)])
        if settings.mode in ("mirror", "margin"):
            cosine_loss = losses.runner_up_margin(forget, fy, embeddings, margin)
        else:
            floor = self.mismatched if settings.mode == "hinge" else None
            cosine_loss = losses.caption_cosine(forget, fy, embeddings, floor)
        return {
            "forget": scale * cosine_loss,
            "retain": losses.zero_shot_cross_entropy(retain, ry, embeddings, scale),
            "others": losses.zero_shot_cross_entropy(others, oy, embeddings, scale),
            "distill": scale * losses.feature_distance(others, teacher),
        }

    def _descend(
        self, optimizer: torch.optim.Optimizer, values: dict[str, Tensor], retain: float, forget: float
    ) -> dict[str, float]:
        total = self.settings.retain_weight * values["others"] + (
            self.factor * forget * values["forget"]
            + retain * values["retain"]
            + self.settings.distill_weight * values["distill"]
        )
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return {name: float(loss.detach()) for name, loss in values.items()}

    def _evaluate(self) -> dict[str, float]:
        """Steer accuracies now; with `balance` it also moves the forget weight and remembers the best state."""
        margins = self._margins(self.tail)
        if self.settings.balance and "forget" in margins:
            score, forget, retained = self._score(margins)
            if self.best is None or score >= self.best[0]:
                self.best = (score, [parameter.detach().clone() for parameter in self.parameters()])
            enough_retained = retained >= RETAINED
            unforgotten = forget > (STOP_SHARE * self.goal if enough_retained else self.goal)
            self.factor = min(max(self.factor * (1.2 if unforgotten else 1 / 1.2), MIN_FACTOR), MAX_FACTOR)
            self.settled = enough_retained and not unforgotten
        return {name: batches.accuracy(margin) for name, margin in margins.items()}

    def _score(self, margins: dict[str, Tensor]) -> tuple[float, float, float]:
        """A score to compare states by, the smooth forget accuracy, the least share kept (0 to 1)."""
        smooth = self._smooth(margins)
        forget = smooth.pop("forget", 0.0)
        retained = [min(1.0, share / max(self.before[name], 1e-6)) for name, share in smooth.items()] or [1.0]
        score = sum(min(share, RETAINED) for share in retained) - PENALTY * max(forget - self.goal, 0.0) - forget
        return score, forget, min(retained)

    def _margins(self, clip: batches.Encoder) -> dict[str, Tensor]:
        embeddings = self.task.class_embeddings
        return {n: batches.margins(clip, v, embeddings, self.precision) for n, v in self.steer_images.items()}

    @staticmethod
    def _smooth(margins: dict[str, Tensor]) -> dict[str, float]:
        return {name: metrics.smooth_accuracy(margin.numpy()) for name, margin in margins.items()}

    def _restore(self, state: list[Tensor]) -> None:
        for parameter, value in zip(self.parameters(), state, strict=True):
            parameter.data.copy_(value)
