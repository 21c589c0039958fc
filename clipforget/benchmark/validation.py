"""How a changed model does on validation images, by the rules of a run: what `tune` compares trials by.

Test images have no part in it: neither their pixels nor their names are read.
Letters: N validation images, F of them to be forgotten, C classes, D embedding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from clipforget.data.dataset import Dataset
from clipforget.data.splits import ROLES
from clipforget.evaluation import metrics
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.runs.config import RunConfig
from clipforget.runs.loading import load
from clipforget.runs.resources import Resources
from clipforget.soup.model import SoupModel
from clipforget.unlearning.task import Task

GRID = tuple(round(i / 10, 1) for i in range(11))  # the alphas to choose among


@dataclass(frozen=True)
class Figures:
    """Validation figures at the chosen alpha: h in percent; before and after are accuracies by set, 0 to 1."""

    alpha: float
    h: float
    before: dict[str, float]
    after: dict[str, float]


class Validation:
    """The validation images of one target, N in all: pixels N x 3 x H x W, labels N, and a mask N for each role."""

    def __init__(self, task: Task, pixels: Tensor, labels: NDArray[np.int64], roles: Sequence[str]) -> None:
        self._task, self.pixels, self.labels = task, pixels, labels
        self.masks = {role: np.array(roles) == role for role in ROLES if role in roles}
        self.before = self._accuracies(task.original.embed(pixels).numpy(), task.class_embeddings.cpu().numpy())

    def task(self, seed: int) -> Task:
        """Return the task of a method, with a fresh copy of the model."""
        return dataclasses.replace(self._task, clip=self._task.original.clone(), seed=seed)

    def evaluate(self, clip: Clip, tolerance: float, seed: int) -> Figures:
        """Choose alpha by the rule of a run, on GRID with exact embeddings, and read what is retained there.

        h is the harmonic mean of 1 - the forget ratio and the smallest ratio of siblings and others. clip is the
        original changed by a method; tolerance as a run's.
        """
        original = self._task.original
        soup_model = SoupModel(original, changed(original.model.state_dict(), clip.model.state_dict()))
        forget = self.masks["forget"]
        chance, alpha = 1 / len(self._task.names), 0.0
        for candidate in reversed(GRID):
            features = soup_model.embed(candidate, self.pixels[forget])
            margin = metrics.margins(features @ self._classifier(soup_model, candidate).T, self.labels[forget])
            accuracy = metrics.cautious_accuracy(margin > 0, margin, seed)
            alpha = metrics.choose_alpha([candidate], [accuracy], chance, tolerance)
            if alpha:
                break
        after = self._accuracies(soup_model.embed(alpha, self.pixels), self._classifier(soup_model, alpha))
        return Figures(alpha, round(metrics.Tradeoff.of(self.before, after).h, 2), self.before, after)

    def _classifier(self, soup_model: SoupModel, alpha: float) -> NDArray[np.float32]:
        prompts = [self._task.template.replace("{}", name) for name in self._task.names]
        return soup_model.text(alpha, prompts) if soup_model.text_changed else self._task.class_embeddings.cpu().numpy()

    def _accuracies(self, features: NDArray[np.float32], classifier: NDArray[np.float32]) -> dict[str, float]:
        return {
            role: round(metrics.accuracy(features[mask], self.labels[mask], classifier), 4)
            for role, mask in self.masks.items()
        }


def load_validation(
    config: RunConfig, dataset: Dataset, resources: Resources
) -> Generator[tuple[int, int], None, Validation]:
    """Read the train and validation images of a run's targets, yielding (images done, images in all).

    Raises as data.splits.select does, BadData where an image is damaged.
    """
    splits = config.splits(dataset).calibrate_only()
    task, evaluation = yield from load(config, dataset, splits, resources)
    return Validation(task, evaluation.pixels, evaluation.labels, splits.roles)
