"""A working copy of a model that can be put anywhere between the original and the unlearned one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import RLock

import numpy as np
import torch
from torch import Tensor

from clipforget.models.clip import Clip
from clipforget.models.pixels import AnyPixels
from clipforget.models.precision import autocast
from clipforget.models.stages import SCALARS, TOWER, first_changed, run_stages, stages, with_projection
from clipforget.models.weights import copied, fingerprint
from clipforget.soup.arithmetic import counterpart, soup
from clipforget.soup.path import Floats, quantize_features


class SoupModel:
    """One working copy of a model that can be put at any alpha; the original is never touched. Safe across threads.

    Embeddings of the same pixels at one alpha and precision are the same bit for bit. `original` and `unlearned` are
    the fingerprints of the two ends, `parts` the stages, `first` the index of the first one that changes.
    """

    def __init__(self, clip: Clip, delta: Mapping[str, Tensor], precision: str = "float32") -> None:
        state = clip.model.state_dict()
        self.delta, self.precision, self.lock = dict(delta), precision, RLock()
        self._start = {name: copied(counterpart(state, name, value)) for name, value in self.delta.items()}
        self.clip = clip.clone()
        self.clip.model.eval()
        if clip.device.type == "cpu":
            self.clip.model.to(memory_format=torch.channels_last)
        self._tensors = self.clip.model.state_dict()  # the copy's own storage
        self.parts = with_projection(self.clip.model, stages(self.clip.model))
        self.first = first_changed(self.parts, self.delta)
        self.text_changed = any(not name.startswith(TOWER) and name not in SCALARS for name in self.delta)
        self.original = clip.fingerprint()
        self.unlearned = fingerprint({**state, **{n: v.to(state[n].dtype) for n, v in self.delta.items()}})

    @torch.no_grad()
    def set_alpha(self, alpha: float) -> Clip:
        """Put the working copy at alpha and return it; it stays there until the next call. Hold `lock` meanwhile."""
        for name, value in soup(self._start, self.delta, alpha).items():
            self._tensors[name].copy_(value)
        return self.clip

    def weights(self, alpha: float) -> dict[str, Tensor]:
        """Return the weights at alpha by name, whatever the copy is set to meanwhile; what is unchanged is shared."""
        return {**self._tensors, **soup(self._start, self.delta, alpha)}

    def run(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Run the stages start to stop on one batch, at the weights set by `set_alpha`.

        bfloat16 is used before the first changed stage only. What is rounded there is rounded alike at every alpha;
        rounding after it would differ from node to node and look like an error of the interpolation.
        """
        if start == 0:
            x = x.to(self.clip.device)
            x = x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x
        with torch.inference_mode():
            if start < self.first:
                with autocast(self.clip.device, self.precision):
                    x = run_stages(self.parts[start : min(stop, self.first)], x)
            if stop > self.first:
                x = run_stages(self.parts[max(start, self.first) : stop], x.float())
        return x

    def embed(self, alpha: float, pixels: AnyPixels) -> Floats:
        """Embed N x 3 x H x W at alpha: N x D unit features, as the nodes of a path hold them."""
        with self.lock:
            chunks = pixels.split(self.set_alpha(alpha).batch_size)
            rows = [self.run(chunk, 0, len(self.parts)).float().cpu().numpy() for chunk in chunks]
        return quantize_features(np.concatenate(rows))

    def text(self, alpha: float, texts: Sequence[str]) -> Floats:
        """Embed M texts at alpha: M x D unit features, float32."""
        with self.lock, torch.inference_mode():
            features = self.set_alpha(alpha).embed_texts(texts)
        return quantize_features(features.cpu().numpy())

    def texts(self, alphas: Sequence[float], texts: Sequence[str]) -> Floats:
        """Embed M texts at every alpha: len(alphas) x M x D, or 1 x M x D where the text tower is unchanged."""
        return np.stack([self.text(alpha, texts) for alpha in (alphas if self.text_changed else alphas[:1])])
