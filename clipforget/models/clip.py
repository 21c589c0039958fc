"""A CLIP model as this project sees it: two towers, a tokenizer, a preprocessing, a fingerprint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional as F

from clipforget.errors import BadSetting
from clipforget.models.pixels import AnyPixels
from clipforget.models.weights import copied_model, fingerprint

BATCH = 64  # images a forward pass of a small model: the fastest on CPUs with small caches
TEXTS = 4  # texts at once for each image of a batch
PIXELS_AT_ONCE, WEIGHTS_AT_ONCE = 2**19, 2**31  # pixels of a forward pass; weights times images
WORD = re.compile(r"\w+|[^\w\s!-~]+")  # words, and runs of signs beyond ASCII: emoji


@dataclass
class Clip:
    """An open_clip model in eval mode with what belongs to it. D is the size of the joint embedding."""

    name: str
    model: Any  # nn.Module with encode_image, encode_text, logit_scale
    transform: Callable[[Image], Tensor]  # PIL image -> 3 x H x W float tensor
    tokenizer: Callable[[list[str]], Tensor]  # texts -> len(texts) x context length, token ids
    device: torch.device

    def fingerprint(self) -> str:
        """Hash the weights as they are now: 16 hex digits, of their content alone."""
        return fingerprint(self.model.state_dict())

    def clone(self) -> Clip:
        """Copy the model, so that a method changes the copy and the original stays what it was.

        On the processor only what is changed takes memory.
        """
        return replace(self, model=copied_model(self.model))

    def preprocess(self, images: Iterable[Image]) -> Tensor:
        """Turn PIL images, at least one, into B x 3 x H x W on the CPU, float, normalised as the model was trained."""
        return torch.stack([self.transform(image) for image in images])

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Embed images B x 3 x H x W: B x D, unit length, with gradients if they are enabled."""
        return F.normalize(self.model.encode_image(pixels), dim=-1)

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Embed texts: len(texts) x D, unit length; a text longer than the context is cut."""
        return F.normalize(self.model.encode_text(self.tokenizer(list(texts)).to(self.device)), dim=-1)

    @torch.no_grad()
    def embed(self, pixels: AnyPixels, batch_size: int | None = None) -> Tensor:
        """Embed N x 3 x H x W in batches, without gradients: N x D on the CPU, unit length, float32."""
        if len(pixels) == 0:
            return self.embed(torch.zeros(1, *pixels.shape[1:]))[:0]
        parts = []
        for chunk in pixels.split(batch_size or self.batch_size):
            chunk = chunk.to(self.device).contiguous(memory_format=torch.channels_last)
            parts.append(F.normalize(self.model.encode_image(chunk).float(), dim=-1).cpu())
        return torch.cat(parts)

    @torch.no_grad()
    def class_embeddings(self, names: Sequence[str], template: str) -> Tensor:
        """Embed class names: C x D unit text features of `template` with each name in place of {}.

        Raises BadSetting where the template has no place for the name.
        """
        if "{}" not in template:
            raise BadSetting(
                f"The template '{template}' has no {{}} for the name; write for instance 'a photo of a {{}}.'."
            )
        return self.embed_texts([template.replace("{}", name) for name in names])

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed M texts in batches, without gradients: M x D, unit length, float32, on the model's device."""
        size = TEXTS * self.batch_size
        return torch.cat([self.encode_text(texts[i : i + size]).float() for i in range(0, max(len(texts), 1), size)])

    @torch.no_grad()
    def known_words(self, text: str) -> dict[str, bool]:
        """Tell of the words of a text, in order, whether the model knows them: not where a token's embedding is zero.

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
        """Return height and width of the image tower's input, in pixels."""
        size: Any = self.model.get_submodule("visual").image_size
        return (size, size) if isinstance(size, int) else (size[0], size[1])

    @property
    def batch_size(self) -> int:
        """Return how many images to embed at once: BATCH of a small model, fewer of a large one, for memory's sake.

        It depends on the model alone, so that the same run computes the same.
        """
        height, width = self.image_size
        weights = sum(int(parameter.numel()) for parameter in self.model.get_submodule("visual").parameters())
        return max(4, min(BATCH, PIXELS_AT_ONCE // (height * width), WEIGHTS_AT_ONCE // weights))

    @property
    def logit_scale(self) -> float:
        """Return exp(logit_scale), the factor between cosines and logits."""
        return float(self.model.logit_scale.detach().exp())
