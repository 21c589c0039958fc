"""The settings of text-projection LoRA."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.settings import option

REDUCTION = 0.7  # share of the target's distance from the empty prompt that has to go; else its weight grows
RAISE = 0.05  # by so much, before the next round


@dataclass(frozen=True)
class TextProjectionLoraSettings:
    """Settings of text-projection LoRA; the losses are Euclidean norms of text features as the tower gives them."""

    steps: int = option(
        500, "Steps of training in a round (their code: 2000)", low=1, high=5000, search=(200, 500, 1000)
    )
    learning_rate: float = option(
        1e-2, "Learning rate (Adam)", low=1e-7, high=1.0, search=(1e-3, 3e-3, 1e-2, 3e-2), former=("rate",)
    )
    rank: int = option(5, "Rank of the update", low=1, high=256, search=(1, 2, 5, 8))
    forget_weight: float = option(
        1.1, "Weight of the target's distance from the empty prompt in the first round", low=0.0, high=1000.0,
        search=(1.1, 3.0, 10.0),
    )  # fmt: skip
    retain_weight: float = option(
        0.3, "Weight of how far the close names move", low=0.0, high=1000.0, search=(0.1, 0.3, 1.0)
    )
    size_weight: float = option(1.0, "Weight of the update's own norm, ||BA||", low=0.0, high=1000.0, search=(0.1, 1.0))
    close_names: int = option(
        10, "Names that are kept in place: of those to retain, the nearest ones", low=1, high=10_000, search=(3, 10, 30)
    )
    rounds: int = option(
        20, "Rounds at most; each begins anew with a larger weight of the target (their code: 100)", low=1, high=1000,
        advanced=True,
    )  # fmt: skip
    check_every: int = option(100, "Steps between two evaluations on steer images", low=1, high=1000, advanced=True)
