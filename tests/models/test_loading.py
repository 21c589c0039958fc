"""Models by their names: folders, architectures with tags or files, activation and preprocessing."""

import argparse
import json
import subprocess
import sys
import warnings

import open_clip
import pytest
import torch
from tiny_architecture import CONFIG, NAME, make_folder, random_clip, refused

from clipforget.errors import UnknownName
from clipforget.models.loading import load_clip, open_model
from clipforget.models.sources import Source

pytestmark = pytest.mark.usefixtures("architectures")


def test_a_file_without_an_architecture(tmp_path, state):
    torch.save(state, tmp_path / "model.pt")
    assert f"as in ViT-B-32/{tmp_path / 'model.pt'}" in refused(tmp_path / "model.pt")


def test_folders_that_are_none_of_open_clips(tmp_path, state):
    folder = make_folder(tmp_path / "clip", state)
    (folder / "open_clip_model.safetensors").unlink()
    assert "has no weights; put open_clip_model.safetensors beside open_clip_config.json" in refused(folder)
    config = folder / "open_clip_config.json"
    config.write_text(json.dumps(CONFIG))
    assert "needs 'model_cfg' with 'vision_cfg' and 'text_cfg'" in refused(folder)
    config.write_text("[1")
    assert "open_clip_config.json is damaged, no JSON" in refused(folder)
    config.unlink()
    assert "has no open_clip_config.json; save the model there in open_clip's layout" in refused(folder)


def test_a_folder_whose_weights_are_of_another_config(tmp_path, state):
    folder = make_folder(tmp_path / "clip", state, config={**CONFIG, "embed_dim": 16})
    assert "text_projection has another shape; take the configuration that was saved with them" in refused(folder)


def test_a_folder_without_the_files_of_its_tokenizer(tmp_path, state):
    config = {**CONFIG, "text_cfg": {**CONFIG["text_cfg"], "hf_tokenizer_name": "x/y"}}
    folder = make_folder(tmp_path / "clip", state, config=config)
    assert refused(folder) == f"The folder {folder} has no tokenizer; put tokenizer.json of x/y beside the weights."


@pytest.mark.parametrize("key", ["hf_tokenizer_name", "hf_model_name"])
def test_a_missing_package_is_named_before_anything_is_fetched(tmp_path, state, monkeypatch, key):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    folder = make_folder(tmp_path / "clip", state, config={**CONFIG, "text_cfg": {**CONFIG["text_cfg"], key: "x/y"}})
    named = f"The texts of {folder} need the extra 'transformers': pip install 'clipforget[transformers]'"
    assert named in refused(folder)
    assert "need the extra 'transformers'" in refused("roberta-ViT-B-32/laion2b_s12b_b32k")


def test_the_only_activation_there_is_raises_no_question(monkeypatch):
    tag = ("roberta-ViT-B-32", "laion2b_s12b_b32k")
    assert bool(open_clip.get_model_config(tag[0])["quick_gelu"]) != bool(
        open_clip.get_pretrained_cfg(*tag).get("quick_gelu")
    )

    def create(*args, **kwargs):
        warnings.warn("QuickGELU mismatch between final model config and pretrained tag", UserWarning, stacklevel=1)
        return random_clip(), None, None

    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    monkeypatch.setattr(open_clip, "create_model_and_transforms", create)
    monkeypatch.setattr(open_clip, "get_tokenizer", lambda name: None)
    open_model(Source(*tag), torch.device("cpu"))


@pytest.mark.parametrize("linked", [True, False])
def test_a_damaged_cached_download_is_named(tmp_path, monkeypatch, linked):
    base = tmp_path / "models--timm--resnet50_clip.openai"
    for part in ("refs", "snapshots/abc", "blobs"):
        (base / part).mkdir(parents=True)
    (base / "refs/main").write_text("abc")
    file = base / "snapshots/abc/open_clip_model.safetensors"
    damaged = base / "blobs/0123" if linked else file
    damaged.write_bytes(b"\xff" * 1000)
    if linked:
        file.symlink_to(damaged)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    message = refused("RN50-quickgelu/openai")
    assert f"The weights file {damaged} is damaged or cut off: delete it" in message and "network" not in message


def test_a_bare_file_is_normalised_as_the_published_weights_are(tmp_path, state, monkeypatch):
    torch.save(state, tmp_path / "model.pt")
    name, published = (
        f"{NAME}/{tmp_path / 'model.pt'}",
        {"mean": (0.0,) * 3, "std": (1.0,) * 3, "interpolation": "bilinear"},
    )
    assert "std=(0.26" in str(load_clip(name).transform), "nothing is published, so as open_clip does"
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, NAME, {"a": published, "b": published})
    transform = str(load_clip(name).transform)
    assert "mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)" in transform and "bilinear" in transform
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, NAME, {"a": published, "b": {**published, "std": (0.5,) * 3}})
    asked = f"of {NAME} differ there: add a tag whose way it was trained in, 'a' or 'b', as in {name}:a."
    assert refused(name).endswith(asked)
    assert "std=(0.5, 0.5, 0.5)" in str(load_clip(f"{name}:b").transform)
    assert load_clip(f"{name}:a").name == f"{name}:a"
    with pytest.raises(UnknownName, match="There is no pretrained tag of test-tiny 'c'"):
        load_clip(f"{name}:c")


def test_the_command_line_says_it_in_one_line_and_imports_no_more_than_it_needs(tmp_path):
    torch.save({"args": argparse.Namespace()}, tmp_path / "model.pt")
    spared = "import sys; spared = {'transformers', 'torch._dynamo', 'torch._dynamo.utils', 'sympy'} & {*sys.modules}"
    code = f"from clipforget.cli.main import main; code = main(); {spared}; sys.exit(spared or code)"
    command = [sys.executable, "-c", code, "models", f"ViT-S-32-alt/{tmp_path / 'model.pt'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "saved with Python objects" in done.stderr
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr
