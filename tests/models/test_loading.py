"""The checkpoints that people have are read without running their code; each that cannot be read has its own reason."""

import argparse
import json
import os
import pickle
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from clipforget.errors import BadModel
from clipforget.models.checkpoints import is_from_openai, read_weights
from clipforget.models.loading import load_clip, open_model
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


@pytest.fixture(scope="module")
def state():
    return random_clip().state_dict()


@pytest.fixture(autouse=True)
def architectures(tmp_path, monkeypatch):
    """open_clip knows a tiny architecture, with and without QuickGELU."""
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", dict(open_clip.factory._MODEL_CONFIGS))
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIG_PATHS", list(open_clip.factory._MODEL_CONFIG_PATHS))
    (tmp_path / "configs").mkdir()
    for name, config in ((NAME, CONFIG), (f"{NAME}-quickgelu", {**CONFIG, "quick_gelu": True})):
        (tmp_path / "configs" / f"{name}.json").write_text(json.dumps(config))
        open_clip.add_model_config(tmp_path / "configs" / f"{name}.json")


def make_folder(folder, state, weights="open_clip_model.safetensors", config=CONFIG):
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    state = {name: value.clone() for name, value in state.items()}
    save_file(state, folder / weights) if weights.endswith("safetensors") else torch.save(state, folder / weights)
    return folder


def script(file):
    """Save a traced CLIP as OpenAI does: half precision, numbers of the architecture among its buffers."""
    model = random_clip(quick_gelu=True).half()
    for name, value in {"input_resolution": 16, "context_length": 8, "vocab_size": 49408}.items():
        vars(model).pop(name, None)
        model.register_buffer(name, torch.tensor(value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = {"encode_image": torch.zeros(1, 3, 16, 16).half()}
        torch.jit.save(torch.jit.trace_module(model, inputs, check_trace=False), file)
    return file


WRAPPED = {
    "plain": lambda s: s,
    "state_dict": lambda s: {"epoch": 3, "optimizer": {"lr": 1}, "state_dict": s},
    "model": lambda s: {"model": s},
    "module.": lambda s: {"module." + name: value for name, value in s.items()},
    "nested and module.": lambda s: {"state_dict": {"module." + name: value for name, value in s.items()}},
    "_orig_mod.": lambda s: {"_orig_mod." + name: value for name, value in s.items()},
    "lightning": lambda s: {"state_dict": {"model." + name: value for name, value in s.items()}},
}


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("zipped", [True, False])
def test_whatever_a_training_loop_puts_around_weights_is_taken_off(tmp_path, state, kind, zipped):
    torch.save(WRAPPED[kind](state), tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    assert load_clip(f"{NAME}/{tmp_path / 'model.pt'}").fingerprint() == plain(state)


def plain(state):
    model = open_clip.CLIP(**CONFIG)
    model.load_state_dict(state)
    return fingerprint(model.state_dict())


def test_half_precision_is_read_as_float32(tmp_path, state):
    half = {name: value.half() for name, value in state.items()}
    torch.save(half, tmp_path / "half.pt")
    clip = load_clip(f"{NAME}/{tmp_path / 'half.pt'}")
    assert clip.fingerprint() == plain({name: value.float() for name, value in half.items()})


@pytest.mark.parametrize("name", ["open_clip_pytorch_model.bin", "open_clip_model.safetensors", "any.safetensors"])
def test_a_folder_holds_its_weights_under_any_name_that_open_clip_takes(tmp_path, state, name):
    assert load_clip(str(make_folder(tmp_path / "clip", state, name))).fingerprint() == plain(state)


def test_a_torchscript_archive_is_read_as_torch_would_without_running_it(tmp_path, monkeypatch):
    file = script(tmp_path / "RN.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = torch.jit.load(file).state_dict()
    monkeypatch.setattr(torch.jit, "load", None)
    monkeypatch.setattr(torch._C, "import_ir_module", None)
    read = read_weights(file)
    assert set(expected) - set(read) == {"input_resolution", "context_length", "vocab_size", "attn_mask"}
    assert all(torch.equal(value, expected[name]) and value.dtype == torch.float16 for name, value in read.items())
    clip = load_clip(f"{NAME}-quickgelu/{file}")
    assert clip.fingerprint() == plain({name: value.float() for name, value in read.items()})
    with pytest.raises(BadModel, match=f"trained with QuickGELU: use {NAME}-quickgelu/{file}"):
        load_clip(f"{NAME}/{file}")


@pytest.mark.parametrize("vision", [CONFIG["vision_cfg"], {"image_size": 32, "layers": [1] * 4, "width": 4}])
def test_a_scripted_archive_is_read_too(tmp_path, vision):
    model = random_clip(vision_cfg=dict(vision))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(model), tmp_path / "x.pt")
    read, expected = read_weights(tmp_path / "x.pt"), model.state_dict()
    assert set(read) == set(expected) and all(torch.equal(value, expected[name]) for name, value in read.items())


class Reshaped(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(24.0).reshape(4, 6))
        self.register_buffer("rows", self.weight.data[1:3].t())

    def forward(self, x):
        return x + self.weight


def test_views_of_one_storage_in_a_torchscript_archive(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Reshaped()), tmp_path / "x.pt")
    read = read_weights(tmp_path / "x.pt")
    assert torch.equal(read["rows"], Reshaped().rows) and torch.equal(read["weight"], Reshaped().weight)


class Attack:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


def rewrite(file, target, data):
    """Copy an archive with another data.pkl."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, data if name.endswith("/data.pkl") else old.read(name))
    return target


def test_nothing_in_a_file_is_run(tmp_path, state):
    trap = tmp_path / "trap"
    torch.save({"state_dict": state, "more": Attack(trap)}, tmp_path / "torch.pt")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(Attack(trap)))
    rewrite(script(tmp_path / "good.pt"), tmp_path / "script.pt", pickle.dumps(Attack(trap), protocol=2))
    for name in ("torch.pt", "pickle.pt", "script.pt"):
        with pytest.raises(BadModel, match="if you trust it, save its"):
            load_clip(f"{NAME}/{tmp_path / name}")
    assert not trap.exists()


def objects(file, state):
    torch.save({"state_dict": state, "args": argparse.Namespace(rate=1)}, file)


def numpy_number(file, state):
    torch.save({"state_dict": state, "best": np.float64(1)}, file)


def whole_module(file, state):
    torch.save(random_clip(), file)


def numpy_array(file, state):
    with file.open("wb") as stream:
        np.save(stream, np.zeros(3))


def numpy_archive(file, state):
    with file.open("wb") as stream:
        np.savez(stream, a=np.zeros(3))


def empty(file, state):
    file.write_bytes(b"")


def cut(file, state):
    torch.save(state, file)
    file.write_bytes(file.read_bytes()[:100_000])


def cut_safetensors(file, state):
    save_file(state, file)
    file.write_bytes(file.read_bytes()[:100_000])


def cut_pickle(file, state):
    torch.save(state, file, _use_new_zipfile_serialization=False)
    file.write_bytes(file.read_bytes()[:100_000])


def python_pickle(file, state):
    file.write_bytes(pickle.dumps({name: value.numpy() for name, value in state.items()}))


def hdf5(file, state):
    file.write_bytes(b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(5000))


def text(file, state):
    file.write_text("<!DOCTYPE html><title>Sign in – Anmeldung</title>" * 20, encoding="utf-8")


def pointer(file, state):
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def other_archive(file, state):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.pt", b"x")


def only_optimizer(file, state):
    torch.save({"epoch": 1, "optimizer": {"rate": 2}}, file)


def one_tensor(file, state):
    torch.save(torch.zeros(3), file)


def missing(file, state):
    torch.save({name: value for name, value in state.items() if name != "text_projection"}, file)


def unexpected(file, state):
    torch.save({**state, "visual.head.weight": torch.zeros(3)}, file)


def coloured_name(file, state):
    torch.save({**state, "\x1b[31mred\n": torch.zeros(3)}, file)


def no_dictionary(file, state):
    torch.save({"\x1b[31mred\n": 1}, file)


def other_shape(file, state):
    torch.save(random_clip(embed_dim=16).state_dict(), file)


def not_a_number(file, state):
    torch.save({**state, "visual.proj": state["visual.proj"] * float("nan")}, file)


def infinite(file, state):
    torch.save({**state, "visual.proj": state["visual.proj"] / 0}, file)


def overflow(file, state):
    torch.save({**state, "visual.proj": state["visual.proj"].sign() * 3e38}, file)


def zeros(file, state):
    torch.save({**state, "text_projection": state["text_projection"] * 0}, file)


REASONS = {
    objects: r"saved with Python objects \(argparse\.Namespace\).*\['state_dict'\], 'weights\.pt'\)",
    numpy_number: r"saved with Python objects \(numpy.*torch\.save\(",
    whole_module: r"saved with Python objects \(open_clip\.model\.CLIP\).*\.state_dict\(\), 'weights\.pt'\)",
    numpy_array: "is a numpy file.*save the weights with torch.save or as safetensors",
    numpy_archive: "is a numpy file.*save the weights with torch.save or as safetensors",
    empty: "is empty; delete it and copy or download it again",
    cut: "is damaged or cut off: delete it and get it again",
    cut_safetensors: "is damaged or cut off: delete it and get it again",
    cut_pickle: "is damaged or cut off: delete it and get it again",
    python_pickle: r"is a Python pickle, which can run code; .*torch\.save\({k: torch\.as_tensor",
    hdf5: r"is neither safetensors nor a file of torch.save; save|is damaged or .* \(no safetensors in it\)",
    text: "is a text file, no checkpoint; download the weights",
    pointer: "only a pointer of Git LFS; fetch the file itself",
    other_archive: "is an archive of other files, no checkpoint; unpack it",
    only_optimizer: "holds no weights by name, but epoch, optimizer; give a file of a whole CLIP",
    one_tensor: "holds no weights by name, but Tensor",
    missing: "they have no text_projection; name the one they were trained with",
    unexpected: r"it has no visual\.head\.weight; name the one they were trained with",
    coloured_name: r"it has no red; name the one",
    no_dictionary: "holds no weights by name, but red; give",
    other_shape: "text_projection has another shape; name the one they were trained with",
    not_a_number: r"hold no finite numbers in visual\.proj.*take an earlier checkpoint",
    infinite: r"hold no finite numbers in visual\.proj.*take an earlier checkpoint",
    overflow: "The image features of .* are not finite.*take another checkpoint",
    zeros: "The text features of .* are zero.*take another checkpoint",
}


def refused(name):
    with pytest.raises(BadModel) as caught:
        load_clip(str(name))
    message = str(caught.value)
    assert message.isprintable() and message.endswith(".") and len(message) < 600
    return message


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("spoil", REASONS, ids=lambda spoil: spoil.__name__)
def test_each_file_is_refused_by_its_own_reason(tmp_path, state, spoil, suffix):
    file = tmp_path / f"weights{suffix}"
    spoil(file, state)
    with pytest.raises(BadModel, match=REASONS[spoil]):
        raise BadModel(refused(f"{NAME}/{file}"))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_any_damage_is_a_sentence(tmp_path, suffix):
    """Bytes changed, lost and added anywhere, seeded; half of them in archives of TorchScript."""
    rng, file = np.random.default_rng(0), tmp_path / f"x{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Reshaped()), tmp_path / "script.pt")
    torch.save(Reshaped().state_dict(), tmp_path / "zip.pt")
    torch.save(Reshaped().state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    save_file({"weight": torch.ones(4, 6)}, tmp_path / "x.tensors")
    wholes = [(tmp_path / name).read_bytes() for name in ("script.pt", "script.pt", "zip.pt", "old.pt", "x.tensors")]
    refusals = 0
    for trial in range(300):
        data = bytearray(wholes[trial % len(wholes)])
        for where in rng.integers(len(data), size=rng.integers(1, 20)):
            data[where : where + rng.integers(4)] = rng.bytes(rng.integers(1, 4))
        file.write_bytes(data)
        is_from_openai(file)
        try:
            read_weights(file)
        except BadModel as error:
            assert str(error).isprintable()
            refusals += 1
    assert refusals > 100


@pytest.mark.parametrize("nest", ["state_dict", "model", None])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_way_out_that_the_sentence_names_works(tmp_path, state, monkeypatch, nest, zipped):
    saved = {"args": argparse.Namespace(), nest: state} if nest else random_clip()
    torch.save(saved, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    follow(refused(f"{NAME}/{tmp_path / 'x.pt'}"), tmp_path, monkeypatch)
    assert load_clip(f"{NAME}/{tmp_path / 'weights.pt'}").fingerprint() == plain(state)


def test_the_way_out_of_a_pickle_works(tmp_path, state, monkeypatch):
    python_pickle(tmp_path / "x.pt", state)
    follow(refused(f"{NAME}/{tmp_path / 'x.pt'}"), tmp_path, monkeypatch)
    assert load_clip(f"{NAME}/{tmp_path / 'weights.pt'}").fingerprint() == plain(state)


def follow(sentence, folder, monkeypatch):
    """Do what a sentence says, in the folder of the file."""
    monkeypatch.chdir(folder)
    exec(sentence[sentence.index("torch.save(") : -1], {"torch": torch, "numpy": np})


def test_numpy_files_by_their_suffix(tmp_path):
    for save, name in ((np.save, "a.npy"), (np.savez, "a.npz")):
        save(tmp_path / name, np.zeros(3))
        assert "is a numpy file" in refused(f"{NAME}/{tmp_path / name}")


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
    (folder / "config.json").write_text('{"model_type": "clip"}')
    assert "has no open_clip_config.json (it is in the layout of transformers)" in refused(folder)


def test_a_folder_whose_weights_are_of_another_config(tmp_path, state):
    folder = make_folder(tmp_path / "clip", state, config={**CONFIG, "embed_dim": 16})
    assert "text_projection has another shape; take the configuration that was saved with them" in refused(folder)


@pytest.mark.parametrize("key", ["hf_tokenizer_name", "hf_model_name"])
def test_a_missing_package_is_named_before_anything_is_fetched(tmp_path, state, monkeypatch, key):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    folder = make_folder(tmp_path / "clip", state, config={**CONFIG, "text_cfg": {**CONFIG["text_cfg"], key: "x/y"}})
    assert refused(folder) == f"The texts of {folder} need the package transformers: pip install transformers."
    assert "need the package transformers" in refused("roberta-ViT-B-32/laion2b_s12b_b32k")


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
    open_model(*tag, torch.device("cpu"))


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
    assert "mean=(0.0, 0.0, 0.0), std=(0.26" in str(load_clip(name).transform)


def test_the_command_line_says_it_in_one_line(tmp_path):
    torch.save({"args": argparse.Namespace()}, tmp_path / "model.pt")
    command = [sys.executable, "-m", "clipforget", "models", f"ViT-S-32-alt/{tmp_path / 'model.pt'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "saved with Python objects" in done.stderr
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr
