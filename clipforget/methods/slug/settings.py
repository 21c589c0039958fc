"""The settings of SLUG."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.settings import option


@dataclass(frozen=True)
class SlugSettings:
    """Settings of SLUG."""

    layers: int = option(
        8, "Layers of the Pareto front that are tried, the most important ones first", low=1, high=64, search=(4, 8, 16)
    )
    max_step: float = option(
        2.0, "Largest step, as a share of the layer's norm", low=1e-3, high=100.0, search=(0.5, 2.0, 8.0),
        former=("reach",),
    )  # fmt: skip
    evaluations: int = option(
        10, "Evaluations on steer images while the step of a layer is searched", low=2, high=30,
        search=(6, 10, 14), former=("looks",),
    )  # fmt: skip
    depth: float = option(
        0.3, "Share of the tower's layers, counted from its output, that may be stepped (ours; paper: 1)",
        low=0.0, high=1.0, search=(0.15, 0.3, 1.0),
    )  # fmt: skip
    samples: int = option(400, "Images of each kind the gradients are read from", low=1, high=5000, advanced=True)

    @property
    def variant(self) -> str:
        """Say where only late layers are looked at, which is ours."""
        return "our choice of late layers" if self.depth < 1 else ""
