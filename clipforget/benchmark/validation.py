"""How a changed model does on calibrate images, by the rules of a run: what `tune` compares trials by.

Test images have no part in it: neither their pixels nor their names are read.
Letters: N calibrate images.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipforget.data.dataset import Dataset
from clipforget.evaluation import metrics
from clipforget.evaluation.evalset import FINE, EvalSet
from clipforget.evaluation.found import excess
from clipforget.evaluation.refusal import Refusal
from clipforget.models.clip import Clip
from clipforget.models.pixels import AnyPixels
from clipforget.models.weights import changed
from clipforget.runs.config import RunConfig
from clipforget.runs.loading import load
from clipforget.runs.resources import Resources
from clipforget.soup.model import SoupModel
from clipforget.soup.path import quantize_features
from clipforget.soup.walk import CACHE, StagedImages
from clipforget.unlearning.task import Task

GRID = tuple(round(i / 10, 1) for i in range(11))  # the alphas to choose among


@dataclass(frozen=True)
class Figures:
    """Calibrate figures at the chosen alpha: h in percent; before and after are accuracies by set, 0 to 1."""

    alpha: float
    h: float
    before: dict[str, float]
    after: dict[str, float]


class Validation:
    """The calibrate images of one target, N in all: pixels N x 3 x H x W, and their evaluation set."""

    def __init__(self, task: Task, pixels: AnyPixels, evalset: EvalSet) -> None:
        wanted = ("superclass", FINE, *evalset.own_levels)
        names = {level: named for level, named in evalset.class_names.items() if level in wanted}
        self._task, self.pixels = task, pixels
        self.evalset = dataclasses.replace(evalset, class_names=names)

    def task(self, seed: int) -> Task:
        """Return the task of a method, with a fresh copy of the model."""
        return dataclasses.replace(self._task, clip=self._task.original.clone(), seed=seed)

    def evaluate(self, clip: Clip, tolerance: float) -> Figures:
        """Choose alpha by the rule and goal of a run, on GRID with exact embeddings; read what is retained there.

        h is the harmonic mean of 1 - the forget ratio and the smallest ratio of siblings and others. clip is the
        original changed by a method; tolerance as a run's.
        """
        original, rows = self._task.original, self.evalset.calibrate_rows()
        soup_model = SoupModel(original, changed(original.model.state_dict(), clip.model.state_dict()))
        along: dict[str, list[float]] = {row.key: [] for row in rows}
        found: list[NDArray[np.float32]] = []
        classifiers = self._classifiers(soup_model, 1.0)
        images = StagedImages(soup_model, self.pixels, CACHE)
        for alpha in GRID:
            classifiers = self._classifiers(soup_model, alpha) if soup_model.text_changed else classifiers
            features = quantize_features(np.concatenate(list(images.embed(alpha))))
            for key, value in self.evalset.values(features, classifiers, alpha, Refusal(), rows).items():
                along[key].append(value)
            found.append(features)
        if self.evalset.own_levels == ("subgroup",):
            target, siblings = (self.evalset.mask("calibrate", role) for role in ("forget", "siblings"))
            by_picture = excess(found, self.evalset.class_names["subgroup"].labels, target, siblings)
            along["forget"] = list(map(max, along["forget"], by_picture))
        limit = max(1 / len(self.evalset.class_names[self.evalset.own_levels[0]].names), tolerance)
        choice = metrics.choose_alpha(GRID, along, limit, int(self.evalset.mask("calibrate", "forget").sum()))
        before, after = ({key: round(values[i], 4) for key, values in along.items()} for i in (-1, choice.index))
        return Figures(choice.alpha, round(metrics.Tradeoff.of(before, after).h, 2), before, after)

    def _classifiers(self, soup_model: SoupModel, alpha: float) -> dict[str, NDArray[np.float32]]:
        return {level: soup_model.text(alpha, named.prompts) for level, named in self.evalset.class_names.items()}


def load_validation(
    config: RunConfig, dataset: Dataset, resources: Resources
) -> Generator[tuple[int, int], None, Validation]:
    """Read the train, steer and calibrate images of a run's targets, yielding (images done, images in all).

    Raises as data.splits.select does, BadData where an image is damaged.
    """
    splits = config.splits(dataset).calibrate_only()
    task, evaluation = yield from load(config, dataset, splits, resources)
    return Validation(task, evaluation.pixels, EvalSet.build(dataset, evaluation.splits, goal=config.goal))
