"""The last linear map of an image tower, and a D x D matrix folded into it.

Features are normalised after that map, so encode_image gives normalise(P @ raw features) from then on: a change of
weights like any other, which soups by alpha. SigLIP's towers end in an attention pooling whose last map adds to what
goes around it (the residual): no matrix can be folded in there, but a change can be added.
Letters: D the joint embedding, I what the map reads.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from clipforget.errors import BadModel
from clipforget.models.weights import copied_model


@torch.no_grad()
def project(model: Any, matrix: Tensor) -> None:
    """Replace the image tower's raw features z (D) by matrix @ z; matrix is D x D, of any floating type.

    Changes ModifiedResNet's attnpool.c_proj (weight and bias), VisionTransformer's proj, or the last linear layer of a
    timm tower, in place. Raises BadModel for a tower that ends in anything else.
    """
    if _pooling(model.visual) is not None:
        raise BadModel(
            "The image tower ends in an attention pooling (as SigLIP's do) that adds its last map to what goes around "
            "it, so no matrix can be folded in; choose another method, e.g. anchored."
        )
    last = _last_map(model.visual)
    if isinstance(last, nn.Linear):
        last.weight.copy_(_fold(matrix, last.weight))
        if last.bias is not None:
            last.bias.copy_(_fold(matrix, last.bias))
    else:  # a ViT's features are x @ proj, so its matrix stands on the other side
        last.copy_(_fold(matrix, last.T).T)


def before_projection(model: Any) -> Any:
    """Return a copy of a model whose image tower ends before its last map: encode_image gives B x I.

    Where the map's output is added to a residual, that follows: B x (I + D).
    Raises BadModel for a tower that does not end in a linear map.
    """
    copied = copied_model(model)
    last, pooling = _last_map(copied.visual), _pooling(copied.visual)
    if pooling is not None:
        _end_early(pooling, last)
    elif isinstance(last, nn.Linear):
        last.weight = nn.Parameter(torch.eye(last.in_features).to(last.weight), requires_grad=False)
        if last.bias is not None:
            last.bias = nn.Parameter(last.bias.new_zeros(last.in_features), requires_grad=False)
    else:
        last.data = torch.eye(len(last)).to(last)
    return copied


def _end_early(pooling: Any, last: Any) -> None:
    """Let an attention pooling give what its last map reads, and what that map's output is added to."""
    read: list[Tensor] = []
    last.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))

    def end(module: Any, inputs: Any, pooled: Tensor) -> Tensor:
        x = read.pop()  # B x queries x I
        x = x.mean(1) if pooling.pool == "avg" else x[:, 0]
        return torch.cat([x, pooled - nn.functional.linear(x, last.weight, last.bias)], dim=1)

    pooling.register_forward_hook(end)


def projection_weight(model: Any) -> Tensor:
    """Return the last map as a matrix D x (I + 1) on the CPU, in double precision; its last column is the bias or 0."""
    last = _last_map(model.visual)
    weight = last.weight if isinstance(last, nn.Linear) else last.T
    bias = last.bias if isinstance(last, nn.Linear) and last.bias is not None else weight.new_zeros(len(weight))
    return torch.cat([weight, bias[:, None]], dim=1).detach().cpu().double()


@torch.no_grad()
def add_to_projection(model: Any, change: Tensor) -> None:
    """Add a change, D x (I + 1), to the last map in place; its last column goes to the bias, if there is one."""
    last = _last_map(model.visual)
    if isinstance(last, nn.Linear):
        last.weight.add_(change[:, :-1].to(last.weight))
        if last.bias is not None:
            last.bias.add_(change[:, -1].to(last.bias))
    else:
        last.add_(change[:, :-1].T.to(last))


def _fold(matrix: Tensor, values: Tensor) -> Tensor:
    """matrix @ values in double precision, which not every device has, as values' type: D x D with D x I or D."""
    return (matrix.cpu().double() @ values.cpu().double()).to(values.dtype)


def _last_map(tower: Any) -> nn.Linear | Tensor:
    kind = type(tower).__name__
    last = None
    if kind == "ModifiedResNet":
        last = tower.attnpool.c_proj
    elif kind == "VisionTransformer":
        last = tower.proj
    elif (pooling := _pooling(tower)) is not None:
        last = pooling.mlp.fc2
    elif kind == "TimmModel":
        last = _last_linear(tower)
    if not isinstance(last, nn.Linear | Tensor):
        raise BadModel(
            f"The image tower {kind} does not end in a linear map, which this method changes; choose another method, "
            "or a ResNet, a ViT or a timm model with a projection."
        )
    return last


def _pooling(tower: Any) -> Any:
    """The attention pooling with a residual that a timm tower's features come from, if nothing follows it."""
    trunk = getattr(tower, "trunk", None)
    pooling: Any = getattr(trunk, "attn_pool", None)
    if getattr(pooling, "mlp", None) is None or pooling.pool not in ("token", "avg"):
        return None
    after = [getattr(trunk, name, None) for name in ("fc_norm", "head")] + list(tower.head.children())
    return pooling if all(isinstance(module, nn.Identity | nn.Dropout | None) for module in after) else None


def _last_linear(tower: Any) -> nn.Module | None:
    """The linear layer that a timm tower ends in: of its head (proj, or the second one of an MLP), else the trunk's."""
    head = list(tower.head.modules())[1:]
    linear = [module for module in head if isinstance(module, nn.Linear)]
    if linear or head:
        return linear[-1] if linear else None
    return tower.trunk.get_classifier() if hasattr(tower.trunk, "get_classifier") else None
