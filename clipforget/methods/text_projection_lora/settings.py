"""The settings of text-projection LoRA."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.settings import option


@dataclass(frozen=True)
class TextProjectionLoraSettings:
    """Settings of text-projection LoRA; losses of images are in logit units, those of texts in cosines."""

    steps: int = option(200, "Steps of training", low=1, high=5000, search=(50, 200, 500))
    learning_rate: float = option(
        1e-2, "Learning rate (Adam)", low=1e-7, high=1.0, search=(1e-3, 3e-3, 1e-2, 3e-2), former=("rate",)
    )
    rank: int = option(8, "Rank of the update", low=1, high=256, search=(2, 4, 8, 16))
    retain_weight: float = option(
        10.0, "Weight of the retained texts kept in place", low=0.0, high=1000.0, search=(1.0, 3.0, 10.0, 30.0)
    )
    images: int = option(
        64, "Training images of each kind that say where captions are to lie (ours); 0: names alone, as the paper",
        low=0, high=10_000,
    )  # fmt: skip
    image_weight: float = option(1.0, "Weight of their losses (ours)", low=0.0, high=100.0, advanced=True)
    margin: float = option(
        0.05, "Margin, in cosine, by which another caption must win a forget image (ours)",
        low=0.0, high=2.0, advanced=True,
    )  # fmt: skip
    check_every: int = option(20, "Steps between two evaluations on steer images", low=1, high=1000, advanced=True)

    @property
    def tier(self) -> int:
        """Return 0, names only, where no images are asked for."""
        return 3 if self.images else 0
