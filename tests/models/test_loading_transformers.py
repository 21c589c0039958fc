"""CLIPModel folders of Hugging Face's transformers: read without it, with the features that it gives itself."""

import json
import shutil

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_architecture import NAME, refused

from clipforget.models.deferred import give_transformers
from clipforget.models.export.bundle import write_folder
from clipforget.models.export.openclip import open_clip_files
from clipforget.models.export.transformers import transformers_files
from clipforget.models.loading import load_clip
from clipforget.models.sources import model_config

TEXTS = ["a photo of a cat", "It's 2 o'clock: déjà vu!", "many words, cut where the context ends " * 9]
CONFIG = {
    "projection_dim": 16,
    "text_config": {
        "hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 52,
        "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407, "layer_norm_eps": 1e-6,
    },
    "vision_config": {
        "hidden_size": 36, "num_attention_heads": 3, "num_hidden_layers": 3, "intermediate_size": 98,
        "image_size": 24, "patch_size": 8, "layer_norm_eps": 1e-6,
    },
}  # fmt: skip
PREPARED = {
    "size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}, "do_center_crop": True,
    "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "resample": 3,
}  # fmt: skip


def config_of(activation="quick_gelu"):
    towers = {name: {**CONFIG[name], "hidden_act": activation} for name in ("text_config", "vision_config")}
    return {**CONFIG, **towers}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A random CLIPModel as transformers saves it, with the image preparation beside it; and the model."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = transformers.CLIPModel(transformers.CLIPConfig(**config_of())).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.normal_(std=0.2)
    folder = tmp_path_factory.mktemp("hub") / "clip"
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPARED))
    return folder, model


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published[0], tmp_path / "clip")


def check(clip, model):
    pixels = torch.randn(4, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ids = clip.tokenizer(TEXTS)
        pairs = (
            (clip.model.encode_image(pixels), model.get_image_features(pixels)),
            (clip.model.encode_text(ids), model.get_text_features(ids)),
        )
    for ours, theirs in pairs:
        theirs = theirs if isinstance(theirs, torch.Tensor) else theirs.pooler_output
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert clip.logit_scale == pytest.approx(model.logit_scale.exp().item())


def test_features_are_those_of_transformers(published, monkeypatch):
    folder, model = published
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    clip = load_clip(str(folder))
    check(clip, model)
    assert "mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)" in str(clip.transform) and clip.image_size == (24, 24)


@pytest.mark.parametrize("activation", ["gelu", "gelu_pytorch_tanh"])
def test_other_activations(published, tmp_path, activation):
    transformers = pytest.importorskip("transformers")
    model = transformers.CLIPModel(transformers.CLIPConfig(**config_of(activation))).eval()
    model.load_state_dict(published[1].state_dict())
    model.save_pretrained(tmp_path / "clip")
    (tmp_path / "clip" / "preprocessor_config.json").write_text(json.dumps(PREPARED))
    check(load_clip(str(tmp_path / "clip")), model)


def test_weights_as_pickles_and_in_parts(folder, published):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({**weights, "text_model.embeddings.position_ids": torch.arange(77)[None]}, folder / "pytorch_model.bin")
    whole = load_clip(str(folder)).fingerprint()
    (folder / "pytorch_model.bin").unlink()
    names = {name: f"model-{len(name) % 2}.safetensors" for name in weights}
    for file in set(names.values()):
        save_file({name: value for name, value in weights.items() if names[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    assert load_clip(str(folder)).fingerprint() == whole
    (folder / "model-0.safetensors").unlink()
    assert "model-0.safetensors (No such file or directory); check the file" in refused(folder)


def test_out_and_in_again(folder, tmp_path):
    clip = load_clip(str(folder))
    state = clip.model.state_dict()
    theirs = write_folder(transformers_files(clip, state), tmp_path / "theirs")
    ours = write_folder(open_clip_files(clip, state), tmp_path / "ours")
    for again in (load_clip(str(theirs)), load_clip(str(ours))):
        assert again.fingerprint() == clip.fingerprint()
        assert tuple(again.transform.transforms[-1].std) == (0.4, 0.5, 0.6)
    assert model_config(str(theirs)) == model_config(str(folder)) and model_config(str(ours))["quick_gelu"]


def test_a_bare_file_of_theirs_loads_into_an_architecture(tmp_path, architectures, state):
    from clipforget.models.tensor_names import to_transformers

    save_file({n: v.contiguous() for n, v in to_transformers(state, 1, 1).items()}, tmp_path / "model.safetensors")
    torch.save(state, tmp_path / "ours.pt")
    theirs, ours = (load_clip(f"{NAME}/{tmp_path / file}") for file in ("model.safetensors", "ours.pt"))
    assert theirs.fingerprint() == ours.fingerprint()


def write(file, content):
    file.write_text(json.dumps(content))


REFUSED = {
    "is damaged, no JSON": lambda f: (f / "config.json").write_text("{"),
    "holds a SigLIP; take it in open_clip's layout": lambda f: write(f / "config.json", {"model_type": "siglip"}),
    "of the type 'bert'; only CLIPModel": lambda f: write(f / "config.json", {"model_type": "bert"}),
    "activations are not those": lambda f: write(f / "config.json", {"model_type": "clip", **config_of("relu")}),
    "does not describe a CLIP": lambda f: write(f / "config.json", {"model_type": "clip", "text_config": 3}),
    "it has no visual.transformer.resblocks.2": lambda f: write(
        f / "config.json",
        {"model_type": "clip", **config_of(), "vision_config": {**CONFIG["vision_config"], "num_hidden_layers": 2}},
    ),
    "does not say how its images are prepared": lambda f: (f / "preprocessor_config.json").unlink(),
    "prepares images in a way that open_clip does not": lambda f: write(
        f / "preprocessor_config.json", {**PREPARED, "size": {"shortest_edge": 30}}
    ),
    "lacks what prepares images": lambda f: write(f / "preprocessor_config.json", {"size": 24, "crop_size": 24}),
    "has no weights; put model.safetensors beside config.json": lambda f: (f / "model.safetensors").unlink(),
    "is damaged or cut off": lambda f: (f / "model.safetensors").write_bytes(
        (f / "model.safetensors").read_bytes()[:100_000]
    ),
    "whose tokenizer is not CLIP's own": lambda f: write(f / "vocab.json", {"a": 0}),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_each_folder_is_refused_by_its_own_reason(folder, reason):
    REFUSED[reason](folder)
    assert reason in refused(folder)


def test_a_text_tower_of_transformers_is_there_when_it_is_asked_for():
    transformers = pytest.importorskip("transformers")
    give_transformers()
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.RobertaConfig(vocab_size=32, **sizes)
    tower = open_clip.model.HFTextEncoder("", 4, config=config, pooler_type="mean_pooler", proj_type="linear")
    assert tower(torch.full((2, 5), 3)).shape == (2, 4)
