"""A forgetting without its model: what changed, as small as it is exact, and putting it on the original again.

A difference of low rank, as LoRA leaves it, is kept as its two factors (`NAME.up`, `NAME.down`: W + up @ down); every
other changed tensor is kept whole, as it is at alpha 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from clipforget.errors import BadModel, StaleIndex
from clipforget.files import open_regular
from clipforget.models.export.bundle import Files, Weights

FILE = "patch.safetensors"
KIND = "clipforget patch"
HIGHEST_RANK = 64
EXACT = 1e-6  # of the largest weight: what factors may be off, which is a few roundings of float32


def patch_files(original: Mapping[str, Tensor], delta: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Files:
    """Return the changed tensors, or their factors, as one file; `original` holds those of the same names.

    The metadata names what the patch fits and what it does: `original` is a fingerprint, `alpha` the default.
    """
    tensors = {}
    for name, value in delta.items():
        factors = low_rank(original[name], value)
        if factors is None:
            tensors[name] = value
        else:
            tensors[f"{name}.up"], tensors[f"{name}.down"] = factors
    return {FILE: Weights(tensors, {**metadata, "kind": KIND})}


def low_rank(original: Tensor, unlearned: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return up (O x r) and down (r x I) whose product is the difference, or None where they would not be smaller.

    A weight O x ... is read as a matrix O x I. No value may be off by more than EXACT of the largest weight.
    """
    if original.ndim < 2 or not original.is_floating_point():
        return None
    end = unlearned.detach().cpu().double()
    difference = (end - original.detach().cpu().double()).flatten(1)
    rows, columns = difference.shape
    highest = min(HIGHEST_RANK, rows * columns // (2 * (rows + columns)))  # half of the whole at most
    if highest < 1:
        return None
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        up, sizes, right = torch.svd_lowrank(difference, q=min(highest + 8, rows, columns), niter=4)
    limit = EXACT * float(end.abs().max())
    for rank in sorted({min(2**power, highest) for power in range(HIGHEST_RANK.bit_length())}):
        factors = (up[:, :rank] * sizes[:rank]).float(), right[:, :rank].T.contiguous().float()
        if (factors[0].double() @ factors[1].double() - difference).abs().max() <= limit:
            return factors
    return None


def read_patch(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return what a patch file, or a folder with one, holds: its tensors and its metadata. Raises BadModel."""
    file = Path(path)
    try:
        file = file.expanduser()
        file = file / FILE if file.is_dir() else file
        with open_regular(file), safe_open(file, "pt") as opened:
            metadata = dict(opened.metadata() or {})
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  no mapping
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise BadModel(f"Cannot read the patch {file} ({error}); give the folder or file that export wrote.") from error
    if metadata.get("kind") != KIND or not {"original", "alpha"} <= metadata.keys():
        raise BadModel(f"{file} is no patch; make one with: export RUN --format patch.")
    return tensors, metadata


def patched(
    original: Mapping[str, Tensor], patch: Mapping[str, Tensor], metadata: Mapping[str, str], fingerprint: str
) -> dict[str, Tensor]:
    """Return the changed tensors of the model whose weights and fingerprint are given, at alpha 0.

    Raises StaleIndex where the patch was made for another model.
    """
    if fingerprint != metadata["original"]:
        raise StaleIndex(
            f"This patch belongs to another model: '{metadata.get('model', 'unknown')}' with the fingerprint "
            f"{metadata['original']}; the fingerprint of this one is {fingerprint}."
        )
    delta = {}
    for name, value in patch.items():
        base, _, part = name.rpartition(".")
        if name in original:
            delta[name] = value
        elif part == "up" and base in original:
            difference = value.double() @ patch[f"{base}.down"].double()
            start = original[base].detach().cpu()
            delta[base] = (start.double() + difference.view_as(start)).to(start.dtype)
        elif part != "down" or base not in original:
            raise BadModel(f"The patch is damaged: the model has no {name}.")
    return delta


def patch_card(metadata: Mapping[str, str], model: str, alpha: float, folder: str) -> str:
    """Return the model card of a model that a patch was put on, in Markdown; figures stand in the patch's own card."""
    rows = {"Original": model, "Alpha, the share of the original": f"{alpha:g}"}
    rows |= {name: metadata[name] for name in ("forget", "method", "settings", "run", "command") if name in metadata}
    return "\n".join(
        [
            "# A CLIP that was made to forget",
            "",
            "A patch of ClipForget was put on the original. How well it forgets stands in the card of the patch.",
            "",
            "```python",
            "import open_clip",
            "",
            f'model, _, preprocess = open_clip.create_model_and_transforms("local-dir:{folder}")',
            f'tokenizer = open_clip.get_tokenizer("local-dir:{folder}")',
            "```",
            "",
            *(f"- {name}: `{value}`" for name, value in rows.items()),
            f"- fingerprint of the original: `{metadata['original']}`",
            "",
            "The terms of the original model hold for this one too.",
            "",
        ]
    )
