"""A CLIP model as this project sees it: two towers, a tokenizer, a preprocessing, a fingerprint."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional as F

from clipforget.errors import BadModel, BadSetting, UnknownName
from clipforget.opening import open_model
from clipforget.weights import fingerprint

ASSETS = Path(__file__).resolve().parent.parent / "assets"
EMBEDDED = {"clipforget-tiny": ASSETS / "clipforget-tiny"}
WORD = re.compile(r"\w+|[^\w\s!-~]+")  # words, and runs of signs beyond ASCII: emoji
LAYOUT = ("open_clip_config.json", "open_clip_model.safetensors")


@dataclass
class Clip:
    """An open_clip model in eval mode with what belongs to it. D is the size of the joint embedding."""

    name: str
    model: Any  # nn.Module with encode_image, encode_text, logit_scale
    transform: Callable[[Image], Tensor]  # PIL image -> 3 x H x W float tensor
    tokenizer: Callable[[list[str]], Tensor]  # texts -> len(texts) x context length, token ids
    device: torch.device

    def fingerprint(self) -> str:
        """Content hash of the weights as they are now, 16 hex digits."""
        return fingerprint(self.model.state_dict())

    def clone(self) -> Clip:
        """An independent copy: a method changes the copy and the original stays what it was."""
        return Clip(self.name, copy.deepcopy(self.model), self.transform, self.tokenizer, self.device)

    def preprocess(self, images: Iterable[Image]) -> Tensor:
        """PIL images, at least one, to a float tensor B x 3 x H x W on the CPU, normalised as the model was trained."""
        return torch.stack([self.transform(image) for image in images])

    def encode_image(self, pixels: Tensor) -> Tensor:
        """B x 3 x H x W to B x D, unit length, with gradients if they are enabled."""
        return F.normalize(self.model.encode_image(pixels), dim=-1)

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Texts to len(texts) x D, unit length; a text longer than the context is cut."""
        return F.normalize(self.model.encode_text(self.tokenizer(list(texts)).to(self.device)), dim=-1)

    @torch.no_grad()
    def embed(self, pixels: Tensor, batch: int = 256) -> Tensor:
        """N x 3 x H x W to N x D on the CPU, unit length, float32, in batches, without gradients."""
        if len(pixels) == 0:
            return self.embed(pixels.new_zeros(1, *pixels.shape[1:]))[:0]
        parts = []
        for chunk in pixels.split(batch):
            chunk = chunk.to(self.device).contiguous(memory_format=torch.channels_last)
            parts.append(F.normalize(self.model.encode_image(chunk).float(), dim=-1).cpu())
        return torch.cat(parts)

    @torch.no_grad()
    def bank(self, names: Sequence[str], template: str) -> Tensor:
        """The label bank: C x D unit text features of `template` with each name in place of {}.

        Raises BadSetting where the template has no place for the name.
        """
        if "{}" not in template:
            raise BadSetting(
                f"The template '{template}' has no {{}} for the name; write for instance 'a photo of a {{}}.'."
            )
        return self.encode_text([template.replace("{}", name) for name in names]).float()

    @torch.no_grad()
    def taught(self, text: str) -> dict[str, bool]:
        """The words of a text, in order, and whether the model was taught them: not where a token's embedding is zero.

        `clipforget-tiny` marks so what no caption of its training used; models that mark nothing are taken to know all.
        """
        table = getattr(getattr(self.model, "text", self.model), "token_embedding", None)
        words = [word for word in dict.fromkeys(WORD.findall(text)) if word.isprintable()]
        if table is None or not words:
            return dict.fromkeys(words, True)
        silent = (table.weight == 0).all(dim=1).cpu()
        frame = self.tokenizer([""])  # start, end and padding
        rows = self.tokenizer(words)
        return {w: not silent[row[~torch.isin(row, frame)]].any() for w, row in zip(words, rows, strict=True)}

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the image tower's input, in pixels."""
        size: Any = self.model.get_submodule("visual").image_size
        return (size, size) if isinstance(size, int) else (size[0], size[1])

    @property
    def logit_scale(self) -> float:
        """exp(logit_scale), the factor between cosines and logits."""
        return float(self.model.logit_scale.detach().exp())


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device computes bfloat16 natively, so that it gains by it."""
    if device.type == "cpu":
        return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def load_clip(name: str, device: str = "cpu") -> Clip:
    """Load a CLIP by name and put it in eval mode, float32.

    name is `clipforget-tiny` (embedded), a local folder in open_clip's layout (open_clip_config.json +
    open_clip_model.safetensors; `local-dir:` may stand before it, as open_clip writes it), or `model/pretrained` as
    open_clip lists them, e.g. RN50-quickgelu/openai, where pretrained may also be a checkpoint file. Raises BadModel or
    UnknownName with what to do next.
    """
    chosen, name = choose_device(device), name.removeprefix("local-dir:")
    folder = EMBEDDED[name] if name in EMBEDDED else _folder(name)
    if folder is not None:
        model, transform, tokenizer = open_model(_local(folder), None, chosen)
    else:
        model, transform, tokenizer = open_model(*_listed(name), chosen)
    return Clip(name, model.float().eval(), transform, tokenizer, chosen)


def choose_device(device: str = "auto") -> torch.device:
    """'auto' takes cuda, then mps, then cpu. Raises BadModel where the named device is not there."""
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
        return folder if name.strip() and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _local(folder: Path) -> str:
    for file in LAYOUT:
        if not (folder / file).is_file():
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
    known = open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained in known:
        _check_quickgelu(architecture, pretrained)
    elif not Path(pretrained).expanduser().is_file():
        raise UnknownName(f"pretrained tag of {architecture}", pretrained, known)
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
