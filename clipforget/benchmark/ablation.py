"""Ablations of anchored forgetting that the paper lacks, as rows of a comparison: one change at a time. No torch.

The choice of layers is compared over the whole tower, since our limit of depth leaves hardly a choice in small ones.
Alignment and average are compared with our balancing off: it goes back to the state before reminding where validation
prefers that, and then nothing of them would be left to see.
"""

from __future__ import annotations

CHANGES = {
    "as it is": "",
    "whole tower": "depth=1",
    "whole tower; highest plain Fisher": "depth=1,selection=fisher",
    "whole tower; random layers": "depth=1,selection=random",
    "whole tower; all layers": "depth=1,selection=all",
    "loss: hinge": "mode=hinge",
    "loss: paper": "mode=paper",
    "no balance": "balance=false",
    "no balance; recorded statistics": "balance=false,alignment=recorded",
    "no balance; feature distillation": "balance=false,alignment=distillation",
    "no balance; no alignment": "balance=false,alignment=none",
    "no balance; no EMA": "balance=false,ema_decay=0",
}


def ablation_rows(preset: str) -> list[str]:
    """Return the rows as `compare` takes them; every one starts from the preset ("default": the defaults)."""
    method = "anchored" if preset == "default" else f"anchored:{preset}"
    return [f"{label}={method}{',' if change else ''}{change}" for label, change in CHANGES.items()]
