"""Text-projection LoRA at work; imported only once a run starts, so torch is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.errors import BadModel, BadSetting
from clipforget.methods.text_projection_lora.settings import RAISE, REDUCTION, TextProjectionLoraSettings
from clipforget.models.clip import Clip
from clipforget.models.lora import LowRank
from clipforget.models.weights import gradients_enabled
from clipforget.unlearning.task import TEXT, Step, Task
from clipforget.unlearning.trainer import sample_steer, steer_accuracy

PROJECTIONS = ("text_projection", "text.text_projection")


def projection(clip: Clip) -> Tensor:
    """Return the text projection, width x D. Raises BadModel where the tower ends in anything but a plain matrix."""
    parameters: dict[str, Tensor] = dict(clip.model.named_parameters())
    projections = [parameters[name] for name in PROJECTIONS if name in parameters]
    if not projections:
        raise BadModel(f"The text tower of '{clip.name}' has no plain text projection; choose another method.")
    return projections[0]


@torch.no_grad()
def unprojected(clip: Clip, texts: Sequence[str]) -> Tensor:
    """Embed M texts up to the projection: M x width, what the text tower hands to it.

    The projection gives way to the identity meanwhile; nothing below it changes while it is trained, so once is enough.
    """
    weight = projection(clip)
    before = weight.data
    try:
        weight.data = torch.eye(len(before), device=before.device, dtype=before.dtype)
        features: Tensor = clip.model.encode_text(clip.tokenizer(list(texts)).to(clip.device)).float()
        return features
    finally:
        weight.data = before


class TextProjectionLora:
    """One run: texts before the projection, and where they are to go. M texts, D embedding."""

    def __init__(self, task: Task, settings: TextProjectionLoraSettings) -> None:
        self.task, self.settings = task, settings
        self.generator = torch.Generator().manual_seed(task.seed)
        self.weight = projection(task.clip)
        self.forget, kept, empty = (
            unprojected(task.clip, texts) for texts in (task.forget_prompts, task.retain_prompts, [""])
        )
        with torch.no_grad():
            self.empty = F.normalize(empty @ self.weight, dim=-1)
            names, targets = (F.normalize(texts @ self.weight, dim=-1) for texts in (kept, self.forget))
            nearest = (names @ targets.T).max(dim=1).values.argsort(descending=True)[: settings.close_names]
            self.close = kept[nearest]
            self.places = self.close @ self.weight
        self.steer_images = sample_steer(task, self.generator)

    def distance(self, weight: Tensor) -> Tensor:
        """Return ||e - W h_f||, how far the target's texts lie from the empty prompt under a projection."""
        distance: Tensor = (self.empty - self.forget @ weight).norm()
        return distance

    def losses(self, update: LowRank, forget_weight: float) -> dict[str, Tensor]:
        """Return the weighted scalars whose sum is minimised."""
        weight = update(self.weight)
        return {
            "forget": forget_weight * self.distance(weight),
            "retain": self.settings.retain_weight * (self.places - self.close @ weight).norm(),
            "size": self.settings.size_weight * update.update().norm(),
        }

    def train(self) -> Iterator[Step]:
        """Train an update with Adam, and anew with more weight on the target until it has come near enough."""
        settings, start = self.settings, self.weight.data.clone()
        forget_weight, before = settings.forget_weight, float(self.distance(start))
        for number in range(settings.rounds):
            self.weight.data.copy_(start)
            update = LowRank(self.weight, settings.rank, 1.0, self.generator)
            try:
                yield from self._round(update, forget_weight, number * settings.steps, start)
            finally:
                self._merge(update, start)
            if float(self.distance(self.weight.detach())) <= (1 - REDUCTION) * before:
                return
            forget_weight += RAISE

    def _round(self, update: LowRank, forget_weight: float, done: int, start: Tensor) -> Iterator[Step]:
        settings, data = self.settings, {"forget_weight": forget_weight}
        optimizer = torch.optim.Adam(update.parameters(), lr=settings.learning_rate)
        with gradients_enabled(update.parameters(), within=self.task.clip.model):
            for step in range(1, settings.steps + 1):
                values = self.losses(update, forget_weight)
                total = torch.stack(list(values.values())).sum()
                if not total.isfinite():
                    raise BadSetting(f"The loss is no number any more at step {step}; take a smaller learning rate.")
                optimizer.zero_grad()
                total.backward()
                optimizer.step()
                figures = {name: float(value.detach()) for name, value in values.items()}
                evaluated = step == settings.steps or step % settings.check_every == 0
                steer = self._evaluate(update, start) if evaluated else {}
                yield Step("forget", done + step, settings.rounds * settings.steps, figures, steer, data)

    def _evaluate(self, update: LowRank, start: Tensor) -> dict[str, float]:
        self._merge(update, start)
        accuracies = steer_accuracy(self.task, self.steer_images, TEXT)
        self.weight.data.copy_(start)
        return accuracies

    @torch.no_grad()
    def _merge(self, update: LowRank, start: Tensor) -> None:
        self.weight.data.copy_(update(start))
