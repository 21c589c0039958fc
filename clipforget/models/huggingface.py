"""Open a folder that Hugging Face's transformers wrote for its CLIPModel, without that library, as open_clip's CLIP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
from open_clip.transform import PreprocessCfg, image_transform_v2
from torch import Tensor, nn

from clipforget.errors import BadModel
from clipforget.models.checkpoints import read_tensors, shorten
from clipforget.models.tensor_names import to_open_clip

CONFIG = "config.json"
PREPROCESSING = ("preprocessor_config.json", "processor_config.json")  # the second one since transformers 5
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TOKENIZER = ("vocab.json", "tokenizer.json")
START, END = "<|startoftext|>", "<|endoftext|>"
RESAMPLING = {"nearest": 0, "bilinear": 2, "bicubic": 3}  # as Pillow counts them
TEXT = {  # what transformers leaves out of config.json where it is so
    "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8,
    "max_position_embeddings": 77, "vocab_size": 49408, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
}  # fmt: skip
VISION = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "image_size": 224, "patch_size": 32, "num_channels": 3, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
}  # fmt: skip
ACTIVATIONS: dict[str, dict[str, Any]] = {
    "quick_gelu": {"quick_gelu": True},
    "gelu": {},
    "gelu_pytorch_tanh": {"act_kwargs": {"approximate": "tanh"}},
}


def model_config(folder: Path) -> dict[str, Any]:
    """Return what open_clip calls the model_cfg, from the config.json of a CLIPModel.

    Raises BadModel for a damaged file, and for a model that open_clip's CLIP is not.
    """
    config = _read(folder / CONFIG)
    kind = config.get("model_type")
    if kind in ("siglip", "siglip2"):
        raise _refusal(folder, "a SigLIP; take it in open_clip's layout, e.g. ViT-B-16-SigLIP/webli")
    if kind != "clip":
        raise _refusal(folder, f"of the type {shorten(kind)!r}; only CLIPModel is read from there")
    try:
        text, vision = (
            {**defaults, **(config.get(f"{tower}_config") or {}), **(config.get(f"{tower}_config_dict") or {})}
            for tower, defaults in (("text", TEXT), ("vision", VISION))
        )
        activation = ACTIVATIONS.get(text["hidden_act"])
        if activation is None or text["hidden_act"] != vision["hidden_act"] or vision["num_channels"] != 3:
            raise _refusal(folder, "a CLIP of another build: its activations are not those of open_clip's CLIP")
        quick_gelu = {"quick_gelu": True} if activation.get("quick_gelu") else {}
        more = {} if quick_gelu else activation
        return {
            "embed_dim": int(config.get("projection_dim", 512)),
            "vision_cfg": {
                "image_size": vision["image_size"],
                "patch_size": vision["patch_size"],
                "head_width": vision["hidden_size"] // vision["num_attention_heads"],
                **_tower(vision, more),
            },
            "text_cfg": {
                "context_length": text["max_position_embeddings"],
                "vocab_size": text["vocab_size"],
                "heads": text["num_attention_heads"],
                **_tower(text, more),
            },
            **quick_gelu,
        }
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise BadModel(f"{folder / CONFIG} does not describe a CLIP ({shorten(error)}); copy it again.") from error


def _tower(config: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    width, inner = config["hidden_size"], config["intermediate_size"]
    ratio = inner / width
    ratio = ratio if int(width * ratio) == inner else (inner + 0.5) / width  # open_clip rounds down
    described = {"width": width, "layers": config["num_hidden_layers"], "mlp_ratio": ratio, **more}
    eps = float(config["layer_norm_eps"])
    return described if eps == 1e-5 else {**described, "norm_kwargs": {"eps": eps}}


def open_folder(folder: Path) -> tuple[nn.Module, Any, Any]:
    """Open a CLIPModel folder: model, validation transform and tokenizer, all open_clip's, on the CPU.

    Raises BadModel where a file is missing or damaged, or holds what open_clip's CLIP is not.
    """
    config = model_config(folder)
    preprocessing = _preprocessing(folder, config["vision_cfg"]["image_size"])
    tokenizer = open_clip.SimpleTokenizer(context_length=config["text_cfg"]["context_length"])
    _check_tokenizer(folder, config["text_cfg"]["vocab_size"], tokenizer)
    weights: dict[str, Tensor] = {}
    for file in _weight_files(folder):
        weights |= read_tensors(file)
    model = open_clip.CLIP(**config)
    model.load_state_dict(to_open_clip(weights))
    open_clip.model.set_model_preprocess_cfg(model, preprocessing)
    return model, image_transform_v2(PreprocessCfg(**preprocessing), is_train=False), tokenizer


def _weight_files(folder: Path) -> list[Path]:
    """The file of weights, or the parts that an index beside them names."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.is_file():
            parts = _read(index).get("weight_map")
            names = sorted(set(map(str, parts.values()))) if isinstance(parts, dict) else []
            return [folder / Path(part).name for part in names]
    raise BadModel(f"The folder {folder} has no weights; put {WEIGHTS[0]} beside {CONFIG}.")


def _preprocessing(folder: Path, size: int) -> dict[str, Any]:
    """Image size, mean, std, interpolation and resize_mode as open_clip says them."""
    file = next((folder / name for name in PREPROCESSING if (folder / name).is_file()), None)
    if file is None:
        raise BadModel(
            f"The folder {folder} does not say how its images are prepared; put {PREPROCESSING[0]} there, as it was "
            "published with the model."
        )
    said = _read(file)
    said = said.get("image_processor", said)
    try:
        sizes = {_length(said.get("size", size)), *([_length(said["crop_size"])] if said.get("do_center_crop") else [])}
        names = {number: name for name, number in RESAMPLING.items()}
        if sizes != {size} or said.get("resample", 3) not in names:
            raise BadModel(f"{file} prepares images in a way that open_clip does not know; {size} pixels are needed.")
        whole = said.get("do_normalize", True)
        return {
            "size": size,
            "mean": tuple(map(float, said["image_mean"])) if whole else (0.0,) * 3,
            "std": tuple(map(float, said["image_std"])) if whole else (1.0,) * 3,
            "interpolation": names[said.get("resample", 3)],
            "resize_mode": "shortest" if said.get("do_center_crop", True) else "squash",
        }
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadModel(f"{file} lacks what prepares images ({shorten(error)}); copy it again.") from error


def _length(size: Any) -> Any:
    """One number for {"shortest_edge": 224}, {"height": 224, "width": 224} and 224; else what it is."""
    values = set(size.values()) if isinstance(size, dict) else {size}
    return values.pop() if len(values) == 1 else None


def _check_tokenizer(folder: Path, vocab_size: int, tokenizer: Any) -> None:
    """Refuse texts in other tokens than CLIP's own, which are the ones of a folder without a tokenizer too."""
    ids = vocabulary(tokenizer)
    for name in TOKENIZER:
        if (folder / name).is_file():
            said = _read(folder / name)
            found = said.get("model", {}).get("vocab") if name == "tokenizer.json" else said
            if found != ids:
                raise _refusal(folder, "a CLIP whose tokenizer is not CLIP's own")
    if vocab_size != len(ids):
        raise _refusal(folder, f"a CLIP whose vocabulary of {vocab_size:,} tokens is not CLIP's own")


def vocabulary(tokenizer: Any) -> dict[str, int]:
    """Return CLIP's own tokens with their ids, under transformers' names of start and end."""
    ids = {word: number for word, number in tokenizer.encoder.items() if number not in tokenizer.all_special_ids}
    return ids | {START: tokenizer.sot_token_id, END: tokenizer.eot_token_id}


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadModel(f"{file} is damaged, no JSON ({shorten(error)}); copy or save it again.") from error
    if not isinstance(content, dict):
        raise BadModel(f"{file} is damaged: it holds no object; copy or save it again.")
    return content


def _refusal(folder: Path, what: str) -> BadModel:
    return BadModel(f"The folder {folder}, in the layout of transformers, holds {what}.")
