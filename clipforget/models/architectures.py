"""Measure what open_clip's architectures are made of, without building weights, and write architectures.json.

    python -m clipforget.models.architectures

`listing` reads the file, because importing open_clip imports torch. A test compares it with what is installed.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import open_clip
import timm
import torch
from open_clip.model import _build_vision_tower

from clipforget.models.listing import ARCHITECTURES, ArchitectureFacts

DEVICE = "meta"  # tensors of a shape and without values


def describe_architecture(name: str) -> ArchitectureFacts:
    """Count an architecture's parameters and the bytes that one image leaves for the backward pass.

    The texts of a tower from transformers are not counted (None): its configuration lies on a hub.
    """
    config = open_clip.get_model_config(name) or {}
    with torch.device(DEVICE):
        if "hf_model_name" in config["text_cfg"]:
            visual = _build_vision_tower(config["embed_dim"], config["vision_cfg"], config.get("quick_gelu", False))
            text = None
        else:
            model = open_clip.create_model(name, device=DEVICE)
            visual = model.visual
            text = sum(weight.numel() for weight in model.parameters()) - parameters(visual)
        visual.eval()
        return {
            "image_parameters": parameters(visual),
            "text_parameters": text,
            "norm": norm(visual),
            "activations": activation_bytes(visual),
        }


def parameters(module: torch.nn.Module) -> int:
    """Return how many numbers a module's parameters hold."""
    return sum(weight.numel() for weight in module.parameters())


def norm(visual: torch.nn.Module) -> str:
    """Return the kind of normalisation that most layers of an image tower have: batch, layer, group or rms."""
    kinds = Counter(
        kind
        for module in visual.modules()
        for kind in ("batch", "layer", "group", "rms")
        if f"{kind}norm" in type(module).__name__.lower()
    )
    return kinds.most_common(1)[0][0] if kinds else ""


def activation_bytes(visual: torch.nn.Module) -> int:
    """Return the bytes of float32 that one image's forward pass keeps for the backward pass, weights left out."""
    weights = {weight.untyped_storage()._cdata for weight in visual.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    size: Any = getattr(visual, "image_size")  # noqa: B009
    height, width = size if isinstance(size, tuple) else (size, size)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        visual(torch.empty(1, 3, height, width))
    return sum(storage.nbytes() for storage in kept.values())


def licences() -> dict[str, str]:
    """Return the licence that timm states of published weights, by open_clip's architecture/tag.

    Stated for the same file on the hub, or for every weight that timm lists of the image tower. What timm only takes
    for granted, the default of a family of towers, is left out.
    """
    stated: dict[str, str] = {}
    by_tower: dict[str, set[str]] = {}
    for name in timm.list_pretrained():
        config = timm.get_pretrained_cfg(name)
        module = sys.modules[timm.model_entrypoint(name.partition(".")[0]).__module__]
        default = module._cfg().get("license") if hasattr(module, "_cfg") else None
        licence = config.license if config is not None and config.license != default else None
        by_tower.setdefault(name.partition(".")[0], set()).add(licence or "")
        if licence:
            stated[f"timm/{name}/"] = licence
    found = {}
    for name, tag in open_clip.list_pretrained():
        hub = open_clip.get_pretrained_cfg(name, tag).get("hf_hub", "")
        tower = (open_clip.get_model_config(name) or {})["vision_cfg"].get("timm_model_name", "")
        of_tower = by_tower.get(tower, set())
        licence = stated.get(hub) or (next(iter(of_tower)) if len(of_tower) == 1 else "")
        if licence:
            found[f"{name}/{tag}"] = licence
    return found


def main() -> None:
    """Write architectures.json, one architecture a line."""
    lines = []
    for name in open_clip.list_models():
        print(name, file=sys.stderr, flush=True)
        lines.append(f"  {json.dumps(name)}: {json.dumps(describe_architecture(name))}")
    stated = ",\n".join(f"  {json.dumps(name)}: {json.dumps(text)}" for name, text in sorted(licences().items()))
    text = ",\n".join(lines)
    ARCHITECTURES.write_text(f'{{\n "architectures": {{\n{text}\n }},\n "licences": {{\n{stated}\n }}\n}}\n')


if __name__ == "__main__":
    main()
