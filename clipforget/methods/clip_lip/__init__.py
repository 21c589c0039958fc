"""CLIP-LIP: smooth both towers around images of the target that the model itself dreams up.

Source: Zero-Shot Class Unlearning in CLIP with Synthetic Samples (arXiv 2407.07485, WACV 2025) and its authors' code,
from which the loss, the two schedules and the preset are. Ours: the default learning rate, which fits a small model;
`caption`; and progress is the mean probability of the caption, which moves where the accuracy of a few images stands.

What it flattens are images that a model takes for the target. Those of a small model look like noise, so that real
images of the target may be recognised as before: look at the scores, not at the synthetic accuracy.
"""

from __future__ import annotations

from collections.abc import Iterator

from clipforget.methods import method
from clipforget.methods.clip_lip.settings import ClipLipSettings
from clipforget.unlearning.task import BOTH, Step, Task


@method(
    "clip_lip",
    ClipLipSettings,
    title="CLIP-LIP",
    tier=0,
    source="Zero-Shot Class Unlearning in CLIP with Synthetic Samples, arXiv 2407.07485",
    reference_url="https://arxiv.org/abs/2407.07485",
    stages=("synthesise", "forget"),
    changes=BOTH,
    presets={
        "paper": {
            "learning_rate": 5e-5,
            "steps": 30,
            "weight_decay": 0.2,
            "caption": "fine",
            "synthesis_images": 64,
            "synthesis_steps": 3000,
        }
    },
)
def clip_lip(task: Task, settings: ClipLipSettings) -> Iterator[Step]:
    """Dream up images of the target and flatten both towers around them with a Lipschitz loss.

    No training image is looked at; steer is read for the figures alone. Each Step of `synthesise` has the mean
    class probability among its losses (as `synthetic`), each one of `forget` the synthetic accuracy in
    data["synthetic_accuracy"] and the noise in data["sigma"]. Closing the generator leaves the best state so far.
    """
    from clipforget.methods.clip_lip.forgetting import ClipLip

    run = ClipLip(task, settings)
    yield from run.synthesise()
    yield from run.forget()
