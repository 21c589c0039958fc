"""Low-rank updates of single weights, written as parametrisations: W becomes W + s B A until it is merged.

LoRA is Hu et al. 2021 (arXiv 2106.09685). torch.nn.utils.parametrize covers convolutions (grouped ones too), linear
layers, attention's in_proj_weight and plain projection parameters alike: whoever reads the weight gets the sum.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """W + scale * (B A), reshaped to W. A weight O x ... is read as a matrix O x I with I the product of the rest.

    `down` is A, rank x I, drawn normal with deviation 1/sqrt(I); `up` is B, O x rank, zero: at first nothing changes.
    The rank is cut to min(O, I).
    """

    def __init__(self, weight: Tensor, rank: int, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.shape[0], weight[0].numel()
        rank = min(rank, rows, columns)
        noise = torch.randn(rank, columns, generator=generator) / columns**0.5
        self.down = nn.Parameter(noise.to(weight.device))
        self.up = nn.Parameter(torch.zeros(rows, rank, device=weight.device))
        self.scale = scale
        self.order: tuple[str, ...] = ()  # of the owner's parameters, so that merging can put them back as they were

    def update(self) -> Tensor:
        """Return the update alone, O x I, in float32 whatever the autocast."""
        with torch.autocast(self.up.device.type, enabled=False):
            return self.scale * (self.up @ self.down)

    def forward(self, weight: Tensor) -> Tensor:
        """Add the update to the weight, whose shape it takes."""
        return weight + self.update().view_as(weight)


def attach(
    model: nn.Module, names: Sequence[str], rank: int, *, scale: float = 1.0, generator: torch.Generator
) -> dict[str, LowRank]:
    """Put a LowRank update on each named parameter (e.g. `visual.layer4.0.conv2.weight`) and return them by name.

    Everything else in the model, and the weights below the updates, stop requiring gradients.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    updates = {}
    for name in names:
        owner, leaf = _owner(model, name)
        updates[name] = LowRank(getattr(owner, leaf), rank, scale, generator)
        updates[name].order = tuple(owner._parameters)
        parametrize.register_parametrization(owner, leaf, updates[name])
    return updates


@torch.no_grad()
def merge(model: nn.Module, values: dict[str, Tensor] | None = None, *, names: Sequence[str]) -> None:
    """Take the updates of the named parameters off and leave plain parameters with the sum in their place.

    values, where given, holds other final weights by name (an average of several, say). Parameters keep their names;
    calling it where nothing is attached changes nothing.
    """
    for name in names:
        owner, leaf = _owner(model, name)
        if not parametrize.is_parametrized(owner, leaf):
            continue
        order = owner.parametrizations[leaf][0].order  # type: ignore[index, union-attr]
        parametrize.remove_parametrizations(owner, leaf, leave_parametrized=True)
        positions = {leaf: position for position, leaf in enumerate(order)}
        owner._parameters = dict(sorted(owner._parameters.items(), key=lambda item: positions.get(item[0], -1)))
        parameter = getattr(owner, leaf)
        if values is not None:
            parameter.copy_(values[name])
        parameter.requires_grad_(False)


def _owner(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, leaf = name.rpartition(".")
    return model.get_submodule(path), leaf
