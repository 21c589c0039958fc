"""The colour painting style."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from clipforget.data.sketchbook.canvas import Part, shade
from clipforget.data.sketchbook.raster import BOX, SCALE, closed, flat, silhouette
from clipforget.data.sketchbook.scene import Scene
from clipforget.data.sketchbook.textures import dabs, grain, grid


def paint(scene: Scene, rng: Random, size: int) -> Image.Image:
    """Colour painting: gradients and soft light under visible brush dabs on canvas. RGB, ``size`` pixels square."""
    n, work = size * SCALE, size * 2
    strip = np.linspace(0, 1, 64, dtype=np.float32)[:, None, None]
    sky = np.asarray(scene.sky[0], np.float32) * (1 - strip) + np.asarray(scene.sky[1], np.float32) * strip
    image = Image.fromarray(sky.astype(np.uint8)).resize((n, n), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    for parts, outline in ((scene.back, 0.0), (scene.props, 0.6), (scene.subject, 1.0), (scene.front, 0.5)):
        _block_in(draw, parts, outline, n)
    subject = silhouette(scene.subject, work)
    careful = ImageChops.lighter(subject, silhouette(scene.props, work)) if scene.props else subject
    base = np.asarray(image.resize((work, work), BOX), np.float32)
    base = base * (1 + _light(subject, scene.night, rng))[:, :, None]
    out = _brush(base, careful, rng)
    warm = rng.uniform(-0.05, 0.07)
    out = out * (np.array([1 + warm, 1.0, 1 - warm], np.float32) * np.float32(rng.uniform(0.92, 1.06)))
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8)).resize((size, size), BOX)


def _block_in(draw: ImageDraw.ImageDraw, parts: list[Part], outline: float, n: int) -> None:
    """Fill parts flat, edged in a darker shade of their own colour."""
    fine = max(1, round(n / 170))
    for part in parts:
        xy = flat(part, n)
        if part.fill is None:
            draw.line(xy, fill=part.stroke, width=max(1, round(fine * part.weight * 1.2)))
            continue
        draw.polygon(xy, fill=part.fill)
        if outline and part.weight:
            width = max(1, round(fine * part.weight * outline))
            draw.line(closed(xy), fill=shade(part.fill, 0.62), width=width)


def _light(subject: Image.Image, night: bool, rng: Random) -> np.ndarray:
    """Relative brightening (n, n): the subject's lit and shaded sides, and a soft fall of light over the picture."""
    n = subject.width
    form = np.asarray(subject.filter(ImageFilter.BoxBlur(n / 22)), np.float32) / 255
    k = n // 24
    slope = np.roll(form, (-k, -k), (0, 1)) - np.roll(form, (k, k), (0, 1))
    side = 0.34 if rng.random() < 0.8 else -0.34
    x, y = grid(n)
    fall = (0.1 * (0.5 - y / n) + 0.06 * rng.uniform(-1, 1) * (x / n - 0.5)) * (0.5 if night else 1)
    return slope * (np.asarray(subject, np.float32) * np.float32(side / 255)) + fall


def _brush(base: np.ndarray, careful: Image.Image, rng: Random) -> np.ndarray:
    """Repaint an (n, n, 3) picture in dabs: broad ones, but small and see-through ones where ``careful`` is set."""
    n = base.shape[0]
    broad, relief = dabs(n, n / 15, n / 40, rng.randrange(3))
    small, small_relief = dabs(n, n / 40, n / 96, 3 + rng.randrange(3))
    keep = np.asarray(careful.filter(ImageFilter.MaxFilter(5))) > 127
    out = np.take(base.reshape(-1, 3), np.where(keep.ravel(), small, broad), axis=0).reshape(base.shape)
    out += (base - out) * np.where(keep, np.float32(0.62), np.float32(0.2))[:, :, None]
    bump = np.where(keep, small_relief * np.float32(1.1), relief * np.float32(1.5))
    out *= (1 + bump + np.float32(0.014) * grain(n, "canvas"))[:, :, None]
    return out
