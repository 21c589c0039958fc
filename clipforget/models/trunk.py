"""An image tower before its last linear map, in the number format that this machine computes fastest, and that map.

For passes without gradients, of methods that change nothing but the map. Letters: B images, D the joint embedding, I
what the map reads.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.models.clip import Clip
from clipforget.models.precision import CHEAP, DECISIVE, has_bfloat16, tower_kind
from clipforget.models.projection import before_projection, projection_weight

SAMPLE = 4  # images that are timed
_formats: dict[tuple[str, ...], torch.dtype] = {}


class Trunk:
    """Embeds images by a copy of the tower before its last map, and by the map of `clip` as it is at the moment.

    The copy's weights are bfloat16, its maps channels last, where `fastest_format` says so; the last map is double
    precision. Raises BadModel for a tower that does not end in a linear map.
    """

    def __init__(self, clip: Clip) -> None:
        self.clip, self.device, self.batch_size = clip, clip.device, clip.batch_size
        self.dtype = fastest_format(clip)
        self._model = _copy(clip, self.dtype)

    def read(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the map reads of B x 3 x H x W, with a 1 for its bias, and what is added to what it gives.

        B x (I + 1) and B x D, or B x 0 where nothing is added; double precision, on the CPU.
        """
        size = projection_weight(self.clip.model).shape[1] - 1
        with torch.no_grad():
            out = self._model.encode_image(_prepared(pixels.to(self.device), self.dtype)).double().cpu()
        return torch.cat([out[:, :size], out.new_ones(len(out), 1)], dim=1), out[:, size:]

    def raw(self, inputs: Tensor, residual: Tensor) -> Tensor:
        """Return the features, B x D, double, not normalised, of what `read` gave."""
        return inputs @ projection_weight(self.clip.model).T + (residual if residual.shape[1] else 0)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Embed images B x 3 x H x W: B x D, unit, on the model's device, without gradients."""
        return F.normalize(self.raw(*self.read(pixels)), dim=-1).float().to(self.device)


def fastest_format(clip: Clip) -> torch.dtype:
    """Choose torch.bfloat16 where the processor computes a costly image tower decisively faster in it, else float32.

    Measured in seconds of the processor on a few images, and remembered per kind of tower, so that one process never
    changes its mind. Casting the weights once is what makes it pay: autocast casts them for each batch, which costs a
    ViT more than it gains. Small towers stay in float32, so that they repeat bit for bit.
    """
    if clip.device.type != "cpu" or not has_bfloat16(clip.device):
        return torch.float32
    kind = tower_kind(clip)
    if kind not in _formats:
        slow = seconds_per_pass(clip, torch.float32)
        faster = slow > CHEAP and slow > DECISIVE * seconds_per_pass(clip, torch.bfloat16)
        _formats[kind] = torch.bfloat16 if faster else torch.float32
    return _formats[kind]


@torch.no_grad()
def seconds_per_pass(clip: Clip, dtype: torch.dtype) -> float:
    """Time the tower on SAMPLE images in a format, in processor time: the better of two passes, the first warms up."""
    model, seconds = _copy(clip, dtype), []
    pixels = _prepared(torch.zeros(SAMPLE, 3, *clip.image_size), dtype)
    for _ in range(2):
        start = time.process_time()
        model.encode_image(pixels)
        seconds.append(time.process_time() - start)
    return min(seconds)


def _copy(clip: Clip, dtype: torch.dtype) -> Any:
    model = before_projection(clip.model)
    model.visual.to(dtype)
    return model


def _prepared(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Pixels as a tower in that format takes them: channels last is what bfloat16 convolutions are fast in."""
    return pixels if dtype == torch.float32 else pixels.to(dtype).contiguous(memory_format=torch.channels_last)
