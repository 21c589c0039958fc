"""A model as a folder that open_clip reads with `local-dir:`, and this project too."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from open_clip.transformer import QuickGELU
from torch import Tensor

from clipforget.models.clip import Clip
from clipforget.models.export.bundle import Files, Weights, as_json
from clipforget.models.sources import CONFIG, model_config

WEIGHTS = "open_clip_model.safetensors"
PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


def open_clip_files(clip: Clip, state: Mapping[str, Tensor]) -> Files:
    """Return configuration, tokenizer where the model has one of its own, and weights.

    The architecture is that of `clip`, the weights are those of `state`.

    Raises BadModel or UnknownName where the model's name does not lead to its architecture any more.
    """
    config = copy.deepcopy(model_config(clip.name))
    if any(isinstance(module, QuickGELU) for module in clip.model.modules()):
        config["quick_gelu"] = True  # however it came about: a folder has no name that says so
    preprocessing = preprocessing_of(clip)
    described = {"model_cfg": config, "preprocess_cfg": {name: preprocessing[name] for name in PREPROCESSING}}
    return {**_tokenizer_files(clip), WEIGHTS: Weights(state), CONFIG: as_json(described)}


def preprocessing_of(clip: Clip) -> dict[str, Any]:
    """Return how images are prepared for a loaded model: size, mean, std, interpolation, resize_mode."""
    return dict(clip.model.visual.preprocess_cfg)


def _tokenizer_files(clip: Clip) -> dict[str, bytes]:
    """The files of a tokenizer of transformers, which open_clip looks for in the folder itself."""
    if not hasattr(clip.tokenizer, "save_pretrained"):
        return {}
    with TemporaryDirectory() as folder:
        clip.tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.is_file()}
