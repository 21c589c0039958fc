"""The poster style."""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random

from PIL import Image, ImageChops, ImageDraw

from clipforget.data.sketchbook.canvas import RGB, Part, mix
from clipforget.data.sketchbook.raster import BOX, SCALE, closed, flat, luminance, silhouette
from clipforget.data.sketchbook.scene import Scene

POSTERS: tuple[tuple[RGB, ...], ...] = (  # darkest to lightest, two accents in the middle
    ((38, 44, 72), (206, 68, 58), (52, 130, 138), (240, 178, 76), (246, 236, 212)),
    ((52, 36, 62), (222, 92, 88), (112, 92, 160), (250, 192, 120), (252, 240, 222)),
    ((24, 58, 72), (232, 112, 56), (88, 160, 150), (244, 204, 106), (248, 242, 224)),
    ((44, 52, 44), (190, 72, 50), (96, 136, 88), (228, 184, 92), (242, 234, 206)),
    ((34, 38, 60), (228, 84, 112), (64, 128, 190), (252, 206, 84), (240, 244, 240)),
    ((60, 40, 36), (200, 84, 60), (84, 124, 132), (226, 168, 110), (248, 232, 208)),
)


@lru_cache(maxsize=65536)
def _nearest(colour: RGB, palette: tuple[RGB, ...]) -> RGB:
    lum = luminance(colour)

    def distance(ink: RGB) -> float:
        return 1.9 * abs(luminance(ink) - lum) * 255 + 0.6 * sum(abs(a - b) for a, b in zip(ink, colour, strict=True))

    return min(palette, key=distance)


def _motif(draw: ImageDraw.ImageDraw, rng: Random, n: int, one: RGB, two: RGB) -> None:
    """Fill the sheet with a graphic background: rays, stripes, dots, disc or plain."""
    draw.rectangle([0, 0, n, n], fill=one)
    kind = rng.choice(("rays", "rays", "stripes", "dots", "disc", "plain"))
    if kind == "rays":
        cx, cy, count = n * rng.uniform(0.3, 0.7), n * rng.uniform(0.45, 0.9), rng.choice((10, 14, 18))
        turn = rng.uniform(0, 1)
        for i in range(count):
            a, b = 2 * math.pi * (i + turn) / count, 2 * math.pi * (i + turn + 0.5) / count
            far = [(cx + 2 * n * math.cos(t), cy + 2 * n * math.sin(t)) for t in (a, b)]
            draw.polygon([(cx, cy), *far], fill=two)
    elif kind == "stripes":
        step, lean = n / rng.choice((5, 7, 9)), rng.choice((0, n * 0.5, -n * 0.5))
        for i in range(-12, 24):
            x0, x1 = i * step, (i + 0.5) * step
            draw.polygon([x0, 0, x1, 0, x1 + lean, n, x0 + lean, n], fill=two)
    elif kind == "dots":
        step = n / 15
        for j in range(16):
            for i in range(16):
                r = step * 0.52 * j / 15
                x, y = (i + 0.5 * (j % 2)) * step, j * step
                draw.ellipse([x - r, y - r, x + r, y + r], fill=two)
    elif kind == "disc":
        r, cx, cy = n * rng.uniform(0.3, 0.42), n * rng.uniform(0.4, 0.6), n * rng.uniform(0.4, 0.55)
        draw.ellipse([cx - r, cy - r, cx + r, cy + r], fill=two)


def poster(scene: Scene, rng: Random, size: int) -> Image.Image:
    """Poster: five flat inks, bold outline, graphic background, cut shadow, often a frame. RGB, ``size`` square."""
    n = size * SCALE
    palette = rng.choice(POSTERS)
    dark, light = palette[0], palette[-1]
    image = Image.new("RGB", (n, n))
    draw = ImageDraw.Draw(image)
    one = rng.choice(palette[1:])
    two = mix(one, light if luminance(one) < 0.7 else palette[3], 0.32)
    if rng.random() < 0.3:
        two = rng.choice([c for c in palette[1:] if c != one])
    _motif(draw, rng, n, one, two)
    if rng.random() < 0.55:
        _print(draw, scene.back, palette, n, 0)
    _print(draw, scene.props, palette, n, 0)
    halo = light if luminance(one) < 0.72 or rng.random() < 0.5 else dark
    border = round(n / rng.choice((20, 26, 40)))
    for part in scene.subject:
        xy = flat(part, n)
        draw.line(closed(xy) if part.fill is not None else xy, fill=halo, width=border, joint="curve")
    _print(draw, scene.subject, palette, n, 0.75)
    k = n // 26
    shape = silhouette(scene.subject, n)
    rim = ImageChops.subtract(shape, ImageChops.offset(shape, -k, -k))
    image.paste(Image.blend(image, Image.new("RGB", (n, n), dark), 0.32), mask=rim)
    _print(draw, scene.front, palette, n, 0)
    if rng.random() < 0.5:
        _frame(draw, rng, n, light, dark)
    return image.resize((size, size), BOX)


def _print(draw: ImageDraw.ImageDraw, parts: list[Part], palette: tuple[RGB, ...], n: int, outline: float) -> None:
    """Fill parts with the nearest inks, outlined in the darkest one if ``outline`` (relative width) is not 0."""
    line = max(1, round(n / 84))
    for part in parts:
        xy = flat(part, n)
        if part.fill is None:
            draw.line(xy, fill=_nearest(part.stroke, palette), width=max(1, round(line * part.weight * 0.8)))
            continue
        draw.polygon(xy, fill=_nearest(part.fill, palette))
        if outline and part.weight >= 0.5:
            draw.line(closed(xy), fill=palette[0], width=max(1, round(line * min(part.weight, 1) * outline)))


def _frame(draw: ImageDraw.ImageDraw, rng: Random, n: int, light: RGB, dark: RGB) -> None:
    """A pale frame, half the time with a strip of unreadable lettering at the foot."""
    f = n // 24
    draw.rectangle([0, 0, n, n], outline=light, width=f)
    if rng.random() < 0.5:
        draw.rectangle([0, n - 3 * f, n, n], fill=light)
        x = n * rng.uniform(0.1, 0.3)
        while x < n * 0.8:
            w = n * rng.uniform(0.02, 0.06)
            draw.rectangle([x, n - 2.2 * f, x + w, n - 1.0 * f], fill=dark)
            x += w + n * 0.018
