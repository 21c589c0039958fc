"""Find a model by its name and open it through open_clip: silently, with every failure as one sentence."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import open_clip
import torch
from open_clip.coca_model import CoCa
from torch import Tensor, nn

from clipforget.errors import BadModel
from clipforget.generators import finish
from clipforget.models import huggingface
from clipforget.models.checkpoints import FAILURES, numpy_refused, read_weights, shorten
from clipforget.models.clip import Clip
from clipforget.models.deferred import give_transformers
from clipforget.models.downloads import is_reachable
from clipforget.models.sources import (
    HUB,
    PREPARED,
    Source,
    check_folder,
    check_texts,
    fetch_model,
    find_source,
    folder_of,
    is_transformers,
    model_config,
    texts_of_transformers,
)

OPENING = RLock()  # open_clip's logging, warnings and the hub's offline switch are of the whole process
open_clip.factory.load_state_dict = read_weights  # open_clip reads every file of weights by our reader, for its reasons


def load_clip(name: str, device: str = "cpu") -> Clip:
    """Load a CLIP by name and put it in eval mode, float32.

    name is `clipforget-tiny` (embedded), a local folder in open_clip's layout (open_clip_config.json beside weights as
    .safetensors, .bin or .pth; `local-dir:` may stand before it, as open_clip writes it) or in that of transformers'
    CLIPModel, or `model/pretrained` as open_clip lists them, e.g. RN50/openai, where pretrained may also be a
    checkpoint file (`read_weights`), with `:tag` behind it where images are to be prepared as for that tag.
    What was trained with QuickGELU gets it. Raises BadModel or UnknownName with what to do next.
    """
    torch_device, name = choose_device(device), name.removeprefix("local-dir:")
    finish(fetch_model(name))
    folder = folder_of(name)
    if folder is None:
        found = find_source(name)
        name, (model, transform, tokenizer) = str(found), open_model(found, torch_device)
    else:
        model, transform, tokenizer = _open_folder(folder, torch_device, hub=name if name.startswith(HUB) else "")
    clip = Clip(name, model.float().eval(), transform, tokenizer, torch_device)
    _check_features(clip)
    return clip


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


def _open_folder(folder: Path, device: torch.device, hub: str = "") -> tuple[nn.Module, Any, Any]:
    if not is_transformers(folder):
        local = check_folder(folder)
        return open_model(Source(hub or local), device)
    with _explained(str(folder), folder=True):
        model, transform, tokenizer = huggingface.open_folder(folder)
        return _finite(str(folder), model).to(device), transform, tokenizer


def open_model(source: Source, device: torch.device) -> tuple[nn.Module, Any, Any]:
    """Open what a source names: model, validation transform and tokenizer.

    Raises BadModel where anything does not fit, the weights the config, or where a download is out of reach.
    """
    name, listed = str(source), source.listed
    published = {} if listed or not source.pretrained else _published_transform(source)
    with _explained(name, folder=not source.pretrained, listed=listed):
        config = open_clip.get_model_config(source.architecture) if source.pretrained else model_config(name)
        check_texts(config or {}, name)
        theirs = texts_of_transformers(config or {})
        with OPENING, _silence(), _offline(unless=theirs):
            if theirs:
                give_transformers()
            model, _, transform = open_clip.create_model_and_transforms(
                source.architecture, pretrained=source.pretrained or None, device=device, **published
            )
            tokenizer = open_clip.get_tokenizer(source.architecture)
        return _finite(name, model), transform, tokenizer


@contextmanager
def _explained(name: str, *, folder: bool, listed: bool = False) -> Iterator[None]:
    """Turn whatever opening a model raises into one sentence."""
    try:
        yield
    except FAILURES as error:
        file = name.partition("/")[2]
        if not (folder or listed) and Path(file).suffix in (".npy", ".npz"):
            raise BadModel(numpy_refused(file)) from error
        raise BadModel(_failure_message(name, folder, error)) from error


def _finite(name: str, model: nn.Module) -> nn.Module:
    suspects = {key: value for key, value in model.state_dict().items() if not value.sum().isfinite()}  # the fast test
    broken = [key for key, value in suspects.items() if not value.isfinite().all()]
    if broken:
        raise BadModel(
            f"The weights of {name} hold no finite numbers in {broken[0]}: the training that wrote them diverged, or "
            "they were cut to half precision; take an earlier checkpoint."
        )
    if isinstance(model, CoCa):
        model.__class__ = RawCoCa
    return model


class RawCoCa(CoCa):  # type: ignore[misc]  # open_clip has no types
    """A CoCa whose towers give their features as they are, like those of all other models, not at unit length."""

    def encode_image(self, images: Tensor, normalize: bool = False) -> Tensor:
        """Embed images, B x 3 x H x W: B x D."""
        features: Tensor = super().encode_image(images, normalize)
        return features

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        """Embed token ids, B x length: B x D."""
        features: Tensor = super().encode_text(text, normalize)
        return features


def _published_transform(source: Source) -> dict[str, Any]:
    """How images are prepared for a bare file: as for its tag, else as for all published weights, else as open_clip."""
    tags = open_clip.list_pretrained_tags_by_model(source.architecture)
    tag = source.tag or (tags[0] if tags else "")
    config = (open_clip.get_pretrained_cfg(source.architecture, tag) or {}) if tag else {}
    return {f"image_{key}": config[key] for key in PREPARED if config.get(key) is not None}


def _check_features(clip: Clip) -> None:
    """Embed one image and one text: finite weights may still overflow, and a tower of zeros tells nothing apart."""
    try:
        pixels = torch.linspace(-1, 1, 3 * clip.image_size[0] * clip.image_size[1]).view(1, 3, *clip.image_size)
        with torch.no_grad():
            features = {"image": clip.embed(pixels), "text": clip.encode_text(["a photo"])}
    except FAILURES as error:
        raise BadModel(f"The model {clip.name} does not run on {clip.device} ({shorten(error)}).") from error
    for kind, values in features.items():
        if not values.isfinite().all() or not values.any():
            what = "zero" if values.isfinite().all() else "not finite"
            raise BadModel(
                f"The {kind} features of {clip.name} are {what}: its weights are those of a training that "
                "diverged or are not a CLIP's; take another checkpoint."
            )


MISMATCHES = {  # what torch says of keys that do not fit, and what it means
    r'Missing key\(s\) in state_dict: "([^"]+)"': "they have no {}",
    r'Unexpected key\(s\) in state_dict: "([^"]+)"': "it has no {}",
    r"size mismatch for (\S+):": "{} has another shape",
    r"text (pos_embed) width changed": "{} of the texts has another width",
}


def _failure_message(name: str, folder: bool, error: BaseException) -> str:
    for pattern, meaning in MISMATCHES.items():
        if found := re.search(pattern, str(error)):
            wrong = meaning.format(shorten(found[1]))
            step = (
                "take the configuration that was saved with them" if folder else "name the one they were trained with"
            )
            return f"The weights of {name} do not belong to this architecture: {wrong}; {step}."
    return f"Cannot load {name}: config and weights are damaged or do not belong together ({shorten(error)})."


@contextmanager
def _silence() -> Iterator[None]:
    """open_clip speaks through the root logger, which installs a handler, and in warnings."""
    root, null = logging.getLogger(), logging.NullHandler()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return "open_clip" not in record.pathname

    root.addHandler(null)
    root.addFilter(from_elsewhere)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeFilter(from_elsewhere)
        root.removeHandler(null)


@contextmanager
def _offline(unless: bool) -> Iterator[None]:
    """Look only into the local cache, unless something may still be fetched and the hub answers.

    Its client would retry for most of a minute.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not unless or not is_reachable()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
