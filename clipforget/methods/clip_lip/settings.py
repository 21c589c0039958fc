"""The settings of CLIP-LIP."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.settings import option

SIGMAS = (0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)  # deviations of the noise, in normalised pixels; a step in vain raises it
EXTRA_LAYERS = (0, 2, 5, 8, 10, 15, 20)  # layers of a tower beyond the first k, for each of them


@dataclass(frozen=True)
class ClipLipSettings:
    """Settings of CLIP-LIP."""

    steps: int = option(40, "Steps of forgetting at most", low=1, high=1000)
    learning_rate: float = option(
        3e-4, "Learning rate (Adam)", low=1e-8, high=1.0, search=(5e-5, 1e-4, 3e-4, 1e-3), former=("rate",)
    )
    layers: int = option(
        5, "Weights of each tower that a step moves: those of the highest mean |gradient|; more as the noise grows",
        low=1, high=200, search=(1, 2, 5, 10),
    )  # fmt: skip
    stop: float = option(
        0.2, "Accuracy on the synthetic images at which it stops", low=0.0, high=1.0, search=(0.0, 0.2, 0.5)
    )
    caption: str = option(
        "coarse",
        "The caption that is to lose the synthetic images: coarse, among the superclasses (ours); fine, the target's "
        "own among the subgroups (paper)",
        choices=("coarse", "fine"),
    )
    samples: int = option(5, "Noisy copies of each image in a step", low=1, high=100, advanced=True)
    synthesis_images: int = option(32, "Synthetic images of each target", low=1, high=512, advanced=True)
    synthesis_steps: int = option(
        200, "Steps of gradient ascent an image gets at most", low=1, high=10_000, advanced=True
    )
    weight_decay: float = option(0.0, "Weight decay of Adam (paper: 0.2)", low=0.0, high=1.0, advanced=True)
