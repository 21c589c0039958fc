"""A model as a folder that Hugging Face's transformers reads as CLIPModel and CLIPProcessor.

The layout is written down here, without that library: open_clip's ViT and text transformer are the same computation
under other names. Every tensor has to find its place; a model that is anything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import open_clip
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from clipforget.errors import BadModel
from clipforget.models.clip import Clip
from clipforget.models.export.bundle import Files, Weights, as_json
from clipforget.models.export.openclip import preprocessing_of
from clipforget.models.huggingface import END, RESAMPLING, START, vocabulary
from clipforget.models.tensor_names import tensor_names, to_transformers

WEIGHTS = "model.safetensors"


def transformers_files(clip: Clip, state: Mapping[str, Tensor]) -> Files:
    """Return config, weights, image preprocessing and CLIP's tokenizer.

    The architecture is that of `clip`, the weights are those of `state`, a state dict of open_clip's.
    Raises BadModel for an architecture that transformers' CLIPModel is not.
    """
    model, tokenizer = clip.model, clip.tokenizer
    text = getattr(model, "text", model)
    _check(model, text, tokenizer)
    depths = len(_blocks(model.visual)), len(_blocks(text))
    state = {name.removeprefix("text."): value for name, value in state.items()}
    state["logit_scale"] = state["logit_scale"].reshape(())
    if left := state.keys() - {ours for ours, _ in tensor_names(*depths)}:
        raise _refusal(f"its {min(left)} has no place there")
    return {
        **_tokenizer(tokenizer),
        "preprocessor_config.json": as_json(_preprocessing(clip)),
        WEIGHTS: Weights(to_transformers(state, *depths)),
        "config.json": as_json(_config(model, text, tokenizer)),
    }


def _refusal(reason: str) -> BadModel:
    return BadModel(f"transformers has no CLIP like this model: {reason}. Choose the format open_clip.")


def _check(model: Any, text: Any, tokenizer: Any) -> None:
    """Refuse whatever computes something else than transformers' CLIPModel from the same weights."""
    visual = model.visual
    kinds = {"ModifiedResNet": "ResNet", "TimmModel": "timm model"}
    kind = type(visual).__name__
    if kind != "VisionTransformer":
        raise _refusal(f"its image tower is a {kinds.get(kind, kind)}, and only open_clip's ViT fits")
    if not _is_clips(tokenizer) or not hasattr(text, "token_embedding"):
        raise _refusal("its text tower or tokenizer is not CLIP's own")
    causal = getattr(text, "attn_mask", None) is not None
    pooling = getattr(text, "text_pool_type", getattr(text, "pool_type", ""))
    blocks = {type(block).__name__ for tower in (visual, text) for block in _blocks(tower)}
    reasons = {
        "it is no plain CLIP": type(model).__name__ not in ("CLIP", "CustomTextCLIP"),
        "its attention is of another kind": blocks != {"ResidualAttentionBlock"},
        "its image tower has another pooling": visual.attn_pool is not None or visual.pool_type != "tok",
        "its image tower has no first normalisation": isinstance(visual.ln_pre, nn.Identity),
        "its image tower has no projection": visual.proj is None,
        "its images or patches are not square": len({*visual.image_size}) > 1 or len({*visual.patch_size}) > 1,
        "its text tower has another mask or pooling": not causal or pooling != "argmax",
        "its text tower has a class token": getattr(text, "cls_emb", None) is not None,
        "its text projection is of another kind": not isinstance(text.text_projection, Tensor),
        "it has a bias of the logits": getattr(model, "logit_bias", None) is not None,
        "its vocabulary is not CLIP's own": text.vocab_size != tokenizer.vocab_size,
    }
    for reason, holds in reasons.items():
        if holds:
            raise _refusal(reason)


def _is_clips(tokenizer: Any) -> bool:
    if not isinstance(tokenizer, open_clip.SimpleTokenizer) or tokenizer.reduction_fn is not None:
        return False
    cleaning: str = tokenizer.clean_fn.__name__
    return cleaning == "_clean_lower"


def _blocks(tower: Any) -> Any:
    return tower.transformer.resblocks


def _config(model: Any, text: Any, tokenizer: Any) -> dict[str, Any]:
    visual, dimension = model.visual, text.text_projection.shape[1]
    vision_config = {
        "model_type": "clip_vision_model", "image_size": visual.image_size[0], "patch_size": visual.patch_size[0],
        "num_channels": 3, **_sizes(visual, dimension),
    }  # fmt: skip
    text_config = {
        "model_type": "clip_text_model", "vocab_size": text.vocab_size, "max_position_embeddings": text.context_length,
        "bos_token_id": tokenizer.sot_token_id, "eos_token_id": tokenizer.eot_token_id,
        "pad_token_id": tokenizer.eot_token_id, **_sizes(text, dimension),
    }  # fmt: skip
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": dimension,
        "logit_scale_init_value": float(model.logit_scale.detach()),
        "dtype": "float32",
        "torch_dtype": "float32",  # as transformers called it before version 5
        "text_config": text_config,
        "vision_config": vision_config,
    }


def _sizes(tower: Any, dimension: int) -> dict[str, Any]:
    """What both towers have: width, depth, heads, activation. Raises BadModel where a block differs from the first."""
    blocks = list(_blocks(tower))
    described = [
        {
            "hidden_size": block.ln_1.normalized_shape[0],
            "intermediate_size": block.mlp.c_fc.out_features,
            "num_attention_heads": block.attn.num_heads,
            "hidden_act": _activation(block.mlp.gelu),
            "layer_norm_eps": block.ln_1.eps,
        }
        for block in blocks
    ]
    if any(block != described[0] for block in described):
        raise _refusal("its blocks are not all alike")
    return {**described[0], "num_hidden_layers": len(blocks), "projection_dim": dimension}


def _activation(module: nn.Module) -> str:
    if isinstance(module, QuickGELU):
        return "quick_gelu"
    if isinstance(module, nn.GELU):
        return "gelu" if module.approximate == "none" else "gelu_pytorch_tanh"
    raise _refusal(f"its activation is {type(module).__name__}")


def _preprocessing(clip: Clip) -> dict[str, Any]:
    known, size = preprocessing_of(clip), clip.image_size[0]
    modes = {"shortest": {"shortest_edge": size}, "squash": {"height": size, "width": size}}
    if known["resize_mode"] not in modes or known["interpolation"] not in RESAMPLING:
        raise _refusal(f"its images are resized in another way ({known['resize_mode']}, {known['interpolation']})")
    return {
        "image_processor_type": "CLIPImageProcessor",
        "processor_class": "CLIPProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": modes[known["resize_mode"]],
        "resample": RESAMPLING[known["interpolation"]],
        "do_center_crop": known["resize_mode"] == "shortest",
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(known["mean"]),
        "image_std": list(known["std"]),
    }


def _tokenizer(tokenizer: Any) -> dict[str, bytes]:
    """CLIP's own byte pairs in the files that every version of transformers reads."""
    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.__getitem__)
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    about = {**special, "tokenizer_class": "CLIPTokenizer", "model_max_length": tokenizer.context_length}
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    return {
        "vocab.json": as_json(vocabulary(tokenizer)),
        "merges.txt": ("\n".join(lines) + "\n").encode(),
        "special_tokens_map.json": as_json(special),
        "tokenizer_config.json": as_json(about),
    }
