"""The names of a CLIP's tensors at open_clip and at Hugging Face's transformers: one table, read both ways.

open_clip's ViT and text transformer are the same computation as transformers' CLIPModel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


def tensor_names(vision_layers: int, text_layers: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each tensor's name in an open_clip CLIP, with the one, or the three of query, key and value, that it has.

    The projections (`visual.proj`, `text_projection`) are transposed at transformers.
    """
    yield "logit_scale", ("logit_scale",)
    yield "visual.class_embedding", ("vision_model.embeddings.class_embedding",)
    yield "visual.positional_embedding", ("vision_model.embeddings.position_embedding.weight",)
    yield "visual.conv1.weight", ("vision_model.embeddings.patch_embedding.weight",)
    for kind in ("weight", "bias"):
        yield f"visual.ln_pre.{kind}", (f"vision_model.pre_layrnorm.{kind}",)  # spelt so
        yield f"visual.ln_post.{kind}", (f"vision_model.post_layernorm.{kind}",)
        yield f"ln_final.{kind}", (f"text_model.final_layer_norm.{kind}",)
    yield "visual.proj", ("visual_projection.weight",)
    yield "token_embedding.weight", ("text_model.embeddings.token_embedding.weight",)
    yield "positional_embedding", ("text_model.embeddings.position_embedding.weight",)
    yield "text_projection", ("text_projection.weight",)
    names = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj"}
    names |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for ours, theirs, layers in (("visual.", "vision_model", vision_layers), ("", "text_model", text_layers)):
        for i in range(layers):
            block, layer = f"{ours}transformer.resblocks.{i}.", f"{theirs}.encoder.layers.{i}."
            for kind in ("weight", "bias"):
                thirds = tuple(f"{layer}self_attn.{letter}_proj.{kind}" for letter in "qkv")
                yield f"{block}attn.in_proj_{kind}", thirds
                for name, new in names.items():
                    yield f"{block}{name}.{kind}", (f"{layer}{new}.{kind}",)


def _turned(name: str, value: Tensor) -> Tensor:
    return value.T if name in ("visual.proj", "text_projection") else value


def to_transformers(state: Mapping[str, Tensor], vision_layers: int, text_layers: int) -> dict[str, Tensor]:
    """Return an open_clip CLIP's tensors under transformers' names. Raises KeyError where one is missing."""
    placed: dict[str, Tensor] = {}
    for ours, theirs in tensor_names(vision_layers, text_layers):
        value = _turned(ours, state[ours])
        placed |= zip(theirs, value.chunk(3) if len(theirs) == 3 else [value], strict=True)
    return placed


def to_open_clip(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a CLIPModel's tensors under open_clip's names; one that has no place there keeps its name.

    Those of any other model are returned as they are.
    """
    if not any(name.startswith("vision_model.") for name in weights):
        return dict(weights)
    left = {name: value for name, value in weights.items() if not name.endswith(".position_ids")}
    depths = [len([name for name in left if re.fullmatch(rf"{tower}_model.*\.layer_norm1\.weight", name)])
              for tower in ("vision", "text")]  # fmt: skip
    placed: dict[str, Tensor] = {}
    for ours, theirs in tensor_names(*depths):
        if all(name in left for name in theirs):
            values = [left.pop(name) for name in theirs]
            placed[ours] = _turned(ours, torch.cat(values) if len(values) == 3 else values[0])
    return placed | left
