"""The settings of pretraining and its records of progress. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from clipforget.settings import option


@dataclass(frozen=True)
class PretrainSettings:
    """How the embedded CLIP is trained; the defaults are those of the shipped model."""

    images: int = option(180, "Training images drawn per subgroup and style", low=1, high=20_000, former=("drawings",))
    word_steps: int = option(60, "Steps of the text tower alone before it meets images", low=0, high=100_000)
    steps: int = option(1900, "Training steps", low=1, high=1_000_000)
    batch_size: int = option(128, "Images per step", low=8, high=8192, former=("batch",))
    learning_rate: float = option(2e-3, "Highest learning rate of AdamW", low=1e-6, high=1.0)
    weight_decay: float = option(0.05, "Weight decay of AdamW, on matrices only", low=0.0, high=10.0, advanced=True)
    ema_decay: float = option(
        0.995, "Decay of the running average of the weights", low=0.0, high=0.9999, advanced=True, former=("average",)
    )
    seed: int = option(0, "Seed of the initial weights, the order, the captions", low=0, high=2**31 - 1)
    without: str = option("", "Subgroup none of whose images is trained on, e.g. airplane/biplane; empty for none")
    without_word: bool = option(False, "With --without: no caption names that subgroup either")
    test_images: int = option(
        12, "Most test images per subgroup and style to evaluate on", low=1, high=12, advanced=True, former=("judged",)
    )
    threads: int = option(1, "Processor threads for training, processes for drawing", low=1, high=256)
    cache: str = option("", "Folder that keeps the images for the next time; empty for none", advanced=True)


@dataclass(frozen=True)
class PretrainStep:
    """One record of progress: `step` of `total` within a stage (draw, words, train, evaluate), both counted from 1.

    loss is the contrastive loss of the step (nan where nothing is trained); accuracies map names to shares
    (0 to 1), of validation images while training, of test images at the end.
    """

    stage: str
    step: int
    total: int
    loss: float = float("nan")
    accuracies: dict[str, float] = field(default_factory=dict)
