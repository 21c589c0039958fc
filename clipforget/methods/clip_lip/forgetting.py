"""CLIP-LIP at work; imported only once a run starts, so torch is at hand."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from clipforget.methods.clip_lip.settings import EXTRA_LAYERS, SIGMAS, ClipLipSettings
from clipforget.models.clip import Clip
from clipforget.models.weights import gradients_enabled
from clipforget.unlearning.synthesis import probabilities, synthesise
from clipforget.unlearning.task import BOTH, IMAGE, TEXT, Step, Task
from clipforget.unlearning.trainer import steer_accuracy, tower_parameters

BATCH = 64  # synthetic images a forward pass


def lipschitz(
    clip: Clip, pixels: Tensor, texts: Tensor, sigma: float, samples: int, generator: torch.Generator
) -> Tensor:
    """Average (|f(x) - f(x+e)| + |g(t) - f(x+e)|) / (2 |e|), a scalar: how fast features move with noise e on x.

    pixels B x 3 x H x W; texts B x length, the token ids of each image's caption t; features f and g as the towers
    give them, not brought to unit length. f(x+e) carries no gradient: tokens cannot be noised, so the noisy image
    stands for the noisy caption too. e is normal of deviation sigma, drawn anew for each of the samples.
    """
    image, text, total = clip.model.encode_image(pixels), clip.model.encode_text(texts), pixels.new_zeros(())
    for _ in range(samples):
        noise = sigma * torch.randn(pixels.shape, generator=generator).to(pixels.device)
        with torch.no_grad():
            noisy = clip.model.encode_image(pixels + noise)
        distance = (image - noisy).norm(dim=1) + (text - noisy).norm(dim=1)
        total = total + (distance / (2 * noise.flatten(1).norm(dim=1))).mean()
    return total / samples


def strongest(parameters: dict[str, Tensor], count: int) -> list[str]:
    """Name the `count` parameters whose gradient is the largest by its mean absolute value."""
    means = {name: float(p.grad.abs().mean()) for name, p in parameters.items() if p.grad is not None}
    return sorted(means, key=lambda name: -means[name])[:count]


class ClipLip:
    """One run: the synthetic images, the weights that may move, the state to go back to."""

    def __init__(self, task: Task, settings: ClipLipSettings) -> None:
        self.task, self.settings, self.clip = task, settings, task.clip
        self.generator = torch.Generator().manual_seed(task.seed)
        count = settings.synthesis_images
        self.fine = [*task.forget_prompts, *task.retain_prompts]  # the first ones are to be forgotten
        self.fine_labels = torch.arange(len(task.forget_prompts)).repeat_interleave(count)
        self.prompts, self.labels = self.fine, self.fine_labels
        coarse = [task.names.index(target.superclass) for target in task.targets if target.superclass != "*"]
        if settings.caption == "coarse" and coarse:
            self.prompts = task.class_prompts
            self.labels = torch.tensor(coarse).repeat_interleave(count)
        self.pixels = torch.empty(0)
        towers = [tower_parameters(task.clip.model, tower) for tower in (IMAGE, TEXT)]
        self.towers = [{n: p for n, p in tower.items() if p.ndim >= 2 and "embed" not in n} for tower in towers]
        self.parameters = {name: p for tower in self.towers for name, p in tower.items()}

    def synthesise(self) -> Iterator[Step]:
        """Dream up the images with the original."""
        with torch.no_grad():
            class_embeddings = self.task.original.encode_text(self.fine).float()
        images = synthesise(
            self.task.original,
            class_embeddings,
            self.fine_labels,
            steps=self.settings.synthesis_steps,
            generator=self.generator,
        )
        for step, (pixels, probability) in enumerate(images):
            self.pixels = pixels
            figures = {"synthetic": float(probability.mean())}
            yield Step("synthesise", max(step, 1), max(self.settings.synthesis_steps, 1), figures)

    def forget(self) -> Iterator[Step]:
        """Take steps of Adam; one that does not make the target less probable is undone and the noise grows."""
        settings, total, level = self.settings, self.settings.steps, 0
        optimizer, (_, best) = self._optimizer(), self._synthetic_accuracy()
        with gradients_enabled(self.parameters.values(), within=self.clip.model):
            for step in range(1, total + 1):
                before = {name: p.detach().clone() for name, p in self.parameters.items()}
                sigma = SIGMAS[level]
                figure = self._descend(optimizer, sigma, settings.layers + EXTRA_LAYERS[level])
                accuracy, probability = self._synthetic_accuracy()
                if probability < best:
                    best = probability
                else:
                    for name, value in before.items():
                        self.parameters[name].data.copy_(value)
                    optimizer, level = self._optimizer(), level + 1
                ends = accuracy <= settings.stop or level == len(SIGMAS) or step == total
                figures = {"lipschitz": figure, "synthetic": probability}
                data = {"synthetic_accuracy": accuracy, "sigma": sigma}
                accuracies = steer_accuracy(self.task, changes=BOTH) if ends else {}
                yield Step("forget", step, total, figures, accuracies, data)
                if ends:
                    return

    def _optimizer(self) -> torch.optim.Optimizer:
        settings = self.settings
        return torch.optim.Adam(
            self.parameters.values(), settings.learning_rate, (0.9, 0.98), 1e-6, weight_decay=settings.weight_decay
        )

    def _descend(self, optimizer: torch.optim.Optimizer, sigma: float, count: int) -> float:
        """One step of the strongest weights of each tower, on gradients of all images."""
        optimizer.zero_grad()
        texts = self.clip.tokenizer(self.prompts).to(self.clip.device)
        total = 0.0
        for pixels, labels in zip(self.pixels.split(BATCH), self.labels.split(BATCH), strict=True):
            loss = lipschitz(self.clip, pixels, texts[labels], sigma, self.settings.samples, self.generator)
            share = len(pixels) / len(self.pixels)
            (share * loss).backward()
            total += share * float(loss.detach())
        for tower in self.towers:
            selected = strongest(tower, count)
            for name, p in tower.items():
                p.grad = p.grad if name in selected else None
        optimizer.step()
        return total

    @torch.no_grad()
    def _synthetic_accuracy(self) -> tuple[float, float]:
        """Of the synthetic images: the share still seen as what they are to show, and its mean probability."""
        class_embeddings = self.clip.encode_text(self.prompts).float()
        shares = torch.cat(
            [probabilities(self.clip, part, class_embeddings) for part in self.pixels.split(BATCH)]
        ).cpu()
        probability = shares[torch.arange(len(self.labels)), self.labels]
        return float((shares.argmax(dim=1) == self.labels).float().mean()), float(probability.mean())
