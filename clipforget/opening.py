"""Opening a model through open_clip: quickly without a network, silently, with every failure as one sentence."""

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
from typing import Any

import open_clip
import torch
from safetensors import SafetensorError
from torch import nn

from clipforget.errors import BadModel

PATIENCE = 5.0  # seconds to wait for the hub before it counts as out of reach
FAILURES = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError, ImportError, EOFError,
    UserWarning, SafetensorError, pickle.UnpicklingError, json.JSONDecodeError,
)  # fmt: skip


def open_model(architecture: str, pretrained: str | None, device: torch.device) -> tuple[nn.Module, Any, Any]:
    """Model, validation transform and tokenizer of an open_clip architecture or `local-dir:` folder.

    pretrained is a tag, a checkpoint file, or None for a folder. Raises BadModel where anything does not fit: the
    weights the config, the activation the weights (open_clip only warns), or where a download is out of reach.
    """
    tag = pretrained in open_clip.list_pretrained_tags_by_model(architecture) if pretrained else False
    try:
        with _silence(), _no_waiting() if tag else nullcontext():
            model, _, transform = open_clip.create_model_and_transforms(
                architecture, pretrained=pretrained, device=device
            )
            tokenizer = open_clip.get_tokenizer(architecture)
    except FAILURES as error:
        what = architecture.removeprefix("local-dir:") if pretrained is None else f"{architecture}/{pretrained}"
        raise BadModel(_sentence(what, tag, error)) from error
    broken = [name for name, value in model.state_dict().items() if not torch.isfinite(value).all()]
    if broken:
        raise BadModel(
            f"The weights of {architecture.removeprefix('local-dir:')} hold no finite numbers in {broken[0]}."
        )
    return model, transform, tokenizer


def _sentence(what: str, tag: bool, error: BaseException) -> str:
    reason = textwrap.shorten(str(error).rstrip(". \n"), 200, placeholder=" ...") or type(error).__name__
    if tag:
        return (
            f"Cannot fetch {what}: the weights are neither in the local cache nor within reach of the network; "
            f"use 'clipforget-tiny' or a local folder, or try again online ({reason})."
        )
    return f"Cannot load {what}: config and weights are damaged or do not belong together ({reason})."


@contextmanager
def _silence() -> Iterator[None]:
    """open_clip speaks through the root logger, which installs a handler; its QuickGELU warning becomes an error."""
    root, null = logging.getLogger(), logging.NullHandler()

    def theirs(record: logging.LogRecord) -> bool:
        return "open_clip" not in record.pathname

    root.addHandler(null)
    root.addFilter(theirs)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=".*QuickGELU.*")
            yield
    finally:
        root.removeFilter(theirs)
        root.removeHandler(null)


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Where the hub does not answer, look only into the local cache: its client would retry for most of a minute."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _answers(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True
