"""Weights as content: fingerprints, what changed between two models, deltas on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

IGNORED = "num_batches_tracked"  # a counter, no weight: it has no part in a soup or a fingerprint


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """Content hash of a state dict (names, shapes, values), 16 hex digits."""
    digest = hashlib.sha256()
    for name in sorted(state):
        if name.endswith(IGNORED):
            continue
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tuple(value.shape)}\0{value.dtype}\0".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def changed(original: Mapping[str, Tensor], unlearned: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The unlearned values of every tensor that differs from the original, by name, on the CPU."""
    return {
        name: value.detach().cpu().clone()
        for name, value in unlearned.items()
        if not name.endswith(IGNORED) and not torch.equal(value, original[name].to(value.device))
    }


def save(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write tensors with text metadata as safetensors."""
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, dict(metadata))


def load(path: Path) -> dict[str, Tensor]:
    """Read tensors from safetensors."""
    return load_file(path)
