"""The settings that methods by diagonal Fisher information share; no torch."""

from __future__ import annotations

from typing import Any

from clipforget.settings import option

INFORMATION = ("similarity", "likelihood")


def information_option() -> Any:
    """The field that says whose gradients are squared."""
    return option(
        "similarity",
        "Whose gradients the Fisher information squares: the similarity with the own caption (ours), or, as the "
        "paper, its likelihood, which has hardly a gradient on images that the model is certain of",
        choices=INFORMATION,
        search=INFORMATION,
    )


def samples_option() -> Any:
    """The field that says how many images of each kind it is read from."""
    return option(200, "Images of each kind the Fisher information is read from", low=1, high=5000, advanced=True)
