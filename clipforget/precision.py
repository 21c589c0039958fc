"""The number format in which a model embeds fastest here, measured: float32, or bfloat16 autocast."""

from __future__ import annotations

import contextlib
import time

import torch
from torch import Tensor

from clipforget.clip import Clip

GAIN = 1.25  # bfloat16 is chosen only where it is at least this much faster


def autocast(clip: Clip, precision: str) -> contextlib.AbstractContextManager:
    """The context in which to run the model: "float32" (nothing) or "bfloat16" (autocast)."""
    if precision == "float32":
        return contextlib.nullcontext()
    if precision != "bfloat16":
        raise ValueError(f"precision is float32 or bfloat16, not {precision}")
    return torch.autocast(clip.device.type, torch.bfloat16)


@torch.inference_mode()
def fastest(clip: Clip, pixels: Tensor, sample: int = 16) -> str:
    """"bfloat16" where embedding the first `sample` images (N x 3 x H x W) under autocast is clearly faster.

    bfloat16 helps plain convolutions on processors that have it and hurts depthwise ones. Takes about the time of
    6 * sample images. Not for results that must not depend on the machine's mood: store what was chosen.
    """
    few = pixels[:sample].to(clip.device)
    best = {}
    for precision in ("float32", "bfloat16"):
        times = []
        for _ in range(3):  # the first one warms up
            start = time.perf_counter()
            with autocast(clip, precision):
                clip.model.encode_image(few).float().cpu()
            times.append(time.perf_counter() - start)
        best[precision] = min(times)
    return "bfloat16" if best["bfloat16"] * GAIN < best["float32"] else "float32"
