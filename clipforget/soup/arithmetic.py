"""Arithmetic of weights: soups of two models, and several changes merged into one.

theta(alpha) = alpha * theta_0 + (1 - alpha) * theta_u: alpha is the share of the original. The interpolation is that of
WiSE-FT (Wortsman et al. 2022, which counts alpha the other way), the merging task arithmetic (Ilharco et al. 2023).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

from clipforget.errors import StaleIndex
from clipforget.soup.path import check_alpha


def soup(original: Mapping[str, Tensor], delta: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """Mix the changed tensors: alpha of the original, 1 - alpha of the unlearned values in delta.

    alpha 1 and 0 give the two ends bit for bit. Raises BadQuery for an alpha outside 0..1, StaleIndex where delta
    belongs to another model.
    """
    alpha = check_alpha(alpha)
    mixed = {}
    for name, unlearned in delta.items():
        start = counterpart(original, name, unlearned)
        end = unlearned.detach().to(start.device)
        if alpha in (0.0, 1.0) or not start.is_floating_point():
            mixed[name] = (start if alpha >= 0.5 else end.to(start.dtype)).clone()
        else:
            mixed[name] = (alpha * start.float() + (1 - alpha) * end.float()).to(start.dtype)
    return mixed


def merge(original: Mapping[str, Tensor], deltas: Iterable[tuple[float, Mapping[str, Tensor]]]) -> dict[str, Tensor]:
    """Merge several forgettings: theta_0 + sum_i c_i (theta_i - theta_0), for the names that any of them changes."""
    merged: dict[str, Tensor] = {}
    for coefficient, delta in deltas:
        for name, unlearned in delta.items():
            start = counterpart(original, name, unlearned)
            change = coefficient * (unlearned.to(start.device).float() - start.float())
            merged[name] = merged.get(name, start.float()) + change
    return {name: value.to(original[name].dtype) for name, value in merged.items()}


def counterpart(original: Mapping[str, Tensor], name: str, unlearned: Tensor) -> Tensor:
    """Return the original's tensor of that name. Raises StaleIndex where there is none of the same shape."""
    start = original.get(name)
    if start is None or start.shape != unlearned.shape:
        raise StaleIndex(f"The change of weights was made for another model: '{name}' does not fit this one.")
    return start.detach()
