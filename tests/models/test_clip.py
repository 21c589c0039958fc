"""Every kind of CLIP loads from a folder in open_clip's layout; every name that does not is one quick sentence."""

import json
import logging
import time

import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from clipforget.errors import BadModel, BadSetting, UnknownName
from clipforget.models import clip as clip_module
from clipforget.models.clip import Clip
from clipforget.models.loading import choose_device, load_clip
from clipforget.models.sources import find_source

VISION = {
    "resnet": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "head_width": 16, "patch_size": None},
    "vit": {"image_size": 16, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
    "timm": {"timm_model_name": "test_resnet", "timm_model_pretrained": False, "timm_pool": "avg", "image_size": 32},
}
TEXT = {"context_length": 8, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
KINDS = list(VISION)


def make(folder, kind, **more):
    """A random tiny model in open_clip's layout."""
    folder.mkdir(exist_ok=True)
    config = {"embed_dim": 8, "vision_cfg": dict(VISION[kind]), "text_cfg": dict(TEXT), **more}
    torch.manual_seed(0)
    model = open_clip.CustomTextCLIP(**config) if kind == "timm" else open_clip.CLIP(**config)
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config | ({"custom_text": True} if kind == "timm" else {}), "preprocess_cfg": {}})
    )
    save_file({n: v.half() if v.is_floating_point() else v for n, v in model.state_dict().items()},
              folder / "open_clip_model.safetensors")  # fmt: skip
    return folder


def state_of(folder):
    return load_file(folder / "open_clip_model.safetensors")


@pytest.fixture(scope="module", params=KINDS)
def clip(request, tmp_path_factory) -> Clip:
    return load_clip(str(make(tmp_path_factory.mktemp("models") / request.param, request.param)))


def test_a_folder_may_be_named_as_open_clip_names_it(clip):
    assert load_clip(f"local-dir:{clip.name}").fingerprint() == clip.fingerprint()


def test_a_folder_loads_in_eval_mode_and_float32(clip):
    assert not any(part.training for part in clip.model.modules())
    assert all(v.dtype is torch.float32 for v in clip.model.state_dict().values() if v.is_floating_point())
    assert len(clip.fingerprint()) == 16 and clip.logit_scale > 1 and clip.device.type == "cpu"


def test_features_have_unit_length_and_the_promised_shapes(clip):
    pixels = clip.preprocess([Image.new("RGB", size, "red") for size in ((40, 20), (9, 9), (16, 90))])
    side = pixels.shape[-1]
    assert pixels.shape == (3, 3, side, side)
    images = clip.embed(torch.randn(5, 3, side, side), batch_size=2)
    texts = clip.class_embeddings(["cat", "dog"], "a photo of a {}.")
    for features, count in ((images, 5), (texts, 2)):
        assert features.shape == (count, 8) and features.dtype is torch.float32 and not features.requires_grad
        assert torch.allclose(features.norm(dim=-1), torch.ones(count), atol=1e-5)
    assert clip.encode_image(pixels).requires_grad
    assert clip.embed(torch.zeros(0, 3, side, side)).shape == (0, 8)


def test_a_large_model_embeds_few_images_at_once(clip, monkeypatch):
    assert clip.batch_size == 64
    monkeypatch.setattr(clip_module, "PIXELS_AT_ONCE", 20 * clip.image_size[0] * clip.image_size[1])
    assert clip.batch_size == 20
    monkeypatch.setattr(clip_module, "WEIGHTS_AT_ONCE", 1)
    assert clip.batch_size == 4


def test_embedding_is_the_same_in_any_batch(clip):
    pixels = torch.randn(6, 3, *[clip.preprocess([Image.new("RGB", (8, 8))]).shape[-1]] * 2)
    with torch.no_grad():
        plain = clip.encode_image(pixels)
    assert torch.allclose(clip.embed(pixels, batch_size=1), plain, atol=1e-5)
    assert torch.allclose(clip.embed(pixels), plain, atol=1e-5)


def test_a_clone_is_independent_and_its_fingerprint_follows_it(clip):
    before, copy = clip.fingerprint(), clip.clone()
    assert copy.fingerprint() == before
    with torch.no_grad():
        copy.model.logit_scale += 1
    assert copy.fingerprint() != before == clip.fingerprint()


def test_any_text_can_be_encoded(clip):
    texts = ["", "ünïcode 漢字 🦉", "word " * 500, "${alert(1)}"]
    assert clip.encode_text(texts).isfinite().all()


def test_a_word_is_untaught_where_its_token_is_silent(clip):
    words = load_clip("clipforget-tiny").known_words("A photo of (zzxqy), BIPLANEs!! dog 🦉 dog \u202e")
    assert words == {"A": 1, "photo": 1, "of": 1, "zzxqy": 0, "BIPLANEs": 1, "dog": 0, "🦉": 0}
    assert clip.known_words("a zzxqy 🦉") == {"a": True, "zzxqy": True, "🦉": True}, "nothing is marked in this one"
    assert clip.known_words("") == clip.known_words("?!") == {}


def test_a_template_without_a_place_is_refused(clip):
    with pytest.raises(BadSetting, match=r"has no \{\} for the name"):
        clip.class_embeddings(["cat"], "a photo")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_model_slash_local_checkpoint(tmp_path, monkeypatch, suffix):
    folder = make(tmp_path / "tiny", "vit")
    expected = load_clip(str(folder)).fingerprint()
    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    (tmp_path / "test-tiny.json").write_text(json.dumps(config))
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", dict(open_clip.factory._MODEL_CONFIGS))
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIG_PATHS", list(open_clip.factory._MODEL_CONFIG_PATHS))
    open_clip.add_model_config(tmp_path / "test-tiny.json")
    file = folder / "open_clip_model.safetensors"
    if suffix == ".pt":
        file = tmp_path / "checkpoint.pt"
        torch.save({"state_dict": state_of(folder)}, file)
    assert load_clip(f"test-tiny/{file}").fingerprint() == expected
    damaged = tmp_path / f"damaged{suffix}"
    damaged.write_bytes(b"no checkpoint")
    with pytest.raises(BadModel, match="is a text file, no checkpoint"):
        load_clip(f"test-tiny/{damaged}")


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("RN50-quikgelu/openai", UnknownName, "Did you mean 'RN50-quickgelu'"),
        ("RN50-quickgelu/opanai", UnknownName, "Did you mean 'openai'"),
        ("RN50/missing-file.pt", UnknownName, "There is no pretrained tag of RN50 'missing-file.pt'"),
        ("clipforget-tny", UnknownName, "Did you mean 'clipforget-tiny'"),
        ("", UnknownName, "There is no model ''"),
        ("/no/such/folder", BadModel, "There is no folder /no/such/folder"),
        ("~nobody-of-this-name/x", BadModel, "There is no folder"),
        ("local-dir:/no/such/folder", BadModel, "There is no folder /no/such/folder"),
        ("x" * 5000, UnknownName, "There is no model 'xxx"),
        ("RN50/\0", UnknownName, "no pretrained tag"),
    ],
)
def test_names_that_are_none(name, error, words):
    with pytest.raises(error) as caught:
        load_clip(name)
    assert words in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("RN50/openai", "RN50-quickgelu/openai"),
        ("RN50-quickgelu/openai", "RN50-quickgelu/openai"),
        ("ViT-B-32/openai", "ViT-B-32-quickgelu/openai"),
        ("ViT-B-32/laion2b_s34b_b79k", "ViT-B-32/laion2b_s34b_b79k"),
        ("ViT-H-14/dfn5b", "ViT-H-14-quickgelu/dfn5b"),
        ("roberta-ViT-B-32/laion2b_s12b_b32k", "roberta-ViT-B-32/laion2b_s12b_b32k"),
    ],
)
def test_weights_trained_with_quickgelu_get_it_by_themselves(name, canonical):
    assert str(find_source(name)) == canonical


def test_weights_trained_without_quickgelu_never_get_it():
    with pytest.raises(UnknownName, match="There is no pretrained tag of ViT-B-32-quickgelu 'laion2b_s34b_b79k'"):
        load_clip("ViT-B-32-quickgelu/laion2b_s34b_b79k")


def test_without_a_network_the_answer_is_one_quick_quiet_sentence(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    handlers = list(logging.getLogger().handlers)
    started = time.perf_counter()
    with pytest.raises(BadModel) as caught:
        load_clip("RN50-quickgelu/openai")
    assert time.perf_counter() - started < 5
    text = str(caught.value)
    assert text.startswith("Cannot fetch RN50-quickgelu/openai: ") and "use 'clipforget-tiny' or a local folder" in text
    assert "\n" not in text and len(text) < 500
    assert capfd.readouterr() == ("", "") and logging.getLogger().handlers == handlers


def damage_config(folder):
    (folder / "open_clip_config.json").write_text("{not json")


def empty_config(folder):
    (folder / "open_clip_config.json").write_text("{}")


def unknown_key(folder):
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["no_such_key"] = 1
    (folder / "open_clip_config.json").write_text(json.dumps(config))


def other_width(folder):
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["width"] = 16
    (folder / "open_clip_config.json").write_text(json.dumps(config))


def cut_weights(folder):
    data = (folder / "open_clip_model.safetensors").read_bytes()
    (folder / "open_clip_model.safetensors").write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_config, "open_clip_config.json is damaged, no JSON"),
        (empty_config, "open_clip_config.json does not describe a CLIP"),
        (unknown_key, "damaged or do not belong together .*no_such_key"),
        (other_width, "do not belong to this architecture: pos_embed of the texts has another width"),
        (cut_weights, "open_clip_model.safetensors is damaged or cut off: delete it"),
    ],
)
def test_damaged_folders_are_one_sentence(tmp_path, damage, reason):
    folder = make(tmp_path / "tiny", "vit")
    damage(folder)
    with pytest.raises(BadModel, match=reason) as caught:
        load_clip(str(folder))
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    folder = make(tmp_path / "tiny", "vit")
    state = state_of(folder)
    state["visual.proj"][0, 0] = float("nan")
    save_file(state, folder / "open_clip_model.safetensors")
    with pytest.raises(BadModel, match=r"no finite numbers in visual\.proj"):
        load_clip(str(folder))


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("open_clip_config.json", "has no open_clip_config.json"),
        ("open_clip_model.safetensors", "has no weights; put open_clip_model.safetensors beside"),
    ],
)
def test_a_missing_file_is_named(tmp_path, file, reason):
    folder = make(tmp_path / "tiny", "vit")
    (folder / file).unlink()
    with pytest.raises(BadModel, match=reason):
        load_clip(str(folder))


def test_devices():
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    for device in ("cuda:99", "abacus", "meta:x", "meta"):
        with pytest.raises(BadModel, match="is not usable here"):
            choose_device(device)
