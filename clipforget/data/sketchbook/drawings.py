"""The two drawn styles without colour: ink (black-and-white drawing) and pencil (sketch)."""

from __future__ import annotations

import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from clipforget.data.sketchbook.canvas import Part
from clipforget.data.sketchbook.raster import BOX, SCALE, closed, flat, noise_source, tones
from clipforget.data.sketchbook.scene import Scene
from clipforget.data.sketchbook.textures import grain, grid, hatching

_EIGHT_GREYS = [round(round(v * 7 / 255) * 255 / 7) for v in range(256)]  # a pen has few tones, and few compress well


def ink(scene: Scene, rng: Random, size: int) -> Image.Image:
    """Black-and-white drawing: ink lines, hatching in two densities, solid blacks. RGB with equal channels."""
    n = size * SCALE
    tone_image, line_image = Image.new("L", (n, n), 255), Image.new("L", (n, n), 255)
    tone, lines = ImageDraw.Draw(tone_image), ImageDraw.Draw(line_image)
    pen = n / rng.uniform(105, 140)
    black_sky = scene.night and rng.random() < 0.4
    if black_sky:
        tone.rectangle([0, 0, n, n], fill=0)
    tones(scene.back, tone, n, 0.3 if black_sky else 0.62)
    tones(scene.props, tone, n, 0.7)
    _contours(lines, scene.back + scene.props, n, pen * 0.6)
    for part in scene.subject:
        xy = flat(part, n) if part.fill is None else closed(flat(part, n))
        lines.line(xy, fill=255, width=round(pen * 4.5))
        tone.line(xy, fill=255, width=round(pen * 4.5))
    for part in scene.subject:
        xy = flat(part, n) if part.fill is None else closed(flat(part, n))
        lines.line(xy, fill=0, width=round(pen * 2.2), joint="curve")
    tones(scene.subject, tone, n, 0.6 if black_sky else rng.uniform(0.05, 0.3))
    _contours(lines, scene.subject, n, pen * 0.85)
    tones(scene.front, tone, n, 0.6)
    _contours(lines, scene.front, n, pen * 0.8)
    out = _hatch(np.asarray(tone_image), np.array(line_image), rng)
    return Image.fromarray(out).resize((size, size), BOX).point(_EIGHT_GREYS).convert("RGB")


def _contours(lines: ImageDraw.ImageDraw, parts: list[Part], n: int, pen: float) -> None:
    """Outline parts in black, each hiding the lines of the parts behind it; ``pen`` is the normal width in pixels."""
    for part in parts:
        xy = flat(part, n)
        if part.fill is None:
            lines.line(xy, fill=0, width=max(1, round(pen * part.weight * 0.8)))
            continue
        lines.polygon(xy, fill=255)
        if part.weight:
            lines.line(closed(xy), fill=0, width=max(1, round(pen * part.weight)), joint="curve")


def _hatch(tone: np.ndarray, out: np.ndarray, rng: Random) -> np.ndarray:
    """Ink the tones (n, n, 0..255) into the line picture ``out``: black, cross-hatched, hatched or left white."""
    n = tone.shape[0]
    x, y = grid(n)
    a = math.radians(rng.choice((35, 45, 55, -45, -35, 90)))
    step = n / rng.uniform(34, 44)
    wave = np.sin((x - y) * (9 / n)) * (step * 0.25)
    first = (x * math.cos(a) + y * math.sin(a) + wave) % step
    second = (x * math.cos(a + 1.3) + y * math.sin(a + 1.3) - wave) % step
    low, mid, high = (v + rng.uniform(-10, 10) for v in (66, 106, 164))
    out[(tone < high) & (first < step * 0.25)] = 0
    out[(tone < mid) & (second < step * 0.25)] = 0
    out[tone < low] = 0
    return out


def pencil(scene: Scene, rng: Random, size: int) -> Image.Image:
    """Pencil sketch: wobbly repeated lines, stroke shading, guide lines, paper. RGB with equal channels."""
    n = size * SCALE
    tone_image, line_image = Image.new("L", (n, n), 255), Image.new("L", (n, n), 255)
    tone, lines = ImageDraw.Draw(tone_image), ImageDraw.Draw(line_image)
    source = noise_source(rng)
    lead = rng.randint(40, 80)
    tones(scene.back, tone, n, 0.66)
    tones(scene.props, tone, n, 0.5)
    _scribble(lines, scene.back + scene.props, n, source, 1, lead + 75, max(1, n // 190))
    tones(scene.subject, tone, n, 0.0)
    _scribble(lines, scene.subject, n, source, 2, lead, max(1, n // 125))
    tones(scene.front, tone, n, 0.4)
    _scribble(lines, scene.front, n, source, 1, lead + 30, max(1, n // 140))
    if rng.random() < 0.75:
        _construction(scene, lines, n, rng)
    depth = 1 - np.asarray(tone_image.filter(ImageFilter.BoxBlur(n / 130)), np.float32) / 255
    depth = np.clip((depth - 0.02) * 1.1, 0, 1)
    shadow = np.clip((depth * 1.05 - hatching(n, rng.randrange(4))) * 2.4 + 0.12, 0, 1) * (0.2 + 0.62 * depth)
    fibre = grain(n, "paper")
    drawn = (255 - np.asarray(line_image, np.float32)) / 255 * (0.93 + 0.12 * fibre)
    out = (rng.uniform(236, 248) + 2.4 * fibre) * (1 - shadow * 0.86) * (1 - np.clip(drawn, 0, 0.95))
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8)).resize((size, size), BOX).convert("RGB")


def _scribble(
    lines: ImageDraw.ImageDraw,
    parts: list[Part],
    n: int,
    source: np.random.Generator,
    passes: int,
    grey: int,
    width: int,
) -> None:
    """Draw outlines ``passes`` times with a wandering hand, each part hiding the lines behind it."""
    wander = n / 110
    for part in parts:
        path = part.points
        if part.fill is not None:
            lines.polygon(flat(part, n), fill=255)
            if not part.weight:
                continue
            path = np.roll(path, int(source.integers(len(path))), 0)
            path = np.concatenate([path, path[:3]])
        t = np.arange(len(path))[:, None]
        for i in range(passes if part.fill is not None else 1):
            phase, drift = source.uniform(0, 6, (2, 2)), source.normal(0, wander * 0.4, (1, 2))
            shift = np.sin(t * 0.55 + phase[0]) * wander * 0.55 + np.sin(t * 0.21 + phase[1]) * wander * 0.5 + drift
            lines.line(
                (path * n + shift).ravel().tolist(),
                fill=min(235, grey + 26 * i),
                width=max(1, round(width * min(1.2, part.weight))),
            )


def _construction(scene: Scene, lines: ImageDraw.ImageDraw, n: int, rng: Random) -> None:
    """Faint straight guide lines and an ellipse around the subject."""
    p = np.concatenate([part.points for part in scene.subject]) * n
    (x0, y0), (x1, y1) = p.min(0), p.max(0)
    over = n * 0.07
    cy, cx = rng.uniform(y0, y1), (x0 + x1) / 2
    lines.line([x0 - over, cy, x1 + over, cy + rng.uniform(-over, over)], fill=178, width=1)
    lines.line([cx, y0 - over, cx + rng.uniform(-over, over), y1 + over], fill=178, width=1)
    lines.ellipse([x0 - 4, y0 - 4, x1 + 4, y1 + 4], outline=186, width=1)
