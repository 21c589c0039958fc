"""A tiny architecture that open_clip knows during a test, and weights of it."""

import json

import open_clip
import pytest
from tiny_architecture import CONFIG, NAME, random_clip


@pytest.fixture(scope="session")
def state():
    return random_clip().state_dict()


@pytest.fixture
def architectures(tmp_path, monkeypatch):
    """open_clip knows a tiny architecture, with and without QuickGELU."""
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", dict(open_clip.factory._MODEL_CONFIGS))
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIG_PATHS", list(open_clip.factory._MODEL_CONFIG_PATHS))
    (tmp_path / "configs").mkdir()
    for name, config in ((NAME, CONFIG), (f"{NAME}-quickgelu", {**CONFIG, "quick_gelu": True})):
        (tmp_path / "configs" / f"{name}.json").write_text(json.dumps(config))
        open_clip.add_model_config(tmp_path / "configs" / f"{name}.json")
