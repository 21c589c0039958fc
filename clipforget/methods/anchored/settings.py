"""The settings of anchored forgetting, and those nearest to the paper's."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.settings import option

MODES = ("margin", "mirror", "hinge", "paper")
SELECTIONS = ("relative", "fisher", "random", "all")  # the rules of clipforget.unlearning.fisher
ALIGNMENTS = ("batchnorm", "recorded", "distillation", "none")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class AnchoredSettings:
    """Settings of the three stages; weights multiply losses in logit units (cosines times the model's logit scale)."""

    forget_steps: int = option(100, "Steps of the Forget stage", low=1, high=2000)
    remind_steps: int = option(
        10, "Steps T of the Remind stage; the paper uses 10 and breaks down past 20", low=0, high=200
    )
    layers: int = option(8, "Layers to adapt: the k with the highest relative Fisher information", low=1, high=64)
    rank: int = option(8, "Rank of the low-rank update of each layer", low=1, high=128)
    mode: str = option(
        "margin",
        "What forgetting aims at: paper lowers the cosine without bound; hinge stops at the cosine of mismatched pairs "
        "(ours); margin stops once another caption wins (ours); mirror asks of each image a margin in proportion to "
        "the one it had, so that all of them are forgotten at the same alpha (ours)",
        choices=MODES,
        search=MODES,
    )
    retain_weight: float = option(
        0.7, "Weight of siblings and other images kept right while forgetting (ours; paper: 0)",
        low=0.0, high=100.0, search=(0.35, 0.7, 1.4),
    )  # fmt: skip
    distill_weight: float = option(
        4.0, "Weight of other images' features kept in place (ours; paper: 0)", low=0.0, high=100.0,
        former=("keep_weight",),
    )  # fmt: skip
    balance: bool = option(
        True, "Raise or lower the forget weight as steer asks, and keep the best state seen (ours; paper: off)"
    )
    forget_learning_rate: float = option(
        2e-3, "Learning rate of the Forget stage (Adam)",
        low=1e-7, high=1.0, advanced=True, search=(1e-3, 2e-3, 4e-3), former=("forget_rate",),
    )  # fmt: skip
    remind_learning_rate: float = option(
        2e-4, "Learning rate of the Remind stage (Adam)", low=1e-7, high=1.0, advanced=True, former=("remind_rate",)
    )
    margin: float = option(
        0.6, "Margin, in cosine, by which another caption must win (modes mirror, on average, and margin)",
        low=0.0, high=2.0, advanced=True, search=(0.15, 0.3, 0.6, 1.0),
    )  # fmt: skip
    remind_forget_weight: float = option(
        1.0, "Weight of the forget loss while reminding (ours; paper: 0)", low=0.0, high=100.0, advanced=True,
        former=("hold_weight",),
    )  # fmt: skip
    ema_decay: float = option(
        0.7, "Decay of the average in Remind; after T steps the original keeps decay^T", low=0.0, high=0.999,
        advanced=True,
    )  # fmt: skip
    selection: str = option(
        "relative",
        "Which layers to adapt: the highest relative Fisher information; for comparison (ours) the highest plain "
        "Fisher information, random ones, or all that depth allows",
        choices=SELECTIONS,
        advanced=True,
    )
    alignment: str = option(
        "batchnorm",
        "What reminders are aligned with: BatchNorm's own statistics (towers without it: recorded), statistics "
        "recorded on images, or for comparison (ours) the original's features instead, or nothing",
        choices=ALIGNMENTS,
        advanced=True,
    )
    align_steps: int = option(
        3, "Adam steps that align a reminder with the original's statistics", low=0, high=50, advanced=True
    )
    align_bound: float = option(
        0.05, "Largest change of a normalised pixel while aligning", low=0.0, high=1.0, advanced=True
    )
    depth: float = option(
        0.15, "Share of the tower's layers, counted from its output, that may be adapted (ours; paper: 1)", low=0.0,
        high=1.0, advanced=True,
    )  # fmt: skip
    extrapolation: float = option(
        1.5,
        "Length of the change of weights as a multiple of what was trained: alpha 0 lies beyond it, and alpha leads "
        "back (ours; paper: 1)",
        low=1.0,
        high=3.0,
        advanced=True,
        former=("reach",),
    )
    fisher_samples: int = option(
        24, "Images of each kind the Fisher information is read from", low=1, high=1000, advanced=True
    )
    batch_size: int = option(16, "Images of each kind in a step", low=1, high=512, advanced=True, former=("batch",))
    augment: float = option(
        0.3, "Strength of random mirror, zoom and shift (ours; paper: 0)", low=0.0, high=1.0, advanced=True
    )
    check_every: int = option(5, "Steps between two evaluations on steer images", low=1, high=1000, advanced=True)
    precision: str = option(
        "auto", "Arithmetic of training: auto measures what is faster here", choices=PRECISIONS, advanced=True
    )


PAPER: dict[str, bool | float | str] = {
    "mode": "paper", "retain_weight": 0.0, "distill_weight": 0.0, "balance": False, "remind_forget_weight": 0.0,
    "augment": 0.0, "depth": 1.0, "layers": 5, "extrapolation": 1.0,
}  # fmt: skip
