"""The settings of anchored forgetting."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.settings import option


@dataclass(frozen=True)
class AnchoredSettings:
    """Settings of the regression; margins are cosines."""

    retain_weight: float = option(1.0, "Weight of siblings as anchors; 0: none", low=0.0, high=100.0)
    others_weight: float = option(
        1.0, "Weight of images of other classes as anchors; 0: none", low=0.0, high=100.0, search=(0.5, 1.0, 2.0)
    )
    retain_margin: float = option(
        0.4, "Margin by which siblings are to be recognised under the coarse name; 0: only kept right",
        low=0.0, high=2.0, search=(0.2, 0.4, 0.6),
    )  # fmt: skip
    forget_margin: float = option(
        1.5, "Margin by which another name is to beat the target's own names at alpha 0", low=0.0, high=4.0,
        search=(1.0, 1.5, 2.0),
    )  # fmt: skip
    strength: float = option(
        1.5, "Multiple of the change that is asked for: of what it is asked, the ridge passes on a part only",
        low=0.1, high=10.0, advanced=True,
    )  # fmt: skip
    ridge: float = option(
        2.0, "Ridge of the regression, as a share of the mean square of its inputs", low=1e-6, high=1e3, advanced=True,
        search=(0.1, 0.5, 2.0),
    )  # fmt: skip
    views: int = option(
        3, "Views of each image to forget: itself and random mirrorings, zooms, shifts", low=1, high=16, advanced=True
    )
    augment: float = option(0.5, "Strength of the random views", low=0.0, high=1.0, advanced=True)

    @property
    def tier(self) -> int:
        """Return what the anchors use: 3 with others, 2 with siblings alone, 1 without anchors."""
        return 3 if self.others_weight > 0 else 2 if self.retain_weight > 0 else 1
