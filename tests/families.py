"""Tiny random CLIPs, one for each family of towers that open_clip knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from conftest import RESNET, TEXT, tokenize
from safetensors.torch import save_file

from clipforget.models.clip import Clip
from clipforget.models.loading import load_clip

VIT = {"layers": 2, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
POOLED = {"attentional_pool": True, "attn_pooler_heads": 2, "attn_pooler_queries": 4, "output_tokens": True}
WORDS = {**TEXT, "vocab_size": 49408}  # so that the tokenizer that open_clip takes fits
SIGLIP = {**WORDS, "no_causal_mask": True, "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6}}


def timm(name: str, **more: Any) -> dict[str, Any]:
    """Describe an image tower of timm for 32 px, with a linear projection."""
    return {"timm_model_name": name, "timm_pool": "", "timm_proj": "linear", "image_size": 32, **more}


FAMILIES: dict[str, dict[str, Any]] = {
    "resnet": {"vision_cfg": RESNET, "text_cfg": WORDS},
    "vit": {"vision_cfg": VIT, "text_cfg": WORDS, "quick_gelu": True},
    "convnext": {"vision_cfg": timm("test_convnext"), "text_cfg": WORDS},
    "mobilenet": {"vision_cfg": timm("test_efficientnet"), "text_cfg": WORDS},
    "siglip": {
        "embed_dim": 64,  # the width of test_vit: its pooling gives the features as they are
        "vision_cfg": timm("test_vit", timm_pool="map", timm_proj="none"),
        "text_cfg": SIGLIP, "custom_text": True, "init_logit_bias": -10,
    },
    "no projection": {"vision_cfg": VIT, "text_cfg": {**SIGLIP, "proj_type": "none"}, "custom_text": True},
    "coca": {
        "vision_cfg": {**VIT, **POOLED}, "text_cfg": {**WORDS, "embed_cls": True, "output_tokens": True},
        "custom_text": True, "multimodal_cfg": {**WORDS, "attn_pooler_heads": 2},
    },
}  # fmt: skip


def save_family(name: str, folder: Path) -> Path:
    """Save a random model of a family as a folder in open_clip's layout, BatchNorm statistics included."""
    folder.mkdir(parents=True)
    config = {"model_cfg": {"embed_dim": 16, **FAMILIES[name]}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 1.5)
            module.running_mean.normal_(0.0, 0.2)
        elif isinstance(module, torch.nn.Conv2d):  # as large as keeps the image visible at the far end of the tower
            torch.nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, torch.nn.Linear) and module.bias is not None:
            torch.nn.init.normal_(module.bias, std=0.1)
    if hasattr(model, "text_decoder"):
        torch.nn.init.normal_(model.text_decoder.text_projection)  # which open_clip leaves as the memory was
    save_file({n: v.contiguous() for n, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def load_family(name: str, folder: Path) -> Clip:
    """Load such a model, with a tokenizer of the tests for its texts."""
    clip = load_clip(str(save_family(name, folder / "clip")))
    clip.tokenizer = tokenize
    return clip
