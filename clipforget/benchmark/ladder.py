"""From the paper's method to ours, one change a rung, as rows of a comparison. No torch.

The first step is the large one: from three stages of training (arXiv 2506.03117) to a regression on the last projection
with the images to forget alone. From there each rung adds one thing up to `anchored` at its defaults; the last one puts
the separation before it.
"""

from __future__ import annotations

from collections.abc import Mapping

from clipforget.settings import SettingValue

RUNGS: Mapping[str, tuple[str, Mapping[str, SettingValue]]] = {
    "paper": ("targeted", {}),
    "closed form without anchors": (
        "anchored", {"retain_weight": 0.0, "others_weight": 0.0, "retain_margin": 0.0, "views": 1},
    ),
    "+ siblings as anchors": ("anchored", {"others_weight": 0.0, "retain_margin": 0.0, "views": 1}),
    "+ others as anchors": ("anchored", {"retain_margin": 0.0, "views": 1}),
    "+ siblings up to a margin": ("anchored", {"views": 1}),
    "+ random views (anchored)": ("anchored", {}),
    "+ separation (separated)": ("separated", {}),
}  # fmt: skip


def ladder_rows() -> list[str]:
    """Return the rows as `compare` takes them, from the paper's method up to ours."""
    return [
        ",".join([f"{label}={method}", *(f"{name}={value}" for name, value in settings.items())])
        for label, (method, settings) in RUNGS.items()
    ]
