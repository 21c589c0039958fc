"""Settings that several methods share; no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Self

from clipforget.settings import option

PAPER_BASELINE = {"epochs": 2.0, "learning_rate": 1e-5}
PAPER_BASELINE_NOTE = (
    "From arXiv 2506.03117: Adam, up to 2 epochs. Rate and batch are lost in its public text, so unknown: 1e-5 stands "
    "in, the preset tuned searches the rate."
)
INFORMATION = ("similarity", "likelihood")


def information_option() -> Any:
    """Make the field that says whose gradients are squared."""
    return option(
        "similarity",
        "Whose gradients the Fisher information squares: the similarity with the own caption (ours), or, as the "
        "paper, its likelihood, which has hardly a gradient on images that the model is certain of",
        choices=INFORMATION,
        search=INFORMATION,
    )


def samples_option() -> Any:
    """Make the field that says how many images of each kind the information is read from."""
    return option(200, "Images of each kind the Fisher information is read from", low=1, high=5000, advanced=True)


def learning_rate_option(default: float, search: tuple[float, ...] = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)) -> Any:
    """Make the field of AdamW's learning rate."""
    return option(default, "Learning rate (AdamW)", low=1e-8, high=1.0, search=search, former=("rate",))


@dataclass(frozen=True)
class TrainingSettings:
    """The settings that every method of the one training loop has; a method's own settings inherit from it."""

    steps: int = option(60, "Steps of training", low=1, high=5000, search=(20, 60, 150))
    epochs: float = option(
        0.0, "Passes over the largest of the sets of images that it trains on, in place of the steps; 0: the steps",
        low=0.0, high=1000.0, advanced=True,
    )  # fmt: skip
    learning_rate: float = learning_rate_option(1e-4)
    batch_size: int = option(16, "Images of each kind in a step", low=2, high=512, advanced=True, former=("batch",))
    weight_decay: float = option(0.0, "Weight decay of AdamW", low=0.0, high=1.0, advanced=True)
    check_every: int = option(10, "Steps between two evaluations on steer images", low=1, high=1000, advanced=True)

    def in_steps(self, images: int) -> Self:
        """Return the same with the steps that `epochs` passes over so many images take, where it is not 0."""
        if not self.epochs:
            return self
        return replace(self, steps=math.ceil(self.epochs * images / min(self.batch_size, images)), epochs=0.0)
