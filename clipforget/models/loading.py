"""Find a model by its name and open it through open_clip: silently, with every failure as one sentence."""

from __future__ import annotations

import importlib.util
import json
import logging
import re
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.coca_model import CoCa
from torch import Tensor, nn

from clipforget.errors import BadModel, UnknownName
from clipforget.files import ASSETS, refusal
from clipforget.models import huggingface
from clipforget.models.checkpoints import FAILURES, SUFFIXES, is_from_openai, numpy_refused, read_weights, shorten
from clipforget.models.clip import Clip

EMBEDDED = {"clipforget-tiny": ASSETS / "clipforget-tiny"}
CONFIG = "open_clip_config.json"
PREPARED = ("mean", "std", "interpolation", "resize_mode")  # what there is to say of how images are prepared
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
    folder = EMBEDDED[name] if name in EMBEDDED else _folder(name)
    if folder is None:
        found = find_source(name)
        name, (model, transform, tokenizer) = str(found), open_model(found, torch_device)
    else:
        model, transform, tokenizer = _open_folder(folder, torch_device)
    clip = Clip(name, model.float().eval(), transform, tokenizer, torch_device)
    _check_features(clip)
    return clip


def model_config(name: str) -> dict[str, Any]:
    """Return what open_clip calls the model_cfg of a model by its name, as `load_clip` takes it."""
    name = name.removeprefix("local-dir:")
    folder = EMBEDDED[name] if name in EMBEDDED else _folder(name)
    if folder is None:
        return dict(open_clip.get_model_config(find_source(name).architecture) or {})
    if _is_transformers(folder):
        return huggingface.model_config(folder)
    _local(folder)
    return dict(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model_cfg"])


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


def _is_transformers(folder: Path) -> bool:
    return not (folder / CONFIG).exists() and (folder / huggingface.CONFIG).is_file()


def _open_folder(folder: Path, device: torch.device) -> tuple[nn.Module, Any, Any]:
    if not _is_transformers(folder):
        return open_model(Source(_local(folder)), device)
    with _explained(str(folder), folder=True):
        model, transform, tokenizer = huggingface.open_folder(folder)
        return _finite(str(folder), model).to(device), transform, tokenizer


def _local(folder: Path) -> str:
    """Name a folder as open_clip does, when it holds a configuration and weights."""
    file = folder / CONFIG
    if not _is_file(str(file)):
        raise BadModel(f"The folder {folder} has no {CONFIG}; save the model there in open_clip's layout.")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadModel(f"{file} is damaged, no JSON ({shorten(error)}); copy or save it again.") from error
    parts = config.get("model_cfg") if isinstance(config, dict) else None
    if not isinstance(parts, dict) or not all(isinstance(parts.get(part), dict) for part in ("vision_cfg", "text_cfg")):
        raise BadModel(
            f"{file} does not describe a CLIP: it needs 'model_cfg' with 'vision_cfg' and 'text_cfg', and "
            "'preprocess_cfg' beside it; take the one that open_clip saved with the weights."
        )
    if not any(path.suffix in SUFFIXES and _is_file(str(path)) for path in folder.glob("*")):
        raise BadModel(f"The folder {folder} has no weights; put open_clip_model.safetensors beside {CONFIG}.")
    return f"local-dir:{folder}"


@dataclass(frozen=True)
class Source:
    """What open_clip is asked for: an architecture or `local-dir:` folder, a tag or file, the tag that prepares images.

    `tag` is the tag whose mean, std and resizing a file of weights takes, "" where all tags agree or there is none.
    """

    architecture: str
    pretrained: str = ""
    tag: str = ""

    @property
    def listed(self) -> bool:
        """Tell whether the weights are published ones, by a tag of open_clip's."""
        return self.pretrained in open_clip.list_pretrained_tags_by_model(self.architecture)

    def __str__(self) -> str:
        """Return the name that leads to the same model."""
        if not self.pretrained:
            return self.architecture.removeprefix("local-dir:")
        return f"{self.architecture}/{self.pretrained}" + (f":{self.tag}" if self.tag else "")


def find_source(name: str) -> Source:
    """Return architecture and pretrained tag or file of a name, checked before anything is downloaded or built.

    Raises BadModel or UnknownName.
    """
    if name.partition("/")[0] not in open_clip.list_models() and _is_file(name):
        raise BadModel(f"{name} is a file; write the architecture of its weights before it, as in ViT-B-32/{name}.")
    if name.startswith(("/", "./", "../", "~")):
        raise BadModel(f"There is no folder {name}; give one with {CONFIG} and open_clip_model.safetensors.")
    architecture, slash, pretrained = name.partition("/")
    if not slash:
        raise UnknownName("model", name, [*EMBEDDED, "RN50/openai", "ViT-B-32/openai"])
    if architecture not in open_clip.list_models():
        raise UnknownName("open_clip model", architecture, open_clip.list_models())
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained in tags:
        wants = bool((open_clip.get_pretrained_cfg(architecture, pretrained) or {}).get("quick_gelu"))
        return Source(_with_activation(architecture, wants), pretrained)
    file, tag = pretrained, ""
    if not _is_file(file):
        file, _, tag = pretrained.rpartition(":")
        if not _is_file(file):
            raise UnknownName(f"pretrained tag of {architecture}", pretrained, tags)
    file = str(Path(file).expanduser())
    if is_from_openai(file):
        architecture, tag = _with_activation(architecture, True), tag or ("openai" if "openai" in tags else "")
    return _with_preprocessing(Source(architecture, file, tag))


def _with_preprocessing(source: Source) -> Source:
    """Check the tag that says how the images of a file of weights are prepared, or ask for one where tags disagree."""
    ways = _published_ways(source.architecture)
    tags = [tag for way in ways.values() for tag in way]
    if source.tag and source.tag not in tags:
        raise UnknownName(f"pretrained tag of {source.architecture}", source.tag, tags)
    if not source.tag and len(ways) > 1:
        kinds = " or ".join(f"'{way[0]}'" for way in ways.values())
        raise BadModel(
            f"A file does not say how images are prepared, and published weights of {source.architecture} differ "
            f"there: add a tag whose way it was trained in, {kinds}, as in {source}:{tags[0]}."
        )
    return source


def _published_ways(architecture: str) -> dict[tuple[Any, ...], list[str]]:
    """The tags of an architecture by the way they prepare images: mean, std, interpolation, resize_mode."""
    ways: dict[tuple[Any, ...], list[str]] = {}
    for tag in open_clip.list_pretrained_tags_by_model(architecture):
        config = open_clip.get_pretrained_cfg(architecture, tag) or {}
        ways.setdefault(tuple(config.get(key) for key in PREPARED), []).append(tag)
    return ways


def _is_file(name: str) -> bool:
    try:
        path = Path(name).expanduser()
        return path.is_file() and not refusal(path)
    except (OSError, RuntimeError, ValueError):
        return False


def _with_activation(architecture: str, quick_gelu: bool) -> str:
    """The same architecture with the activation that weights were trained with, where there is one.

    The other one gives silently wrong features.
    """
    if quick_gelu == bool((open_clip.get_model_config(architecture) or {}).get("quick_gelu")):
        return architecture
    bare = architecture.removesuffix("-quickgelu")
    other = bare if bare != architecture else f"{bare}-quickgelu"
    return other if other in open_clip.list_models() else architecture


HUB_TIMEOUT = 5.0  # seconds to wait for the hub before it counts as out of reach


def open_model(source: Source, device: torch.device) -> tuple[nn.Module, Any, Any]:
    """Open what a source names: model, validation transform and tokenizer.

    Raises BadModel where anything does not fit, the weights the config, or where a download is out of reach.
    """
    name, listed = str(source), source.listed
    published = {} if listed or not source.pretrained else _published_transform(source)
    with _explained(name, folder=not source.pretrained, listed=listed):
        _check_transformers(source.architecture, name)
        with _silence(), _offline_if_unreachable() if listed else nullcontext():
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
        raise BadModel(_failure_message(name, folder, listed, error)) from error


def _finite(name: str, model: nn.Module) -> nn.Module:
    broken = [key for key, value in model.state_dict().items() if not torch.isfinite(value).all()]
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


def _check_transformers(architecture: str, name: str) -> None:
    """Refuse a text tower or tokenizer of transformers where that is not installed, before anything is fetched."""
    text = (open_clip.get_model_config(architecture) or {}).get("text_cfg", {})
    if (text.get("hf_model_name") or text.get("hf_tokenizer_name")) and not importlib.util.find_spec("transformers"):
        raise BadModel(f"The texts of {name} need the package transformers: pip install transformers.")


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


def _failure_message(name: str, folder: bool, listed: bool, error: BaseException) -> str:
    for pattern, meaning in MISMATCHES.items():
        if found := re.search(pattern, str(error)):
            wrong = meaning.format(shorten(found[1]))
            step = (
                "take the configuration that was saved with them" if folder else "name the one they were trained with"
            )
            return f"The weights of {name} do not belong to this architecture: {wrong}; {step}."
    if listed:
        return (
            f"Cannot fetch {name}: the weights are neither in the local cache nor within reach of the network; "
            f"use 'clipforget-tiny' or a local folder, or try again online ({shorten(error)})."
        )
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
