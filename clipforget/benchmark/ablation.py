"""Ablations of targeted forgetting (arXiv 2506.03117) as rows of a comparison: each takes a part away. No torch.

Without souping the model is read as training left it, at alpha 0 alone; that row shares the runs of the first.
"""

from __future__ import annotations

CHANGES = {
    "paper": "",
    "plain Fisher": "selection=fisher",
    "random layers": "selection=random",
    "no reminding": "remind_steps=0",
    "no alignment": "alignment=none",
    "no EMA": "ema_decay=0",
    "no souping": "alpha=0",
}


def ablation_rows(preset: str) -> list[str]:
    """Return the rows as `compare` takes them; every one starts from the preset ("default": the defaults)."""
    method = "targeted" if preset == "default" else f"targeted:{preset}"
    return [f"{label}={method}{',' if change else ''}{change}" for label, change in CHANGES.items()]
