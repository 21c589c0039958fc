"""The checkpoints that people have are read without running their code; each that cannot be read has its own reason."""

import argparse
import os
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_architecture import CONFIG, NAME, make_folder, plain, random_clip, refused

from clipforget.errors import BadModel
from clipforget.models.checkpoints import is_from_openai, read_weights
from clipforget.models.loading import load_clip

pytestmark = pytest.mark.usefixtures("architectures")


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
    assert load_clip(f"{NAME}/{file}").name == clip.name, "OpenAI's weights take QuickGELU by themselves"


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
