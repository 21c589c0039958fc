"""Text-projection LoRA at work; imported only once a run starts, so torch is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.errors import BadModel
from clipforget.methods.text_projection_lora.settings import TextProjectionLoraSettings
from clipforget.models.clip import Clip
from clipforget.models.lora import LowRank
from clipforget.models.weights import gradients_enabled
from clipforget.unlearning import batches, losses
from clipforget.unlearning.task import TEXT, ImageSet, Step, Task
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
    """Embed M texts up to the projection: M x width, what the text tower hands to it, up to its length.

    The projection gives way to the identity meanwhile; nothing below it changes while it is trained, so once is enough.
    """
    weight = projection(clip)
    before = weight.data
    try:
        weight.data = torch.eye(len(before), device=before.device, dtype=before.dtype)
        return clip.encode_text(texts).float()
    finally:
        weight.data = before


class TextProjectionLora:
    """One run: texts before the projection, image features, and the update being trained. M texts, D embedding."""

    def __init__(self, task: Task, settings: TextProjectionLoraSettings) -> None:
        self.task, self.settings = task, settings
        self.generator = torch.Generator().manual_seed(task.seed)
        self.weight = projection(task.clip)
        self.update = LowRank(self.weight, settings.rank, 1.0, self.generator)
        groups = (task.forget_prompts, task.retain_prompts, task.class_prompts)
        self.texts = [unprojected(task.clip, group) for group in groups]
        with torch.no_grad():
            self.before = [self.project(texts) for texts in self.texts]
        self.destinations = self.before[1][(self.before[0] @ self.before[1].T).argmax(dim=1)]
        self.images = {name: self._features(getattr(task, name)) for name in ("forget", "retain", "others")}
        self.steer_images = sample_steer(task, self.generator)

    def project(self, texts: Tensor) -> Tensor:
        """Project M x width to M x D unit features, with the update."""
        return F.normalize(texts @ self.update(self.weight), dim=-1)

    def losses(self) -> dict[str, Tensor]:
        """Return the weighted scalars whose sum is minimised."""
        settings, scale = self.settings, self.task.clip.logit_scale
        forget, retain, class_embeddings = (self.project(texts) for texts in self.texts)
        values = {
            "forget": losses.feature_distance(forget, self.destinations),
            "retain": settings.retain_weight * losses.feature_distance(retain, self.before[1]),
        }
        if settings.images:
            (fx, fy), rest = self.images["forget"], [self.images[name] for name in ("retain", "others")]
            values["forget images"] = scale * losses.runner_up_margin(fx, fy, class_embeddings, settings.margin)
            values["retain images"] = torch.stack(
                [losses.zero_shot_cross_entropy(x, y, class_embeddings, scale) for x, y in rest if len(x)]
            ).sum()
        return {k: settings.image_weight * v if k.endswith("images") else v for k, v in values.items()}

    def train(self) -> Iterator[Step]:
        """Train the update alone with Adam; it is merged however this ends."""
        settings = self.settings
        optimizer = torch.optim.Adam(self.update.parameters(), lr=settings.learning_rate)
        start = self.weight.data.clone()
        try:
            with gradients_enabled(self.update.parameters(), within=self.task.clip.model):
                for step in range(1, settings.steps + 1):
                    values = self.losses()
                    optimizer.zero_grad()
                    torch.stack(list(values.values())).sum().backward()
                    optimizer.step()
                    figures = {name: float(value.detach()) for name, value in values.items()}
                    evaluated = step == settings.steps or step % settings.check_every == 0
                    yield Step("forget", step, settings.steps, figures, self._evaluate(start) if evaluated else {})
        finally:
            self._merge(start)

    def _evaluate(self, start: Tensor) -> dict[str, float]:
        self._merge(start)
        accuracies = steer_accuracy(self.task, self.steer_images, TEXT)
        self.weight.data.copy_(start)
        return accuracies

    @torch.no_grad()
    def _merge(self, start: Tensor) -> None:
        self.weight.data.copy_(self.update(start))

    def _features(self, images: ImageSet) -> tuple[Tensor, Tensor]:
        sample, clip = batches.sample(images, self.settings.images, self.generator), self.task.clip
        return clip.embed(sample.pixels).to(clip.device), sample.labels.to(clip.device)
