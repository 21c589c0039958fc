"""Damage for the "rotated and noisy" suite: blur, sensor noise, compression blocks, contrast and light shifts."""

from __future__ import annotations

import io
from random import Random

import numpy as np
from PIL import Image, ImageFilter

from clipforget.data.sketchbook.styles import noise_source


def wear(picture: Image.Image, rng: Random) -> Image.Image:
    """Return a damaged copy of an RGB picture of any size; a picture without colour stays without colour."""
    source = noise_source(rng)
    size = picture.size
    grey = _is_grey(picture)
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.1) * size[0] / 96))
    if rng.random() < 0.35:
        low = tuple(max(8, int(s * rng.uniform(0.45, 0.7))) for s in size)
        picture = picture.resize(low, Image.Resampling.BILINEAR).resize(size, Image.Resampling.NEAREST)
    pixels = np.asarray(picture, np.float32)
    contrast, lift = rng.uniform(0.55, 1.25), rng.uniform(-26, 26)
    pixels = (pixels - 128) * contrast + 128 + lift
    shape = (*pixels.shape[:2], 1 if grey or rng.random() < 0.5 else 3)
    pixels = pixels + source.normal(0, rng.uniform(6, 22), shape)
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        picture = _blocks(picture, rng.randint(14, 34), grey)
    return picture


def _is_grey(picture: Image.Image) -> bool:
    pixels = np.asarray(picture)
    return bool((pixels[:, :, 0] == pixels[:, :, 1]).all() and (pixels[:, :, 1] == pixels[:, :, 2]).all())


def _blocks(picture: Image.Image, quality: int, grey: bool) -> Image.Image:
    """Pass the picture through strong JPEG compression."""
    buffer = io.BytesIO()
    (picture.convert("L") if grey else picture).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")
