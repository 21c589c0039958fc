"""CLIP-LIP: smooth both towers around images of the target that the model itself dreams up.

Source: Zero-Shot Class Unlearning in CLIP with Synthetic Samples (arXiv 2407.07485, WACV 2025) and its authors' code,
from which the loss, the two schedules and the preset are. Ours: the default learning rate, which fits a small model;
`caption`; and progress is the mean probability of the caption, which moves where the accuracy of a few images stands.

What it flattens are images that a model takes for the target. Those of a small model look like noise, so that real
images of the target may be recognised as before: look at the scores, not at the synthetic accuracy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clipforget.methods import BOTH, Step, Task, method
from clipforget.settings import option

SIGMAS = (0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)  # deviations of the noise, in normalised pixels; a step in vain raises it
MORE = (0, 2, 5, 8, 10, 15, 20)  # layers of a tower beyond the first k, for each of them


@dataclass(frozen=True)
class ClipLipSettings:
    """Settings of CLIP-LIP."""

    steps: int = option(40, "Steps of forgetting at most", low=1, high=1000)
    rate: float = option(3e-4, "Learning rate (Adam)", low=1e-8, high=1.0, search=(5e-5, 1e-4, 3e-4, 1e-3))
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


@method(
    "clip_lip",
    ClipLipSettings,
    title="CLIP-LIP",
    source="Zero-Shot Class Unlearning in CLIP with Synthetic Samples, arXiv 2407.07485",
    stages=("synthesise", "forget"),
    changes=BOTH,
    images=False,
    presets={
        "paper": {
            "rate": 5e-5,
            "steps": 30,
            "weight_decay": 0.2,
            "caption": "fine",
            "synthesis_images": 64,
            "synthesis_steps": 3000,
        }
    },
)
def clip_lip(task: Task, settings: ClipLipSettings) -> Iterator[Step]:
    """Dreams up images of the target and flattens both towers around them with a Lipschitz loss.

    No training image is looked at; validation is read for the figures alone. Each Step of `synthesise` has the mean
    class probability among its losses (as `synthetic`), each one of `forget` the synthetic accuracy in
    data["synthetic_accuracy"] and the noise in data["sigma"]. Closing the generator leaves the best state so far.
    """
    from clipforget.methods._clip_lip import Run

    run = Run(task, settings)
    yield from run.synthesise()
    yield from run.forget()
