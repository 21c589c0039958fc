"""Find a model by its name and open it through open_clip: silently, with every failure as one sentence."""

from __future__ import annotations

import json
import logging
import pickle
import textwrap
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors import SafetensorError
from torch import nn

from clipforget.errors import BadModel, UnknownName
from clipforget.files import ASSETS, refusal
from clipforget.models.clip import Clip

EMBEDDED = {"clipforget-tiny": ASSETS / "clipforget-tiny"}
LAYOUT = ("open_clip_config.json", "open_clip_model.safetensors")


def load_clip(name: str, device: str = "cpu") -> Clip:
    """Load a CLIP by name and put it in eval mode, float32.

    name is `clipforget-tiny` (embedded), a local folder in open_clip's layout (open_clip_config.json +
    open_clip_model.safetensors; `local-dir:` may stand before it, as open_clip writes it), or `model/pretrained` as
    open_clip lists them, e.g. RN50-quickgelu/openai, where pretrained may also be a checkpoint file. Raises BadModel or
    UnknownName with what to do next.
    """
    torch_device, name = choose_device(device), name.removeprefix("local-dir:")
    folder = EMBEDDED[name] if name in EMBEDDED else _folder(name)
    if folder is not None:
        model, transform, tokenizer = open_model(_local(folder), None, torch_device)
    else:
        model, transform, tokenizer = open_model(*_listed(name), torch_device)
    return Clip(name, model.float().eval(), transform, tokenizer, torch_device)


def choose_device(device: str = "auto") -> torch.device:
    """Return the named device; 'auto' takes cuda, then mps, then cpu. Raises BadModel where it is not there."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=device).item()  # meta has no values
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadModel(
            f"The device '{device}' is not usable here ({reason.rstrip('.')}); try 'auto' or 'cpu'."
        ) from error
    return torch.device(device)


def _folder(name: str) -> Path | None:
    try:
        folder = Path(name).expanduser()
        return folder if name.strip() and folder.is_dir() and not refusal(folder) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _local(folder: Path) -> str:
    for file in LAYOUT:
        if not (folder / file).is_file() or refusal(folder / file):
            raise BadModel(f"The folder {folder} has no {file}; save the model there in open_clip's layout.")
    return f"local-dir:{folder}"


def _listed(name: str) -> tuple[str, str]:
    """Architecture and pretrained tag or file, checked before anything is downloaded or built."""
    if name.startswith(("/", "./", "../", "~")):
        raise BadModel(f"There is no folder {name}; give one with {' and '.join(LAYOUT)}.")
    architecture, slash, pretrained = name.partition("/")
    if not slash:
        raise UnknownName("model", name, [*EMBEDDED, "RN50-quickgelu/openai", "ViT-B-32-quickgelu/openai"])
    if architecture not in open_clip.list_models():
        raise UnknownName("open_clip model", architecture, open_clip.list_models())
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained in tags:
        _check_quickgelu(architecture, pretrained)
    elif not Path(pretrained).expanduser().is_file() or refusal(Path(pretrained).expanduser()):
        raise UnknownName(f"pretrained tag of {architecture}", pretrained, tags)
    else:
        pretrained = str(Path(pretrained).expanduser())
    return architecture, pretrained


def _check_quickgelu(architecture: str, pretrained: str) -> None:
    """Weights trained with QuickGELU and a model without it (or the other way round) give silently wrong features."""
    wants = bool((open_clip.get_pretrained_cfg(architecture, pretrained) or {}).get("quick_gelu"))
    if wants == bool((open_clip.get_model_config(architecture) or {}).get("quick_gelu")):
        return
    other = architecture.removesuffix("-quickgelu") + ("-quickgelu" if wants else "")
    raise BadModel(
        f"The weights '{pretrained}' were trained {'with' if wants else 'without'} QuickGELU: use {other}/{pretrained}."
    )


HUB_TIMEOUT = 5.0  # seconds to wait for the hub before it counts as out of reach
FAILURES = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError, ImportError, EOFError,
    UserWarning, SafetensorError, pickle.UnpicklingError, json.JSONDecodeError,
)  # fmt: skip


def open_model(architecture: str, pretrained: str | None, device: torch.device) -> tuple[nn.Module, Any, Any]:
    """Open an open_clip architecture or `local-dir:` folder: model, validation transform and tokenizer.

    pretrained is a tag, a checkpoint file, or None for a folder. Raises BadModel where anything does not fit: the
    weights the config, the activation the weights (open_clip only warns), or where a download is out of reach.
    """
    listed = pretrained in open_clip.list_pretrained_tags_by_model(architecture) if pretrained else False
    try:
        with _silence(), _offline_if_unreachable() if listed else nullcontext():
            model, _, transform = open_clip.create_model_and_transforms(
                architecture, pretrained=pretrained, device=device
            )
            tokenizer = open_clip.get_tokenizer(architecture)
    except FAILURES as error:
        name = architecture.removeprefix("local-dir:") if pretrained is None else f"{architecture}/{pretrained}"
        raise BadModel(_failure_message(name, listed, error)) from error
    broken = [name for name, value in model.state_dict().items() if not torch.isfinite(value).all()]
    if broken:
        raise BadModel(
            f"The weights of {architecture.removeprefix('local-dir:')} hold no finite numbers in {broken[0]}."
        )
    return model, transform, tokenizer


def _failure_message(name: str, listed: bool, error: BaseException) -> str:
    reason = textwrap.shorten(str(error).rstrip(". \n"), 200, placeholder=" ...") or type(error).__name__
    if listed:
        return (
            f"Cannot fetch {name}: the weights are neither in the local cache nor within reach of the network; "
            f"use 'clipforget-tiny' or a local folder, or try again online ({reason})."
        )
    return f"Cannot load {name}: config and weights are damaged or do not belong together ({reason})."


@contextmanager
def _silence() -> Iterator[None]:
    """open_clip speaks through the root logger, which installs a handler; its QuickGELU warning becomes an error."""
    root, null = logging.getLogger(), logging.NullHandler()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return "open_clip" not in record.pathname

    root.addHandler(null)
    root.addFilter(from_elsewhere)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=".*QuickGELU.*")
            yield
    finally:
        root.removeFilter(from_elsewhere)
        root.removeHandler(null)


@contextmanager
def _offline_if_unreachable() -> Iterator[None]:
    """Where the hub does not answer, look only into the local cache: its client would retry for most of a minute."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _is_reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _is_reachable(url: str) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=HUB_TIMEOUT).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True
