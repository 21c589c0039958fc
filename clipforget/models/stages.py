"""The image tower as a list of named stages, so that what lies before the first changed weight runs only once.

A recipe proposes how a tower decomposes; a probe then runs one image both ways, and a tower whose stages do not give
what encode_image gives becomes a single stage: correct, only not faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

TOWER = "visual."  # the prefix of the image tower's parameter names in an open_clip model
SCALARS = ("logit_scale", "logit_bias")  # parameters of neither tower
ROUNDING = 1e-4  # relative: other orders of the same sums stay far below, other computations do not


@dataclass(frozen=True)
class Stage:
    """A piece of the image tower. `prefixes` are the beginnings of the names of its parameters in the whole model.

    The first stage takes B x 3 x H x W pixels, the last one gives B x D features (not normalised); what runs between
    two stages is whatever the tower has there.
    """

    name: str
    prefixes: tuple[str, ...]
    call: Callable[[Tensor], Tensor]

    def owns(self, parameter: str) -> bool:
        """Tell whether the parameter, named as in the model's state dict, belongs to this stage."""
        return parameter.startswith(self.prefixes)


def stages(model: Any) -> list[Stage]:
    """Split the image tower of an open_clip model into stages whose composition is `model.encode_image`.

    The values are equal bit for bit, save for the attention pooling of a ModifiedResNet, which takes a shorter way and
    is equal within float32's rounding (about 1e-6 of unit features).

    Knows open_clip's ModifiedResNet (stem, every residual block, attnpool) and VisionTransformer (patches, every
    residual block, pool), and timm towers that are a chain of their children (MobileNet, EfficientNet, ResNet,
    ConvNeXt, RegNet, plain ViT, ...). Every other tower is one stage. The model has to be in eval mode.
    """
    whole = [Stage("tower", (TOWER,), model.encode_image)]
    try:
        parts = list(_recipe(model.visual))
        return parts if _same(model, parts) else whole
    except (AttributeError, TypeError, RuntimeError, NotImplementedError):
        return whole  # a tower of another build: nothing is known about its insides


def run_stages(parts: Iterable[Stage], x: Tensor) -> Tensor:
    """Run stages one after the other on what the first of them takes; return what the last one gives."""
    for part in parts:
        x = part.call(x)
    return x


def with_projection(model: Any, parts: Sequence[Stage]) -> list[Stage]:
    """Split the last map of a ModifiedResNet or VisionTransformer off its last stage: what only changes it is cheap.

    `parts` are the stages of `model`. The values stay equal bit for bit.
    """
    *rest, last = parts
    if last.name == "attnpool":
        pool, prefix = model.visual.attnpool, last.prefixes[0]
        names = ("positional_embedding", "k_proj.", "q_proj.", "v_proj.")
        pooled = Stage("attnpool", tuple(prefix + name for name in names), lambda x: _attended(pool, x))
        return [*rest, pooled, Stage("projection", (f"{prefix}c_proj.",), pool.c_proj)]
    if last.name == "pool" and type(model.visual).__name__ == "VisionTransformer" and model.visual.proj is not None:
        tower = model.visual
        pooled = Stage("pool", last.prefixes[:-1], lambda x: tower._pool(x)[0])
        return [*rest, pooled, Stage("projection", last.prefixes[-1:], lambda x: x @ tower.proj)]
    return list(parts)


def first_changed(parts: Sequence[Stage], names: Iterable[str]) -> int:
    """Find the first stage that owns one of the named parameters; len(parts) where the image tower is untouched.

    A parameter of the image tower that no stage owns counts as lying in the first one.
    """
    first = len(parts)
    for name in names:
        if name.startswith(TOWER):
            first = min(first, next((i for i, part in enumerate(parts) if part.owns(name)), 0))
    return first


def _recipe(tower: Any) -> Iterator[Stage]:
    kind = type(tower).__name__
    if kind == "ModifiedResNet":
        yield from _modified_resnet(tower)
    elif kind == "VisionTransformer":
        yield from _vision_transformer(tower)
    elif kind == "TimmModel":
        yield from _timm(tower)
    else:
        raise NotImplementedError(kind)


def _modified_resnet(tower: Any) -> Iterator[Stage]:
    stem = tuple(f"{TOWER}{part}{i}." for part in ("conv", "bn") for i in (1, 2, 3))
    yield Stage("stem", stem, tower.stem)
    for layer in ("layer1", "layer2", "layer3", "layer4"):
        yield from _chain(getattr(tower, layer), layer, TOWER)
    yield Stage("attnpool", (f"{TOWER}attnpool.",), lambda x: tower.attnpool.c_proj(_attended(tower.attnpool, x)))


def _attended(pool: Any, x: Tensor) -> Tensor:
    """What the last map of open_clip's AttentionPool2d reads, B x channels x height x width to B x channels.

    It takes a fraction of the work.

    Only the mean token's output is used, so keys and values of the other tokens T need not be made: with one query,
    q (W x) = (q W) x and sum_t a_t (V x_t) = V (sum_t a_t x_t). The bias of the keys falls out of the softmax.
    """
    x = x.flatten(2).transpose(1, 2)  # B x T x channels
    x = torch.cat([x.mean(dim=1, keepdim=True), x], dim=1) + pool.positional_embedding.to(x.dtype)
    keys = pool.k_proj.weight.unflatten(0, (pool.num_heads, -1))  # heads x depth x channels
    values = pool.v_proj.weight.unflatten(0, (pool.num_heads, -1))
    query = pool.q_proj(x[:, 0]).unflatten(1, (pool.num_heads, -1)) * keys.shape[1] ** -0.5  # B x heads x depth
    attention = (torch.einsum("bhd,hdc->bhc", query, keys) @ x.transpose(1, 2)).softmax(dim=-1)  # B x heads x T
    pooled: Tensor = torch.einsum("bhc,hdc->bhd", attention @ x, values).flatten(1) + pool.v_proj.bias
    return pooled


def _vision_transformer(tower: Any) -> Iterator[Stage]:
    if not tower.transformer.batch_first:
        raise NotImplementedError("sequence-first transformer")
    first = ("conv1.", "class_embedding", "positional_embedding", "ln_pre.")
    yield Stage("patches", tuple(TOWER + name for name in first), tower._embeds)
    for i, block in enumerate(tower.transformer.resblocks):
        yield Stage(f"resblocks.{i}", (f"{TOWER}transformer.resblocks.{i}.",), block)

    def pool(x: Tensor) -> Tensor:
        pooled: Tensor = tower._pool(x)[0]
        return pooled if tower.proj is None else pooled @ tower.proj

    yield Stage("pool", tuple(TOWER + name for name in ("ln_post.", "attn_pool", "proj")), pool)


def _timm(tower: Any) -> Iterator[Stage]:
    trunk, prefix = tower.trunk, f"{TOWER}trunk."
    if hasattr(trunk, "patch_embed") and hasattr(trunk, "_pos_embed"):
        yield from _timm_transformer(trunk, prefix)
    else:
        for name, child in trunk.named_children():
            yield from _chain(child, name, prefix)
    yield Stage("head", (f"{TOWER}head.",), tower.head)


def _timm_transformer(trunk: Any, prefix: str) -> Iterator[Stage]:
    def embed(x: Tensor) -> Tensor:
        embedded: Tensor = trunk.norm_pre(trunk.patch_drop(trunk._pos_embed(trunk.patch_embed(x))))
        return embedded

    blocks = f"{prefix}blocks."
    names = {name.split(".")[0] for name, _ in trunk.named_parameters()}
    late = {"norm", "fc_norm", "attn_pool", "head", "blocks"}
    yield Stage("patches", tuple(prefix + name for name in sorted(names - late)), embed)
    for i, block in enumerate(trunk.blocks):
        yield Stage(f"blocks.{i}", (f"{blocks}{i}.",), block)
    yield Stage(
        "pool",
        tuple(prefix + name for name in ("norm.", "fc_norm.", "attn_pool.", "head.")),
        lambda x: trunk.forward_head(trunk.norm(x)),
    )


def _chain(module: nn.Module, name: str, prefix: str) -> Iterator[Stage]:
    """One stage for a module, or one for each link where it is a (nested) nn.Sequential."""
    if type(module) is nn.Sequential and len(module):
        for key, child in module.named_children():
            yield from _chain(child, f"{name}.{key}", prefix)
    else:
        yield Stage(name, (f"{prefix}{name}.",), module)


@torch.inference_mode()
def _same(model: Any, parts: Sequence[Stage]) -> bool:
    """Whether the stages give for one noise image what the tower gives, and own every parameter of the tower."""
    first = next(model.visual.parameters())
    size = model.visual.image_size
    height, width = size if isinstance(size, tuple | list) else (size, size)
    noise = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    pixels = noise.to(first.device, first.dtype)
    expected, x = model.encode_image(pixels), run_stages(parts, pixels)
    owned = all(any(part.owns(TOWER + name) for part in parts) for name, _ in model.visual.named_parameters())
    return owned and x.shape == expected.shape and bool((x - expected).norm() <= ROUNDING * expected.norm())
