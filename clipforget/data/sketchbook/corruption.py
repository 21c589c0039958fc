"""Damage for the "rotated and noisy" set: blur, sensor noise, compression blocks, contrast and light shifts."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageFilter

from clipforget.data.sketchbook.raster import noise_source


def corrupt(picture: Image.Image, rng: Random) -> Image.Image:
    """Return a damaged copy of an RGB picture of any size; a picture without colour stays without colour."""
    source = noise_source(rng)
    size = picture.size
    grey = _is_grey(picture)
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.1) * size[0] / 96))
    if rng.random() < 0.35:
        low = [max(8, int(s * rng.uniform(0.55, 0.75))) for s in size]
        picture = picture.resize(low, Image.Resampling.BILINEAR).resize(size, Image.Resampling.NEAREST)
    pixels: np.ndarray = np.asarray(picture, np.float32)
    contrast, lift = rng.uniform(0.62, 1.2), rng.uniform(-24, 24)
    pixels = (pixels - 128) * contrast + 128 + lift
    shape = (*pixels.shape[:2], 1 if grey or rng.random() < 0.5 else 3)
    pixels = pixels + source.normal(0, rng.uniform(5, 18), shape)
    pixels = np.clip(pixels, 0, 255)
    if rng.random() < 0.4:
        pixels = _blocks(pixels, rng.uniform(24, 60))
    return Image.fromarray(pixels.astype(np.uint8))


def _is_grey(picture: Image.Image) -> bool:
    pixels = np.asarray(picture)
    return bool((pixels[:, :, 0] == pixels[:, :, 1]).all() and (pixels[:, :, 1] == pixels[:, :, 2]).all())


_FREQ = np.arange(8, dtype=np.float32)
_DCT = np.sqrt(2 / 8) * np.cos((2 * _FREQ[None, :] + 1) * _FREQ[:, None] * np.pi / 16).astype(np.float32)
_DCT[0] /= np.sqrt(2)


def _blocks(pixels: np.ndarray, step: float) -> np.ndarray:
    """Compression artefacts: quantise 8 x 8 cosine blocks of (h, w, 3) float pixels (0..255), coarser upwards."""
    h, w = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -h % 8), (0, -w % 8), (0, 0)), mode="edge")
    tiles = padded.reshape(padded.shape[0] // 8, 8, padded.shape[1] // 8, 8, 3)
    waves = np.einsum("ui,aibjc,vj->aubvc", _DCT, tiles - 128, _DCT, optimize=True)
    table = (step * (0.35 + 0.16 * (_FREQ[:, None] + _FREQ[None, :])))[None, :, None, :, None]
    waves = np.round(waves / table) * table
    tiles = np.einsum("ui,aubvc,vj->aibjc", _DCT, waves, _DCT, optimize=True) + 128
    damaged: np.ndarray = np.clip(tiles.reshape(padded.shape)[:h, :w], 0, 255)
    return damaged
