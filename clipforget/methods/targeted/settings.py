"""The settings of targeted forgetting."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.settings import option

SOURCE = "Targeted Forgetting of Image Subgroups in CLIP Models, arXiv 2506.03117"
REFERENCE_URL = "https://arxiv.org/abs/2506.03117"
SELECTIONS = ("relative", "fisher", "random")  # the rules of clipforget.unlearning.fisher
ALIGNMENTS = ("batchnorm", "recorded", "none")
PAPER = {"stop_cosine": -1.0, "ema_decay": 0.95}
PAPER_NOTE = "Inferred: two whole epochs and a slow average, with which the paper's Tables 4 and 5 come out."


@dataclass(frozen=True)
class TargetedSettings:
    """Settings of Forget and Remind; alpha is chosen afterwards, as for every method.

    The paper states the epochs of training (at most) and the steps of reminding; all other values are inferred: the
    defaults from development targets, those of the preset `paper` from what the paper's Tables 4 and 5 look like.
    """

    layers: int = option(
        5, "Layers to adapt: those with the highest relative Fisher information (inferred)", low=1, high=64,
        search=(3, 5, 6),
    )  # fmt: skip
    rank: int = option(8, "Rank of the low-rank update of each layer (inferred)", low=1, high=128)
    forget_epochs: int = option(2, "Most passes over the forget images (paper: up to 2)", low=1, high=200)
    forget_learning_rate: float = option(
        3e-3, "Learning rate of the Forget stage, Adam (inferred)", low=1e-7, high=1.0, search=(2e-3, 3e-3, 5e-3)
    )
    stop_cosine: float = option(
        -0.55,
        "Forgetting ends early where the mean cosine of steer images with their coarse caption falls to this "
        "(inferred); -1: never",
        low=-1.0,
        high=1.0,
        advanced=True,
    )
    remind_steps: int = option(
        10, "Steps T of the Remind stage (paper: 10; past 20 its accuracies collapse)", low=0, high=1000
    )
    remind_learning_rate: float = option(
        3e-4, "Learning rate of the Remind stage, Adam (inferred)", low=1e-7, high=1.0, search=(3e-4, 1e-3, 2e-3)
    )
    ema_decay: float = option(
        0.9, "Decay beta of the average in Remind: the original's share after T steps is beta^T (inferred)",
        low=0.0, high=0.99,
    )  # fmt: skip
    selection: str = option(
        "relative",
        "Which layers to adapt: the highest relative Fisher information (paper); to compare, the highest plain Fisher "
        "information, or random ones",
        choices=SELECTIONS,
        advanced=True,
    )
    alignment: str = option(
        "batchnorm",
        "What reminders are aligned with: BatchNorm's statistics (paper; a tower without BatchNorm: recorded), "
        "statistics recorded on the retain images, or to compare, nothing",
        choices=ALIGNMENTS,
        advanced=True,
    )
    batch_size: int = option(8, "Images in a step (inferred)", low=1, high=512, advanced=True)
