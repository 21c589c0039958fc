"""Exported models: files, folders and streams; each read back by the library it is for, in a process of its own."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections import namedtuple
from importlib.util import find_spec

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, load_file

from clipforget.errors import BadModel, FileProblem, StaleIndex
from clipforget.models.export.bundle import Weights, as_json, size_of, write_folder, zip_chunks
from clipforget.models.export.openclip import open_clip_files
from clipforget.models.export.patch import low_rank, patch_files, patched, read_patch
from clipforget.models.export.transformers import transformers_files
from clipforget.models.loading import load_clip

FILES = {
    "README.md": b"# A model\n",
    "weights.safetensors": Weights(
        {
            "a": torch.arange(6.0).view(2, 3).T,
            "b.half": torch.ones(3, dtype=torch.float16),
            "c": torch.tensor(7),
            "none": torch.empty(0, 4),
        },
        {"what": "a test"},
    ),
}
VIT = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8, "mlp_ratio": 3.0},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 2},
}
TEXTS = [
    "a photo of a cat",
    "It's 2 o'clock: déjà vu!",
    "A  WORD   and a very long text of many words, cut where it ends " * 3,
]


def same(first, second):
    assert set(first) == set(second)
    assert all(torch.equal(first[name], second[name]) and first[name].dtype == second[name].dtype for name in first)


def test_weights_are_what_safetensors_reads():
    weights = FILES["weights.safetensors"]
    content = b"".join(weights.chunks())
    assert len(content) == len(weights)
    same(load(content), weights.tensors)


def test_a_folder_is_written_whole(tmp_path):
    seen = []
    out = write_folder(FILES, tmp_path / "new" / "model", progress=lambda *counts: seen.append(counts))
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    same(load_file(out / "weights.safetensors"), FILES["weights.safetensors"].tensors)
    with safe_open(out / "weights.safetensors", "pt") as file:
        assert file.metadata() == {"what": "a test"}
    total = size_of(FILES)
    assert seen[-1] == (total, total) and seen == sorted(seen)
    assert total == sum(path.stat().st_size for path in out.iterdir())


def test_a_folder_that_holds_something_is_refused_unless_forced(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "other").write_text("stays")
    with pytest.raises(BadModel, match=r"is not empty; name another one, or replace its files with --force\.$"):
        write_folder(FILES, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    write_folder(FILES, tmp_path, force=True)
    assert (tmp_path / "README.md").read_text() == "# A model\n" and (tmp_path / "other").read_text() == "stays"
    with pytest.raises(BadModel, match="is a file; name a folder"):
        write_folder(FILES, tmp_path / "other", force=True)


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    def break_off(done, total):
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(FILES, tmp_path / "new" / "model", progress=break_off)
    assert not list(tmp_path.iterdir())
    free = namedtuple("usage", "free")(100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(FileProblem, match="0 MiB are free, and the model needs 1 MiB; make room"):
        write_folder(FILES, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_zip_comes_in_pieces():
    pieces = list(
        zip_chunks({**FILES, "large": Weights({str(i): torch.full((2**14,), float(i)) for i in range(8)})}, "m")
    )
    assert max(map(len, pieces)) < 2**17 < sum(map(len, pieces))
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["m/README.md", "m/weights.safetensors", "m/large"]
        same(load(archive.read("m/weights.safetensors")), FILES["weights.safetensors"].tensors)


# open_clip


def save(folder, config, preprocess=None, seed=0):
    """A random CLIP in open_clip's layout, biases and norms not at their initial zeros and ones."""
    import open_clip

    torch.manual_seed(seed)
    kind = open_clip.CustomTextCLIP if config.get("custom_text") else open_clip.CLIP
    model = kind(**{name: value for name, value in config.items() if name != "custom_text"})
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.05 * torch.randn_like(value))
    preprocess = preprocess or {"mean": [0.5, 0.4, 0.3], "std": [0.3, 0.2, 0.25], "interpolation": "bicubic"}
    described = as_json({"model_cfg": config, "preprocess_cfg": preprocess})
    return write_folder(
        {"open_clip_model.safetensors": Weights(model.state_dict()), "open_clip_config.json": described}, folder
    )


def elsewhere(code, *words):
    """What Python prints in a process of its own, in which this project is never imported."""
    code = f"import sys\n{code}\nassert not any(name.startswith('clipforget') for name in sys.modules)"
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=120)


WITH_OPEN_CLIP = """
import open_clip, torch
from safetensors.torch import save_file, load_file
folder, given, out = sys.argv[1:]
model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(["a photo of an airplane.", "a biplane"])
from PIL import Image
picture = Image.radial_gradient("L").convert("RGB")
model.eval()
with torch.no_grad():
    images, texts = (f(x, normalize=True) for f, x in (
        (model.encode_image, load_file(given)["pixels"]), (model.encode_text, tokens)))
save_file({"images": images, "texts": texts, "picture": preprocess(picture)}, out)
"""


def test_plain_open_clip_reads_the_embedded_model_changed(tmp_path):
    from PIL import Image
    from safetensors.torch import save_file

    clip = load_clip("clipforget-tiny")
    with torch.no_grad():
        for name in ("visual.attnpool.c_proj.weight", "text_projection"):
            clip.model.get_parameter(name).mul_(1.01).add_(0.001)
    files = open_clip_files(clip, clip.model.state_dict())
    out = write_folder(files, tmp_path / "model")
    pixels = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    save_file({"pixels": pixels}, tmp_path / "pixels")
    elsewhere(WITH_OPEN_CLIP, out, tmp_path / "pixels", tmp_path / "features")
    found = load_file(tmp_path / "features")
    assert (found["images"] - clip.embed(pixels)).abs().max() < 1e-5
    texts = clip.encode_text(["a photo of an airplane.", "a biplane"])
    assert (found["texts"] - texts).abs().max() < 1e-5
    picture = clip.transform(Image.radial_gradient("L").convert("RGB"))
    assert torch.equal(found["picture"], picture)
    again = load_clip(str(out))
    assert again.fingerprint() == clip.fingerprint() != load_clip("clipforget-tiny").fingerprint()


def test_quickgelu_and_resizing_go_with_the_folder(tmp_path):
    preprocess = {"mean": [0.1] * 3, "std": [0.2] * 3, "interpolation": "bilinear", "resize_mode": "squash"}
    clip = load_clip(str(save(tmp_path / "a", {**VIT, "quick_gelu": True}, preprocess)))
    clip.model.transformer.resblocks[0].mlp.gelu  # noqa: B018  there is one
    described = json.loads(open_clip_files(clip, clip.model.state_dict())["open_clip_config.json"])
    assert described == {"model_cfg": {**VIT, "quick_gelu": True}, "preprocess_cfg": preprocess}
    plain = load_clip(str(save(tmp_path / "b", VIT)))
    assert "quick_gelu" not in json.loads(open_clip_files(plain, {})["open_clip_config.json"])["model_cfg"]


FAMILIES = {
    "a timm tower": {"vision_cfg": {"timm_model_name": "mobilenetv2_050", "timm_pool": "avg", "image_size": 32}},
    "a text tower of its own": {"custom_text": True, "text_cfg": {**VIT["text_cfg"], "no_causal_mask": True}},
    "an average over patches": {"vision_cfg": {**VIT["vision_cfg"], "pool_type": "avg"}, "init_logit_bias": -10.0},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_comes_back_as_it_was(family, tmp_path):
    clip = load_clip(str(save(tmp_path / "a", {**VIT, **FAMILIES[family]})))
    out = write_folder(open_clip_files(clip, clip.model.state_dict()), tmp_path / "b")
    again = load_clip(str(out))
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert again.fingerprint() == clip.fingerprint() and torch.equal(again.embed(pixels), clip.embed(pixels))
    assert torch.equal(again.encode_text(TEXTS), clip.encode_text(TEXTS))


# transformers

WITH_TRANSFORMERS = """
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPModel, CLIPProcessor
given, *pairs = sys.argv[1:]
given = load_file(given)
texts = bytes(given["texts"].tolist()).decode().split("|")
def features(answer):  # a tensor before version 5
    return answer if isinstance(answer, torch.Tensor) else answer.pooler_output
for folder, out in zip(pairs[::2], pairs[1::2]):
    model, processor = CLIPModel.from_pretrained(folder).eval(), CLIPProcessor.from_pretrained(folder)
    words = processor(text=texts, return_tensors="pt", padding=True, truncation=True)
    size = model.config.vision_config.image_size
    picture = Image.radial_gradient("L").resize((size, size)).convert("RGB")
    with torch.no_grad():
        save_file({
            "images": features(model.get_image_features(pixel_values=given["pixels"])),
            "texts": features(model.get_text_features(**words)), "tokens": words["input_ids"],
            "scale": model.logit_scale.exp(), "picture": processor(images=picture, return_tensors="pt")["pixel_values"],
        }, out)
"""


@pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed; pip install -e '.[test]'")
def test_transformers_reads_a_vit_with_and_without_quickgelu(tmp_path):
    from PIL import Image
    from safetensors.torch import save_file

    pixels = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    text = torch.tensor(list("|".join(TEXTS).encode()), dtype=torch.uint8)
    save_file({"pixels": pixels, "texts": text}, tmp_path / "given")
    clips, words = [], []
    for name, config in (("plain", {**VIT, "custom_text": True}), ("quick", {**VIT, "quick_gelu": True})):
        clips.append(load_clip(str(save(tmp_path / f"{name}-open_clip", config))))
        files = transformers_files(clips[-1], clips[-1].model.state_dict())
        words += [write_folder(files, tmp_path / name), tmp_path / f"{name}-features"]
    elsewhere(WITH_TRANSFORMERS, tmp_path / "given", *words)
    results = [load_file(path) for path in words[1::2]]
    assert not torch.allclose(results[0]["images"], results[1]["images"], atol=1e-3)  # the activation counts
    for clip, result in zip(clips, results, strict=True):
        with torch.no_grad():
            images, texts = clip.model.encode_image(pixels), clip.model.encode_text(clip.tokenizer(TEXTS))
        assert (result["images"] - images).abs().max() < 1e-5
        assert (result["texts"] - texts).abs().max() < 1e-5
        ours = clip.tokenizer(TEXTS)
        assert torch.equal(result["tokens"][1], torch.where(ours[1] == 0, 49407, ours[1])[: result["tokens"].shape[1]])
        assert float(result["scale"]) == pytest.approx(clip.logit_scale)
        picture = clip.transform(Image.radial_gradient("L").resize((32, 32)).convert("RGB"))
        assert (result["picture"][0] - picture).abs().max() < 1e-5


REFUSED = {
    "a ResNet": (
        {"vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64}},
        "is a ResNet",
    ),
    "an average": ({"vision_cfg": {**VIT["vision_cfg"], "pool_type": "avg"}}, "another pooling"),
    "no causal mask": ({"text_cfg": {**VIT["text_cfg"], "no_causal_mask": True}}, "another mask"),
    "layer scale": ({"vision_cfg": {**VIT["vision_cfg"], "ls_init_value": 0.1}}, "has no place there"),
    "a bias": ({"init_logit_bias": -10.0}, "bias of the logits"),
    "a vocabulary": ({"text_cfg": {**VIT["text_cfg"], "vocab_size": 49500}}, "vocabulary"),
    "an oblong": ({"vision_cfg": {**VIT["vision_cfg"], "image_size": [32, 64]}}, "not square"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_transformers_does_not_know_is_refused_by_name(what, tmp_path):
    changes, reason = REFUSED[what]
    clip = load_clip(str(save(tmp_path / "model", {**VIT, **changes})))
    with pytest.raises(BadModel, match=rf"{reason}.*\. Choose the format open_clip\.$"):
        transformers_files(clip, clip.model.state_dict())


# patches


def test_a_difference_of_low_rank_is_kept_as_factors():
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(64, 16, 3, 3, generator=generator)
    change = torch.randn(64, 3, generator=generator) @ torch.randn(3, 144, generator=generator) / 100
    up, down = low_rank(start, start + change.view_as(start))
    assert up.shape == (64, 4) and down.shape == (4, 144) and torch.allclose(up @ down, change, atol=1e-6)
    assert low_rank(start, start + torch.randn(start.shape, generator=generator)) is None
    assert low_rank(start[:, 0, 0, 0], start[:, 0, 0, 0] + 1) is None


def test_a_patch_gives_the_changed_weights_back(tmp_path):
    generator = torch.Generator().manual_seed(0)
    original = {"w": torch.randn(32, 32, generator=generator), "b": torch.randn(32, generator=generator)}
    original["untouched"] = torch.zeros(2)
    delta = {"w": original["w"] + torch.outer(original["b"], original["b"]) / 50, "b": original["b"] + 1}
    out = write_folder(patch_files(original, delta, {"original": "f00", "alpha": "0.5", "model": "m"}), tmp_path / "p")
    tensors, metadata = read_patch(out)
    assert set(tensors) == {"w.up", "w.down", "b"} and metadata["alpha"] == "0.5"
    again = patched(original, tensors, metadata, "f00")
    assert torch.equal(again["b"], delta["b"]) and (again["w"] - delta["w"]).abs().max() < 4e-6
    with pytest.raises(StaleIndex, match=r"belongs to another model: 'm' with the fingerprint f00.* this one is bad"):
        patched(original, tensors, metadata, "bad")
    (out / "patch.safetensors").write_bytes(b"".join(Weights({"a": torch.ones(1)}).chunks()))
    with pytest.raises(BadModel, match="is no patch"):
        read_patch(out)
    with pytest.raises(BadModel, match="Cannot read the patch"):
        read_patch(tmp_path / "nothing")
