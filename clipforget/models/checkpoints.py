"""Read the weights out of the checkpoint files that people have, without running any code that lies in them.

Safetensors, files of torch.save (weights alone: `weights_only`), and TorchScript archives as OpenAI publishes CLIP in.
`torch.jit.load` would compile and may run the archive's own code, so only the tensors of such an archive are read here.
"""

from __future__ import annotations

import pickle
import re
import textwrap
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from clipforget.errors import BadModel
from clipforget.files import refusal
from clipforget.models.tensor_names import to_open_clip

SUFFIXES = (".safetensors", ".bin", ".pth")  # of the weights that open_clip looks for in a folder
NESTS = ("state_dict", "model", "model_state_dict", "module")  # where training loops keep weights among other things
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DistributedDataParallel, torch.compile and Lightning
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how files of torch.save began before torch 1.6
CONSTANTS = ("input_resolution", "context_length", "vocab_size", "attn_mask")  # in TorchScript archives, no weights
STORAGES = {
    "FloatStorage": torch.float32, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64, "LongStorage": torch.int64, "IntStorage": torch.int32, "BoolStorage": torch.bool,
}  # fmt: skip
FAILURES = (
    OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ImportError, EOFError,
    UserWarning, SafetensorError, pickle.UnpicklingError, zipfile.BadZipFile,
)  # fmt: skip


def read_weights(path: str | Path, device: str = "cpu", weights_only: bool = True) -> dict[str, Tensor]:
    """Read a checkpoint file's weights by name; whatever nests them or stands before every name is taken off.

    The arguments are those of open_clip's own `load_state_dict`, in whose place this is called: device is cpu, and
    nothing but weights is ever read. Names of transformers' CLIPModel become open_clip's.
    Raises as `read_tensors`.
    """
    return to_open_clip(read_tensors(path, device))


def read_tensors(path: str | Path, device: str = "cpu") -> dict[str, Tensor]:
    """Read what `read_weights` does, under the names of the file.

    Raises BadModel with the reason why a file cannot be read and what to do next.
    """
    file = Path(path)
    try:
        if why := refusal(file):
            raise BadModel(f"{file} {why}; give a file of weights.")
        kind = _kind(file)
        if kind == "safetensors":
            saved: Any = load_file(file, device=device)
        elif kind == "TorchScript":
            saved = _read_torchscript(file)
        else:
            with file.open("rb") as stream:  # of a path, torch would take .safetensors by its word
                saved = torch.load(stream, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        cut = "unexpected EOF" in str(error)  # as older torch (2.4) says it
        raise BadModel(_damaged(file, "its end is missing") if cut else _objects(file, str(error))) from error
    except (PermissionError, IsADirectoryError, FileNotFoundError) as error:
        raise BadModel(f"Cannot read {file} ({error.strerror}); check the file and its rights.") from error
    except FAILURES as error:
        raise BadModel(_damaged(file, shorten(error))) from error
    weights = _unpacked(saved)
    if not weights:
        inside = ", ".join(map(str, saved)) or "nothing" if isinstance(saved, Mapping) else type(saved).__name__
        raise BadModel(f"{file} holds no weights by name, but {shorten(inside)}; give a file of a whole CLIP.")
    return weights


def is_from_openai(path: str | Path) -> bool:
    """Tell whether a file is a TorchScript archive as OpenAI publishes CLIP in; those use QuickGELU."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            scripted = any(name.endswith("constants.pkl") for name in names)
            return scripted and b"input_resolution" in archive.read(_entry(names, "data.pkl"))
    except FAILURES:
        return False


def shorten(error: object) -> str:
    """Return an error's text in one line of at most 200 characters, without colours, control signs and full stop."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = "".join(sign if sign.isprintable() else " " for sign in text).rstrip(". ")
    return textwrap.shorten(text, 200, placeholder=" ...") or type(error).__name__


def _kind(file: Path) -> str:
    """Kind of a file by what is in it: safetensors, TorchScript or torch. Raises BadModel for every other kind."""
    with file.open("rb") as stream:
        head = stream.read(256)
    if not head:
        raise BadModel(f"{file.resolve()} is empty; delete it and copy or download it again.")
    names = _names(file)
    if any(name.endswith("constants.pkl") for name in names):
        return "TorchScript"
    if any(name.endswith("data.pkl") for name in names):
        return "torch"
    if head.startswith(b"\x93NUMPY") or (names and all(name.endswith(".npy") for name in names)):
        raise BadModel(numpy_refused(file))
    if names:
        raise BadModel(f"{file} is an archive of other files, no checkpoint; unpack it and name the file inside.")
    if head[8:9] == b"{":
        return "safetensors"
    if head.startswith(LEGACY):
        return "torch"
    if head[:1] == b"\x80":
        raise BadModel(
            f"{file} is a Python pickle, which can run code; if you trust it, save its weights alone: "
            "torch.save({k: torch.as_tensor(v) for k, v in "
            f"numpy.load('{file.name}', allow_pickle=True).items()}}, 'weights.pt')."
        )
    if head.startswith(b"version https://git-lfs"):
        raise BadModel(f"{file} is only a pointer of Git LFS; fetch the file itself with 'git lfs pull'.")
    if _is_text(head):
        raise BadModel(f"{file} is a text file, no checkpoint; download the weights themselves again.")
    if head.startswith(b"PK") or file.suffix == ".safetensors":
        raise BadModel(_damaged(file, "its end is missing" if head.startswith(b"PK") else "no safetensors in it"))
    raise BadModel(
        f"{file.resolve()} is neither safetensors nor a file of torch.save; save the weights as one of these, or, "
        "if it was one, delete it and get it again."
    )


def _names(file: Path) -> list[str]:
    if not zipfile.is_zipfile(file):
        return []
    with zipfile.ZipFile(file) as archive:
        return archive.namelist()


def _is_text(head: bytes) -> bool:
    """UTF-8 without NUL; the last character may be cut."""
    return b"\0" not in head and head.decode("utf-8", "ignore").encode()[: len(head) - 3] == head[: len(head) - 3]


def numpy_refused(file: str | Path) -> str:
    """Return the sentence that refuses a numpy file."""
    return (
        f"{file} is a numpy file, which only a SigLIP architecture reads, in big_vision's layout; "
        "save the weights with torch.save or as safetensors."
    )


def _damaged(file: Path, reason: str) -> str:
    """The file that is meant, also where a download's cache only links to it."""
    return f"The weights file {file.resolve()} is damaged or cut off: delete it and get it again ({reason})."


def _objects(file: Path, reason: str) -> str:
    found = re.search(r"GLOBAL ([\w.]+)", reason)
    what = f" ({found[1]})" if found else ""
    with file.open("rb") as stream:
        pickled = stream.read(2**20)  # data.pkl is an archive's first entry
    nests = [n for n in NESTS if n != "module"]  # which also marks a class in files from before torch 1.6
    nest = next((n for n in nests if b"X" + len(n).to_bytes(4, "little") + n.encode() in pickled), None)
    part = f"['{nest}']" if nest else "" if found and found[1].startswith("numpy") else ".state_dict()"
    return (
        f"{file} was saved with Python objects{what}, which could run code; if you trust it, save its weights alone: "
        f"torch.save(torch.load('{file.name}', weights_only=False){part}, 'weights.pt')."
    )


def _unpacked(saved: Any) -> dict[str, Tensor]:
    while isinstance(saved, Mapping) and (nest := next((n for n in NESTS if isinstance(saved.get(n), Mapping)), None)):
        saved = saved[nest]
    if not isinstance(saved, Mapping):
        return {}
    weights = {str(name): value for name, value in saved.items() if isinstance(value, Tensor)}
    while weights and (prefix := next((p for p in PREFIXES if all(n.startswith(p) for n in weights)), None)):
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


def _entry(names: list[str], name: str) -> str:
    """The path of an entry that lies directly in the archive's only folder; without one, a name that is not there."""
    return next((path for path in names if path.partition("/")[2] == name), name)


class _Module:
    """What stands in for every class of a TorchScript archive: attributes, no behaviour."""

    def __setstate__(self, state: Any) -> None:
        self.attributes: dict[str, Any] = state if isinstance(state, dict) else {}


class _TensorReader(pickle.Unpickler):
    """Reads data.pkl of a TorchScript archive; every name but those below is refused, so nothing of it can run."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive, self.names = archive, archive.namelist()
        self.storages: dict[str, Tensor] = {}
        super().__init__(archive.open(_entry(self.names, "data.pkl")))

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return type(name, (_Module,), {})
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: storage.as_strided(size, stride, offset)
        if module == "torch.jit._pickle":  # a list or dict, and the type of what is in it
            return lambda value, *_: value
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Tensor:
        _, dtype, key, *_ = pid
        if key not in self.storages:
            content = bytearray(self.archive.read(_entry(self.names, f"data/{key}")))
            self.storages[key] = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
        return self.storages[key]


def _read_torchscript(file: Path) -> dict[str, Tensor]:
    try:
        with zipfile.ZipFile(file) as archive:
            root = _TensorReader(archive).load()
        return {name: value for name, value in _tensors(root) if name.rpartition(".")[2] not in CONSTANTS}
    except pickle.UnpicklingError as error:
        raise BadModel(
            f"{file} is a TorchScript archive with more than weights in it ({shorten(error)}); if you trust it, save "
            "its weights alone, which runs its code: "
            f"torch.save(torch.jit.load('{file.name}').state_dict(), 'weights.pt')."
        ) from error


def _tensors(module: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in getattr(module, "attributes", {}).items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")
