"""A CLIP model as this project sees it: two towers, a tokenizer, a preprocessing, a fingerprint."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
from PIL.Image import Image
from torch import Tensor, nn
from torch.nn import functional as F

from clipforget.errors import BadModel, UnknownName
from clipforget.weights import fingerprint

ASSETS = Path(__file__).resolve().parent.parent / "assets"
EMBEDDED = {"clipforget-tiny": ASSETS / "clipforget-tiny"}


@dataclass
class Clip:
    """An open_clip model in eval mode with what belongs to it. D is the size of the joint embedding."""

    name: str
    model: nn.Module
    transform: object  # PIL image -> 3 x H x W float tensor
    tokenizer: object
    device: torch.device

    def fingerprint(self) -> str:
        """Content hash of the weights as they are now, 16 hex digits."""
        return fingerprint(self.model.state_dict())

    def clone(self) -> Clip:
        """An independent copy: a method changes the copy and the original stays what it was."""
        return Clip(self.name, copy.deepcopy(self.model), self.transform, self.tokenizer, self.device)

    def preprocess(self, images: Iterable[Image]) -> Tensor:
        """PIL images to a float tensor B x 3 x H x W, normalised as the model was trained."""
        return torch.stack([self.transform(image) for image in images])

    def encode_image(self, pixels: Tensor) -> Tensor:
        """B x 3 x H x W to B x D, unit length, with gradients if they are enabled."""
        return F.normalize(self.model.encode_image(pixels), dim=-1)

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Texts to len(texts) x D, unit length."""
        return F.normalize(self.model.encode_text(self.tokenizer(list(texts)).to(self.device)), dim=-1)

    @torch.no_grad()
    def embed(self, pixels: Tensor, batch: int = 256) -> Tensor:
        """N x 3 x H x W to N x D on the CPU, unit length, float32, in batches, without gradients."""
        parts = [self.encode_image(chunk.to(self.device)).float().cpu() for chunk in pixels.split(batch)]
        return torch.cat(parts)

    @torch.no_grad()
    def bank(self, names: Sequence[str], template: str) -> Tensor:
        """The label bank: C x D unit text features of `template` with each name in place of {}."""
        return self.encode_text([template.replace("{}", name) for name in names]).float()

    @property
    def logit_scale(self) -> float:
        """exp(logit_scale), the factor between cosines and logits."""
        return float(self.model.logit_scale.detach().exp())


def load_clip(name: str, device: str = "cpu") -> Clip:
    """Load a CLIP by name and put it in eval mode, float32.

    name is `clipforget-tiny` (embedded), a local folder in open_clip's layout (open_clip_config.json +
    open_clip_model.safetensors), or `model/pretrained` as open_clip lists them, e.g. RN50-quickgelu/openai.
    Raises BadModel with what to do next.
    """
    chosen = choose_device(device)
    folder = EMBEDDED.get(name, Path(name).expanduser())
    if name in EMBEDDED or folder.is_dir():
        architecture, pretrained = _local(folder), None
    else:
        architecture, pretrained = _listed(name)
    try:
        model, _, transform = open_clip.create_model_and_transforms(architecture, pretrained=pretrained, device=chosen)
        tokenizer = open_clip.get_tokenizer(architecture)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        where = f"the folder {folder}" if pretrained is None else f"'{name}' (downloaded on first use: is there a network?)"
        raise BadModel(
            f"Cannot load {where}: {_first_line(error)} Without a network use 'clipforget-tiny' or a local folder."
        ) from error
    return Clip(name, model.float().eval(), transform, tokenizer, chosen)


def choose_device(device: str = "auto") -> torch.device:
    """'auto' takes cuda, then mps, then cpu. Raises BadModel where the named device is not there."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadModel(f"The device '{device}' is not usable here ({_first_line(error)}); try 'auto' or 'cpu'.") from error
    return torch.device(device)


def _local(folder: Path) -> str:
    for file in ("open_clip_config.json", "open_clip_model.safetensors"):
        if not (folder / file).is_file():
            raise BadModel(f"The folder {folder} has no {file}; save the model there in open_clip's layout.")
    return f"local-dir:{folder}"


def _listed(name: str) -> tuple[str, str]:
    architecture, slash, pretrained = name.partition("/")
    if not slash:
        raise UnknownName("model", name, [*EMBEDDED, "RN50-quickgelu/openai", "ViT-B-32-quickgelu/openai"])
    if architecture not in open_clip.list_models():
        raise UnknownName("open_clip model", architecture, open_clip.list_models())
    known = open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained not in known and not Path(pretrained).is_file():
        raise UnknownName(f"pretrained tag of {architecture}", pretrained, known)
    if pretrained == "openai" and not architecture.endswith("-quickgelu"):
        raise BadModel(f"OpenAI's weights need QuickGELU: use {architecture}-quickgelu/openai.")
    return architecture, pretrained


def _first_line(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if line.endswith(".") else line + "."


logging.getLogger("open_clip").setLevel(logging.ERROR)
