"""Cached surface textures: brush dabs, canvas and paper grain, pencil hatching. All fixed by constant seeds."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


@lru_cache(maxsize=32)
def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates (x, y) of an n x n picture as float32 arrays broadcastable to (n, n)."""
    y, x = np.mgrid[0:n, 0:n].astype(np.float32)
    return x, y


@lru_cache(maxsize=16)
def dabs(n: int, length: float, width: float, variant: int) -> tuple[np.ndarray, np.ndarray]:
    """Brush dabs covering an n x n picture.

    Returns ``source`` (n*n,) int32, for every pixel the flat index of the pixel its dab takes colour from, and
    ``relief`` (n, n) float32 around 0, the lightness of bristles and dab edges.
    """
    rng = np.random.default_rng(7919 + variant)
    count = int(n * n / (length * width) * 5)
    image = Image.new("I", (n, n), 0)
    draw = ImageDraw.Draw(image)
    cx, cy = rng.uniform(-4, n + 4, count), rng.uniform(-4, n + 4, count)
    p = rng.uniform(0, 6, 3)
    angle = 0.9 * np.sin(cx / n * 4 + p[0]) + 0.9 * np.cos(cy / n * 5 + p[1]) + rng.normal(0, 0.25, count) + p[2]
    ring = np.stack([np.cos(np.linspace(0, 2 * math.pi, 10)), np.sin(np.linspace(0, 2 * math.pi, 10))], 1)
    scale = rng.uniform(0.7, 1.2, count)
    for i in range(count):
        c, s = math.cos(angle[i]), math.sin(angle[i])
        q = ring * (length / 2 * scale[i], width / 2 * scale[i]) @ np.array([[c, s], [-s, c]]) + (cx[i], cy[i])
        draw.polygon(q.ravel().tolist(), fill=i + 1)
    ids = np.asarray(image, dtype=np.int64) - 1
    own = np.arange(n * n).reshape(n, n)
    px = np.clip(cx, 0, n - 1).astype(np.int64)[ids]
    py = np.clip(cy, 0, n - 1).astype(np.int64)[ids]
    source = np.where(ids >= 0, py * n + px, own).ravel().astype(np.int32)
    light = rng.normal(0, 1, count + 1)[ids].astype(np.float32)
    edge = light - np.roll(light, (1, 1), (0, 1))
    return source, (light * 0.03 + np.clip(edge, -2, 2) * 0.018).astype(np.float32)


@lru_cache(maxsize=8)
def grain(n: int, kind: str) -> np.ndarray:
    """Fine surface texture (n, n) float32 around 0: ``kind`` is "canvas" (woven) or "paper" (fibrous)."""
    rng = np.random.default_rng(104729 + n)
    x, y = grid(n)
    noise = rng.normal(0, 1, (n, n)).astype(np.float32)
    if kind == "canvas":
        return 0.5 * np.sin(x * 2.1) + 0.5 * np.sin(y * 2.1) + 0.6 * noise
    image = Image.fromarray(np.clip(noise * 40 + 128, 0, 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(n / 190))
    soft = np.asarray(image, dtype=np.float32) - 128
    fibres: np.ndarray = soft / (soft.std() + 1e-6) * 0.7 + 0.4 * noise
    return fibres


@lru_cache(maxsize=8)
def hatching(n: int, variant: int) -> np.ndarray:
    """Pencil shading strokes (n, n) float32, uniform in 0..1: darker tones cover pixels with lower values."""
    rng = np.random.default_rng(15485863 + variant)
    big = int(n * 1.5)
    stripes: np.ndarray = rng.normal(0, 1, (big, big)).astype(np.float32)
    reach = max(3, n // 8)
    run = np.cumsum(np.pad(stripes, ((0, 0), (reach, 0))), axis=1)
    stripes = run[:, reach:] - run[:, :-reach]
    stripes = stripes[:, :big]
    stripes = (stripes + np.roll(stripes, 1, 0)) / 2
    image = Image.fromarray(np.clip(stripes / stripes.std() * 45 + 128, 0, 255).astype(np.uint8))
    image = image.rotate((38, 52, -40, 25)[variant % 4], resample=Image.Resampling.BILINEAR)
    start = (big - n) // 2
    piece = np.asarray(image, dtype=np.float32)[start : start + n, start : start + n]
    ranks = np.empty(n * n, np.float32)
    ranks[np.argsort(piece.ravel(), kind="stable")] = np.linspace(0, 1, n * n, dtype=np.float32)
    return ranks.reshape(n, n)
