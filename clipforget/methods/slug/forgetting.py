"""SLUG at work: one gradient a side, the Pareto front, the search of a step; imported only once a run starts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from clipforget.evaluation import metrics
from clipforget.generators import relay
from clipforget.models.clip import Clip
from clipforget.models.weights import gradients_enabled
from clipforget.unlearning import fisher, losses
from clipforget.unlearning.diagonals import forget_and_rest
from clipforget.unlearning.task import ImageSet, Step, Task
from clipforget.unlearning.trainer import sample_steer, steer_accuracy

if TYPE_CHECKING:
    from clipforget.methods.slug.settings import SlugSettings


CHUNK = 32  # images whose activations are in memory at once
FIRST_STEP = 0.02  # the first step tried, as a share of the layer's norm


@dataclass(frozen=True)
class Layer:
    """A candidate: importance (forget), alignment (retain, 0 to 1), their ratio (relative), and its forget gradient."""

    name: str
    forget: float
    retain: float
    relative: float
    chosen: bool
    gradient: Tensor


class Trial(NamedTuple):
    """A step of a layer that was tried, as a share of the layer's norm, and the steer accuracies after it."""

    size: float
    accuracies: dict[str, float]


def measure(task: Task, samples: int, depth: float) -> Generator[Step, None, list[Layer]]:
    """Measure the candidate layers, the share `depth` nearest the output; those on the Pareto front are chosen."""
    names = fisher.candidates(task.clip.model, depth)
    weights = dict(task.clip.model.named_parameters())
    forget, rest = forget_and_rest(task, samples)
    scale = task.clip.logit_scale
    yield Step("select", 1, 3)
    g_f = mean_gradients(task.clip, names, forget, lambda x, y: losses.caption_cosine(x, y, task.class_embeddings))
    yield Step("select", 2, 3)
    g_r = mean_gradients(
        task.clip, names, rest, lambda x, y: losses.zero_shot_cross_entropy(x, y, task.class_embeddings, scale)
    )
    importance = [float(g.norm() / weights[name].detach().norm().clamp_min(1e-12)) for name, g in g_f.items()]
    alignment = [abs(float(torch.cosine_similarity(g.flatten(), g_r[n].flatten(), dim=0))) for n, g in g_f.items()]
    front = set(pareto(importance, alignment))
    layers = [
        Layer(name, importance[i], alignment[i], importance[i] / max(alignment[i], 1e-2), i in front, g_f[name])
        for i, name in enumerate(names)
    ]
    yield Step("select", 3, 3, data={"layers": _records(layers)})
    return layers


def mean_gradients(
    clip: Clip, names: list[str], images: ImageSet, loss: Callable[[Tensor, Tensor], Tensor]
) -> dict[str, Tensor]:
    """Return the gradient of the mean loss(features B x D, labels B) over the images, for every named weight."""
    owners = dict(clip.model.named_parameters())
    weights = [owners[name] for name in names]
    totals = [torch.zeros_like(weight) for weight in weights]
    with gradients_enabled(weights):
        for pixels, labels in images.split(min(CHUNK, clip.batch_size)):
            with torch.enable_grad():
                value = loss(clip.encode_image(pixels.to(clip.device)), labels.to(clip.device))
                gradients = torch.autograd.grad(value * len(labels) / len(images), weights, allow_unused=True)
            for total, gradient in zip(totals, gradients, strict=True):
                total += 0 if gradient is None else gradient
    return dict(zip(names, totals, strict=True))


class Search:
    """The step of each layer of the front, and the layer that serves steer best."""

    def __init__(self, task: Task, settings: SlugSettings, layers: list[Layer]) -> None:
        self.task, self.settings, self.layers = task, settings, layers
        self.start = {name: value.detach() for name, value in task.original.model.named_parameters()}
        self.weights = dict(task.clip.model.named_parameters())
        generator = torch.Generator().manual_seed(task.seed)
        self.steer_images = sample_steer(task, generator)
        self.before = steer_accuracy(task, self.steer_images)

    def run(self, front: list[Layer]) -> Iterator[Step]:
        """Search each layer in turn; ends with the best layer stepped and all others as they were."""
        best: tuple[float, Layer, float] | None = None  # score, layer, size
        total, numbers = len(front) * self.settings.evaluations + 1, itertools.count(1)

        def step(layer: Layer, trial: Trial) -> Step:
            data = {"layer": layer.name, "size": trial.size}
            return Step("forget", next(numbers), total, steer=trial.accuracies, data=data)

        for layer in front:
            trial = yield from relay(self._search(layer), partial(step, layer))
            if best is None or self._score(trial.accuracies) > best[0]:
                best = (self._score(trial.accuracies), layer, trial.size)
            self._step(layer, 0.0)
        assert best is not None  # the front of a tower with a weight is never empty
        _, stepped, size = best
        self._step(stepped, size)
        records = _records([replace(layer, chosen=layer is stepped) for layer in self.layers])
        data = {"layers": records, "layer": stepped.name, "size": size}
        yield Step("forget", total, total, steer=steer_accuracy(self.task), data=data)

    def _search(self, layer: Layer) -> Generator[Trial, None, Trial]:
        """Double the step until steer counts as forgotten, then halve the interval: the smallest step that does.

        Where none up to `max_step` does, the step of the best score.
        """
        low, high, size = 0.0, None, min(FIRST_STEP, self.settings.max_step)
        best = Trial(0.0, self.before)
        for _ in range(self.settings.evaluations):
            self._step(layer, size)
            trial = Trial(size, steer_accuracy(self.task, self.steer_images))
            yield trial
            if trial.accuracies.get("forget", 0.0) <= self.task.limit:
                high, best = size, trial
            else:
                low = size
                if high is None and self._score(trial.accuracies) >= self._score(best.accuracies):
                    best = trial
            if high is None and size >= self.settings.max_step:
                break
            size = min(2 * size, self.settings.max_step) if high is None else (low + high) / 2
        return best

    def _step(self, layer: Layer, size: float) -> None:
        """Put the layer at theta_0 - size ||theta_0|| g_f / ||g_f||: down the similarity."""
        start = self.start[layer.name]
        length = size * start.norm() / layer.gradient.norm().clamp_min(1e-12)
        self.weights[layer.name].data.copy_(start - length * layer.gradient)

    def _score(self, accuracies: dict[str, float]) -> float:
        """H on steer, 0 to 100: the share forgotten against the least share retained."""
        return metrics.Tradeoff.of(self.before, accuracies).h


def _records(layers: list[Layer]) -> list[dict[str, str | float | bool]]:
    return [{key: value for key, value in vars(layer).items() if key != "gradient"} for layer in layers]


def pareto(importance: list[float], alignment: list[float]) -> list[int]:
    """Index the layers that no other one beats in both: importance (high is good) and alignment (low is good)."""
    pairs = list(zip(importance, alignment, strict=True))

    def beaten(i: int) -> bool:
        return any((a >= pairs[i][0] and b <= pairs[i][1]) and (a > pairs[i][0] or b < pairs[i][1]) for a, b in pairs)

    return [i for i in range(len(pairs)) if not beaten(i)]
