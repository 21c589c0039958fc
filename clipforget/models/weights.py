"""Weights as content: fingerprints, what changed between two models, deltas on disk."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from clipforget.errors import BadModel
from clipforget.files import atomic

IGNORED = "num_batches_tracked"  # a counter, no weight: it has no part in a soup or a fingerprint


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """Hash the content of a state dict (names, shapes, types, values): 16 hex digits; the device is no part of it."""
    digest = hashlib.sha256()
    for name in sorted(state):
        if name.endswith(IGNORED):
            continue
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tuple(value.shape)}\0{value.dtype}\0".encode())
        digest.update(value.clone().reshape(-1).view(torch.uint8).numpy().data)  # numpy would end a shared copy
    return digest.hexdigest()[:16]


def changed(original: Mapping[str, Tensor], unlearned: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the unlearned values of all tensors that differ from the original in any bit, by name, on the CPU.

    Raises BadModel where the two hold different names or shapes.
    """
    if {n: v.shape for n, v in original.items()} != {n: v.shape for n, v in unlearned.items()}:
        raise BadModel("The two sets of weights belong to different architectures.")
    return {
        name: value.detach().cpu().clone()
        for name, value in unlearned.items()
        if not name.endswith(IGNORED) and not torch.equal(value, original[name].to(value.device))
    }


def copied(tensor: Tensor) -> Tensor:
    """Copy a tensor, detached. On the processor the copy takes no memory until one of the two is written to."""
    value = tensor.detach()
    lazy = getattr(torch, "_lazy_clone", None)  # copy on write; not yet a public name of torch
    return value.clone() if lazy is None or value.device.type != "cpu" else lazy(value)


def copied_model(model: Any) -> Any:
    """Copy a model; its tensors as `copied` does, so that only what is changed afterwards is held twice."""
    copies: dict[int, Any] = {
        id(parameter): nn.Parameter(copied(parameter), parameter.requires_grad) for parameter in model.parameters()
    }
    return copy.deepcopy(model, copies | {id(buffer): copied(buffer) for buffer in model.buffers()})


def save(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write tensors with text metadata as safetensors; a file half written never bears the final name."""
    with atomic(path) as draft:
        try:
            save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, draft, dict(metadata))
        except SafetensorError as error:  # its word for a full disk
            raise OSError(str(error)) from error


def load(path: Path) -> dict[str, Tensor]:
    """Read tensors from safetensors, on the CPU. Raises BadModel where the file is missing or damaged."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadModel(f"Cannot read the weights in {path} ({error}).") from error


@contextmanager
def gradients_enabled(parameters: Iterable[Tensor], within: nn.Module | None = None) -> Iterator[None]:
    """Let the parameters require gradients inside the block, and nothing else of the model `within`, where it is given.

    Afterwards each requires gradients or not as it did before, and the parameters hold none.
    """
    enabled = list(parameters)
    before = {p: p.requires_grad for p in (*enabled, *(within.parameters() if within is not None else ()))}
    for parameter in before:
        parameter.requires_grad_(False)
    for parameter in enabled:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter, required in before.items():
            parameter.requires_grad_(required)
        for parameter in enabled:
            parameter.grad = None
