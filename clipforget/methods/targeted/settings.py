"""The settings of targeted forgetting."""

from __future__ import annotations

from dataclasses import dataclass

from clipforget.methods.anchored.settings import PAPER, AnchoredSettings
from clipforget.settings import option_like

SOURCE = "Targeted Forgetting of Image Subgroups in CLIP Models, arXiv 2506.03117"
REFERENCE_URL = "https://arxiv.org/abs/2506.03117"


@dataclass(frozen=True)
class TargetedSettings(AnchoredSettings):
    """The settings of the three stages, those of anchored forgetting with the paper's values."""

    mode: str = option_like(AnchoredSettings, "mode", PAPER["mode"])
    retain_weight: float = option_like(AnchoredSettings, "retain_weight", PAPER["retain_weight"])
    distill_weight: float = option_like(AnchoredSettings, "distill_weight", PAPER["distill_weight"])
    balance: bool = option_like(AnchoredSettings, "balance", PAPER["balance"])
    remind_forget_weight: float = option_like(AnchoredSettings, "remind_forget_weight", PAPER["remind_forget_weight"])
    augment: float = option_like(AnchoredSettings, "augment", PAPER["augment"])
    depth: float = option_like(AnchoredSettings, "depth", PAPER["depth"])
    layers: int = option_like(AnchoredSettings, "layers", PAPER["layers"])
    extrapolation: float = option_like(AnchoredSettings, "extrapolation", PAPER["extrapolation"])
