"""A tiny architecture that open_clip knows during a test, its weights, and how a model is refused."""

import json

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from clipforget.errors import BadModel
from clipforget.models.loading import load_clip
from clipforget.models.weights import fingerprint

CONFIG = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 16, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}
NAME = "test-tiny"


def random_clip(**more):
    torch.manual_seed(0)
    return open_clip.CLIP(**{**CONFIG, **more}).eval()


def make_folder(folder, state, weights="open_clip_model.safetensors", config=CONFIG):
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    state = {name: value.clone() for name, value in state.items()}
    save_file(state, folder / weights) if weights.endswith("safetensors") else torch.save(state, folder / weights)
    return folder


def plain(state):
    model = open_clip.CLIP(**CONFIG)
    model.load_state_dict(state)
    return fingerprint(model.state_dict())


def refused(name):
    with pytest.raises(BadModel) as caught:
        load_clip(str(name))
    message = str(caught.value)
    assert message.isprintable() and message.endswith(".") and len(message) < 600
    return message
