"""The folder of the embedded model: its architecture, its weights, its card."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import open_clip
import torch

from clipforget.errors import BadModel
from clipforget.files import write_json
from clipforget.models.pretrain.settings import PretrainSettings
from clipforget.models.weights import save
from clipforget.settings import parse

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 64, "layers": [1, 2, 2, 2], "width": 16, "patch_size": None},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}


@lru_cache(maxsize=1)
def tokenizer() -> open_clip.SimpleTokenizer:
    """Return open_clip's own tokenizer at this model's context length."""
    return open_clip.SimpleTokenizer(context_length=CONFIG["model_cfg"]["text_cfg"]["context_length"])


def check_writable(out: Path) -> None:
    """Raise BadModel where the folder `out` cannot be made or written, before hours are spent on what goes there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / ".writable").touch()
        (out / ".writable").unlink()
    except OSError as error:
        raise BadModel(f"Cannot write the model to {out} ({error.strerror or error}).") from error


@contextmanager
def save_model(model: torch.nn.Module, out: Path) -> Iterator[Path]:
    """Write config and float16 weights into a folder inside `out`, for the block to evaluate and to add a card.

    The files move up into `out` when the block ends well; until then a model that lies there stays as it was.
    """
    part = out / ".part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        write_json(part / "open_clip_config.json", CONFIG, indent=2)
        state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
        save(state, part / "open_clip_model.safetensors", {"format": "pt"})
        yield part
        for file in part.iterdir():
            file.replace(out / file.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def read_card(folder: Path) -> tuple[PretrainSettings, str]:
    """Return the settings that a card says its model was trained with, and the command line it gives.

    Raises BadModel for a folder that `pretrain` did not write.
    """
    try:
        command = re.search(r"^- command: `(.+)`$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
        words = shlex.split(command[1])[4:] if command else []
        values: dict[str, str] = {}
        for word in words:
            if word.startswith("--"):
                name = word.removeprefix("--").replace("-", "_")
                values[name] = "true"
            else:
                values[name] = word
        if command:
            return parse(PretrainSettings, values), command[1]
    except (OSError, ValueError, NameError):
        pass
    raise BadModel(f"{folder} is no folder that `pretrain` wrote: its README.md has no such command.")


def write_card(folder: Path, facts: Mapping[str, str], accuracies: Mapping[str, float]) -> None:
    """Write README.md: what the model is, how it was made, what it reaches (shares, 0 to 1)."""
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    lines = [
        "# clipforget-tiny",
        "",
        "A small CLIP (ModifiedResNet image tower with batch normalisation and attention pooling, as RN50; transformer",
        "text tower), trained contrastively from random weights on pictures drawn by `clipforget.data.sketchbook` and",
        "on captions written about them. No photograph, no foreign data, no foreign weights. It knows these pictures",
        "and these words and nothing else: a word no caption uses means nothing to it.",
        "",
        "Written by the command below, figures included. Load the folder with open_clip as",
        "`open_clip.create_model_and_transforms('local-dir:assets/clipforget-tiny')`.",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
        f"- folder: {size:.1f} MB, weights in float16",
        "",
        "| held-out pictures, never trained on | figure |",
        "| --- | --- |",
        *(f"| {name} | {value:.1%} |" for name, value in accuracies.items()),
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines))
