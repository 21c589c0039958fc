"""Four ways to render a scene: colour painting, poster, black-and-white drawing, pencil sketch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from clipforget.data.sketchbook.canvas import DARK, RGB, Part, mix, shade
from clipforget.data.sketchbook.scene import Scene
from clipforget.data.sketchbook.textures import dabs, grain, grid, hatching

SCALE = 3  # supersampling
BOX = Image.Resampling.BOX


def noise_source(rng: Random) -> np.random.Generator:
    """A numpy generator seeded from ``rng`` the same way on every machine."""
    digest = hashlib.sha256(str(rng.getrandbits(64)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _flat(part: Part, n: int) -> list[float]:
    return (part.points * n).ravel().tolist()


def _closed(xy: list[float]) -> list[float]:
    return xy + xy[:4]


def _mask(parts: list[Part], n: int, widen: int = 0) -> Image.Image:
    """Silhouette of the parts as an "L" image of n x n pixels, 255 inside, optionally widened by pixels."""
    image = Image.new("L", (n, n), 0)
    draw = ImageDraw.Draw(image)
    for part in parts:
        xy = _flat(part, n)
        if part.fill is not None:
            draw.polygon(xy, fill=255)
            if widen:
                draw.line(_closed(xy), fill=255, width=widen, joint="curve")
        else:
            draw.line(xy, fill=255, width=max(2, widen))
    return image


def luminance(colour: RGB) -> float:
    """Perceived lightness of an RGB colour (0..255 channels) as 0..1."""
    return (0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]) / 255


def paint(scene: Scene, rng: Random, size: int) -> Image.Image:
    """Colour painting: gradients and soft light under visible brush dabs on canvas."""
    n = size * SCALE
    work = size * 2
    strip = np.linspace(0, 1, 64, dtype=np.float32)[:, None, None]
    sky = np.asarray(scene.sky[0], np.float32) * (1 - strip) + np.asarray(scene.sky[1], np.float32) * strip
    image = Image.fromarray(sky.astype(np.uint8)).resize((n, n), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    fine_line = max(1, round(n / 170))

    def put(parts: list[Part], outline: float) -> None:
        for part in parts:
            xy = _flat(part, n)
            if part.fill is None:
                draw.line(xy, fill=part.stroke, width=max(1, round(fine_line * part.weight * 1.2)))
                continue
            draw.polygon(xy, fill=part.fill)
            if outline and part.weight:
                draw.line(_closed(xy), fill=shade(part.fill, 0.62), width=max(1, round(fine_line * part.weight * outline)))

    put(scene.back, 0)
    put(scene.subject, 1)
    mask = _mask(scene.subject, work)
    put(scene.front, 0.5)
    base = np.asarray(image.resize((work, work), BOX), np.float32)
    form = np.asarray(mask.filter(ImageFilter.BoxBlur(work / 22)), np.float32) / 255
    inside = np.asarray(mask, np.float32) / 255
    k = work // 24
    light = np.roll(form, (k, k), (0, 1)) - np.roll(form, (-k, -k), (0, 1))  # > 0 towards the upper left rim's inside
    light = light * inside * -0.34 * (1 if rng.random() < 0.8 else -1)
    x, y = grid(work)
    tilt = rng.uniform(-1, 1)
    light = light + (0.1 * (0.5 - y / work) + 0.06 * tilt * (x / work - 0.5)) * (1 if not scene.night else 0.5)
    base = base * (1 + light[:, :, None])
    coarse, relief = dabs(work, work / 12, work / 34, rng.randrange(3))
    fine, fine_relief = dabs(work, work / 40, work / 96, 3 + rng.randrange(3))
    strokes = base.reshape(-1, 3)
    keep = np.asarray(mask.filter(ImageFilter.MaxFilter(5))) > 127
    out = np.take(strokes, np.where(keep.ravel(), fine, coarse), axis=0).reshape(base.shape)
    out += (base - out) * (keep * np.float32(0.62))[:, :, None]
    bump = np.where(keep, fine_relief * 1.1, relief * 1.5)
    out *= (1 + bump + 0.014 * grain(work, "canvas"))[:, :, None]
    warm = rng.uniform(-0.05, 0.07)
    out = out * np.array([1 + warm, 1.0, 1 - warm], np.float32) * rng.uniform(0.92, 1.06)
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8)).resize((size, size), BOX)


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
    return min(palette, key=lambda p: 2.6 * abs(luminance(p) - lum) * 255 + sum(abs(a - b) for a, b in zip(p, colour, strict=True)) * 0.6)


def _motif(draw: ImageDraw.ImageDraw, rng: Random, n: int, one: RGB, two: RGB) -> None:
    """Fill the sheet with a graphic background: rays, stripes, dots, disc or plain."""
    draw.rectangle([0, 0, n, n], fill=one)
    kind = rng.choice(("rays", "rays", "stripes", "dots", "disc", "plain"))
    if kind == "rays":
        cx, cy, count = n * rng.uniform(0.3, 0.7), n * rng.uniform(0.45, 0.9), rng.choice((10, 14, 18))
        turn = rng.uniform(0, 1)
        for i in range(count):
            a, b = 2 * math.pi * (i + turn) / count, 2 * math.pi * (i + turn + 0.5) / count
            draw.polygon([cx, cy, cx + 2 * n * math.cos(a), cy + 2 * n * math.sin(a), cx + 2 * n * math.cos(b), cy + 2 * n * math.sin(b)], fill=two)
    elif kind == "stripes":
        step, lean = n / rng.choice((5, 7, 9)), rng.choice((0, n * 0.5, -n * 0.5))
        for i in range(-12, 24):
            draw.polygon([i * step, 0, i * step + step / 2, 0, i * step + step / 2 + lean, n, i * step + lean, n], fill=two)
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
    """Poster: five flat inks, bold outline, graphic background, cut shadow, often a frame."""
    n = size * SCALE
    palette = rng.choice(POSTERS)
    dark, light = palette[0], palette[-1]
    image = Image.new("RGB", (n, n))
    draw = ImageDraw.Draw(image)
    one = rng.choice(palette[1:])
    two = rng.choice([c for c in palette[1:] if c != one]) if rng.random() < 0.3 else mix(one, light if luminance(one) < 0.7 else palette[3], 0.32)
    _motif(draw, rng, n, one, two)
    line = max(1, round(n / 84))

    def put(parts: list[Part], outline: float) -> None:
        for part in parts:
            xy = _flat(part, n)
            if part.fill is None:
                draw.line(xy, fill=_nearest(part.stroke, palette), width=max(1, round(line * part.weight * 0.8)))
                continue
            draw.polygon(xy, fill=_nearest(part.fill, palette))
            if outline and part.weight >= 0.5:
                draw.line(_closed(xy), fill=dark, width=max(1, round(line * min(part.weight, 1) * outline)))

    if rng.random() < 0.55:
        put(scene.back, 0)
    mask = _mask(scene.subject, n)
    halo = light if luminance(one) < 0.72 or rng.random() < 0.5 else dark
    border = round(n / rng.choice((20, 26, 40)))
    for part in scene.subject:
        xy = _flat(part, n)
        draw.line(_closed(xy) if part.fill is not None else xy, fill=halo, width=border, joint="curve")
    put(scene.subject, 0.75)
    k = n // 26
    rim = ImageChops.subtract(mask, ImageChops.offset(mask, -k, -k))
    image.paste(Image.blend(image, Image.new("RGB", (n, n), dark), 0.32), mask=rim)
    put(scene.front, 0)
    if rng.random() < 0.5:
        f = n // 24
        draw.rectangle([0, 0, n, n], outline=light, width=f)
        if rng.random() < 0.5:
            draw.rectangle([0, n - 3 * f, n, n], fill=light)
            x = n * rng.uniform(0.1, 0.3)
            while x < n * 0.8:
                w = n * rng.uniform(0.02, 0.06)
                draw.rectangle([x, n - 2.2 * f, x + w, n - 1.0 * f], fill=dark)
                x += w + n * 0.018
    return image.resize((size, size), BOX)


def _tones(parts: list[Part], tone: ImageDraw.ImageDraw, n: int, lift: float) -> None:
    """Lay each part's lightness (0..255, raised towards white by ``lift`` 0..1) into a tone picture."""
    for part in parts:
        if part.fill is not None:
            tone.polygon(_flat(part, n), fill=int(255 * (1 - (1 - luminance(part.fill)) * (1 - lift))))


def ink(scene: Scene, rng: Random, size: int) -> Image.Image:
    """Black-and-white drawing: clean ink lines, hatching in two densities and solid blacks on white."""
    n = size * SCALE
    tone_image, line_image = Image.new("L", (n, n), 255), Image.new("L", (n, n), 255)
    tone, lines = ImageDraw.Draw(tone_image), ImageDraw.Draw(line_image)
    pen = n / rng.uniform(105, 140)
    black_sky = scene.night and rng.random() < 0.5
    if black_sky:
        tone.rectangle([0, 0, n, n], fill=0)

    def put(parts: list[Part], weight: float) -> None:
        for part in parts:
            xy = _flat(part, n)
            if part.fill is None:
                lines.line(xy, fill=0, width=max(1, round(pen * part.weight * 0.8 * weight)))
                continue
            lines.polygon(xy, fill=255)
            if part.weight:
                lines.line(_closed(xy), fill=0, width=max(1, round(pen * part.weight * weight)), joint="curve")

    _tones(scene.back, tone, n, 0.0 if black_sky else 0.62)
    put(scene.back, 0.6)
    halo = round(pen * 4.5)
    for part in scene.subject:
        xy = _flat(part, n)
        closed = _closed(xy) if part.fill is not None else xy
        lines.line(closed, fill=255, width=halo)
        tone.line(closed, fill=255, width=halo)
    for part in scene.subject:
        xy = _flat(part, n)
        lines.line(_closed(xy) if part.fill is not None else xy, fill=0, width=round(pen * 2.2), joint="curve")
    _tones(scene.subject, tone, n, 0.1)
    put(scene.subject, 0.85)
    _tones(scene.front, tone, n, 0.6)
    put(scene.front, 0.8)
    t, out = np.asarray(tone_image), np.array(line_image)
    x, y = grid(n)
    a = math.radians(rng.choice((35, 45, 55, -45, -35, 90)))
    step = n / rng.uniform(34, 44)
    wave = np.sin((x - y) * (9 / n)) * (step * 0.25)
    first = (x * math.cos(a) + y * math.sin(a) + wave) % step
    second = (x * math.cos(a + 1.3) + y * math.sin(a + 1.3) - wave) % step
    low, mid, high = (v + rng.uniform(-10, 10) for v in (64, 118, 172))
    out[t < low] = 0
    out[(t < high) & (first < step * 0.3)] = 0
    out[(t < mid) & (second < step * 0.3)] = 0
    out[(np.asarray(line_image) == 255) & (t >= high)] = 255
    return Image.fromarray(out).resize((size, size), BOX).convert("RGB")


def pencil(scene: Scene, rng: Random, size: int) -> Image.Image:
    """Pencil sketch: repeated wobbly grey lines, stroke shading, construction lines, paper grain."""
    n = size * SCALE
    tone_image, line_image = Image.new("L", (n, n), 255), Image.new("L", (n, n), 255)
    tone, lines = ImageDraw.Draw(tone_image), ImageDraw.Draw(line_image)
    source = noise_source(rng)
    lead = rng.randint(40, 80)
    wander = n / 110

    def scribble(points: np.ndarray, passes: int, grey: int, width: int) -> None:
        t = np.arange(len(points))[:, None]
        for i in range(passes):
            phase, drift = source.uniform(0, 6, (2, 2)), source.normal(0, wander * 0.4, (1, 2))
            shift = np.sin(t * 0.55 + phase[0]) * wander * 0.55 + np.sin(t * 0.21 + phase[1]) * wander * 0.5 + drift
            lines.line((points * n + shift).ravel().tolist(), fill=min(235, grey + 26 * i), width=width)

    def put(parts: list[Part], passes: int, grey: int, width: int) -> None:
        for part in parts:
            if part.fill is not None:
                if passes > 1 or part.weight:
                    lines.polygon(_flat(part, n), fill=255)
                if part.weight:
                    start = int(source.integers(len(part.points)))
                    ring = np.roll(part.points, start, 0)
                    scribble(np.concatenate([ring, ring[:3]]), passes, grey, max(1, round(width * min(1.2, part.weight))))
            else:
                scribble(part.points, 1, grey, max(1, round(width * min(1.3, part.weight))))

    _tones(scene.back, tone, n, 0.66)
    put(scene.back, 1, lead + 75, max(1, n // 190))
    _tones(scene.subject, tone, n, 0.0)
    put(scene.subject, 2, lead, max(1, n // 125))
    _tones(scene.front, tone, n, 0.4)
    put(scene.front, 1, lead + 30, max(1, n // 140))
    if rng.random() < 0.75:
        _construction(scene, lines, n, rng)
    t = np.asarray(tone_image.filter(ImageFilter.BoxBlur(n / 130)), np.float32) / 255
    strokes = hatching(n, rng.randrange(4))
    depth = np.clip((0.98 - t) * 1.1, 0, 1)
    shadow = np.clip((depth * 1.05 - strokes) * 2.4 + 0.12, 0, 1) * (0.2 + 0.62 * depth)
    paper = rng.uniform(236, 248) + 3.2 * grain(n, "paper")
    lead_map = (255 - np.asarray(line_image, np.float32)) / 255 * (0.93 + 0.12 * grain(n, "paper"))
    out = paper * (1 - shadow * 0.86) * (1 - np.clip(lead_map, 0, 0.95))
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8)).resize((size, size), BOX).convert("RGB")


def _construction(scene: Scene, lines: ImageDraw.ImageDraw, n: int, rng: Random) -> None:
    """Faint straight guide lines and an ellipse around the subject."""
    p = np.concatenate([part.points for part in scene.subject]) * n
    (x0, y0), (x1, y1) = p.min(0), p.max(0)
    over = n * 0.07
    cy, cx = rng.uniform(y0, y1), (x0 + x1) / 2
    lines.line([x0 - over, cy, x1 + over, cy + rng.uniform(-over, over)], fill=178, width=1)
    lines.line([cx, y0 - over, cx + rng.uniform(-over, over), y1 + over], fill=178, width=1)
    lines.ellipse([x0 - 4, y0 - 4, x1 + 4, y1 + 4], outline=186, width=1)


RENDER: dict[str, Callable[[Scene, Random, int], Image.Image]] = {
    "colour painting": paint, "poster": poster, "black-and-white drawing": ink, "pencil sketch": pencil,
}
