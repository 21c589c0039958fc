"""The task of a method on a tiny CLIP: milliseconds, no data set."""

from __future__ import annotations

import torch

from clipforget.data.target import Target
from clipforget.models.clip import Clip
from clipforget.unlearning.task import ImageSet, Task

NAMES = ("car", "dog", "cat")
QUICK = {  # settings of these names are cut to this, so that every method ends within a second
    "steps": 3, "forget_steps": 3, "remind_steps": 2, "fisher_samples": 2, "samples": 2, "batch_size": 4,
    "check_every": 2, "rounds": 2, "synthesis_steps": 2, "synthesis_images": 2, "precision": "float32",
}  # fmt: skip


def task_for(original: Clip, seed: int = 0) -> Task:
    """Noise of three brightnesses stands for three kinds of image."""
    generator = torch.Generator().manual_seed(3)

    def images(count: int, label: int, offset: float) -> ImageSet:
        pixels = torch.randn(count, 3, 32, 32, generator=generator) + offset
        return ImageSet(pixels, torch.full((count,), label))

    kinds = {"forget": (0, 2.0), "retain": (0, -2.0), "others": (1, 0.0)}
    training = {name: images(8, *kind) for name, kind in kinds.items()}
    steer = {name: images(4, *kind) for name, kind in kinds.items()}
    class_embeddings = original.class_embeddings(NAMES, "a photo of a {}.")
    return Task(
        clip=original.clone(), original=original, steer=steer, names=NAMES, class_embeddings=class_embeddings,
        template="a photo of a {}.", seed=seed, targets=(Target("car", "convertible"),),
        forget_prompts=("a photo of a convertible.",),
        retain_prompts=("a photo of a dog.", "a photo of a cat.", "a photo of a minibus."), limit=1 / 3, **training,
    )  # fmt: skip
