"""Backgrounds shared by all superclasses: skies, land, sea, city, and things that stand in front.

Everything here is in picture units: x and y run 0..1 over the image, drawn well past its edges so that the
whole scene may be turned.
"""

from __future__ import annotations

import math
from random import Random

from clipforget.data.sketchbook.canvas import RGB, WHITE, Pen, mix, pick, shade, vary

SKIES: dict[str, tuple[RGB, RGB, RGB]] = {  # top, bottom, tint of the land
    "day": ((112, 172, 220), (216, 234, 238), (255, 255, 255)),
    "dawn": ((240, 178, 160), (252, 230, 196), (255, 232, 214)),
    "sunset": ((104, 84, 146), (246, 158, 98), (255, 206, 178)),
    "overcast": ((160, 174, 184), (222, 224, 220), (226, 230, 236)),
    "night": ((22, 30, 64), (70, 88, 138), (136, 150, 200)),
    "mint": ((140, 202, 190), (240, 240, 212), (248, 255, 240)),
}
GRASS: tuple[RGB, ...] = ((128, 166, 88), (104, 150, 92), (168, 178, 96), (146, 172, 112))
SAND: tuple[RGB, ...] = ((232, 206, 152), (222, 184, 130), (238, 218, 176))
SNOW: RGB = (236, 240, 246)
WATER: tuple[RGB, ...] = ((62, 122, 168), (54, 140, 156), (84, 150, 190), (72, 116, 140))


def _tint(colour: RGB, tint: RGB) -> RGB:
    return colour[0] * tint[0] // 255, colour[1] * tint[1] // 255, colour[2] * tint[2] // 255


def cloud(pen: Pen, x: float, y: float, size: float, colour: RGB, rng: Random) -> None:
    """A flat-bottomed puffy cloud ``size`` wide."""
    s = size / 2
    a, b = rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.6)
    pen.blob(
        [
            (x - s, y),
            (x - s * 0.9, y - s * b * 0.6),
            (x - s * 0.5, y - s * b),
            (x - s * 0.1, y - s * a),
            (x + s * 0.4, y - s * b),
            (x + s * 0.85, y - s * b * 0.55),
            (x + s, y),
            (x, y + s * 0.06),
        ],
        colour,
        0.6,
    )


def ridge(
    pen: Pen, y: float, height: float, colour: RGB, rng: Random, peaks: int, soft: bool, line: float = 0.6
) -> None:
    """A band of hills (``soft``) or mountains from x = -0.6 to 1.6 with its foot at ``y``."""
    points = []
    for i in range(peaks * 2 + 1):
        rise = rng.uniform(0.6, 1.1) if i % 2 else rng.uniform(0, 0.3)
        points.append((-0.6 + 2.2 * i / (peaks * 2), y - height * rise))
    ends = [(1.7, y + 0.3), (1.7, y + 0.3), (-0.7, y + 0.3), (-0.7, y + 0.3)]
    if soft:
        pen.blob(points + ends, colour, line)
    else:
        pen.poly(points + ends[::2], colour, line)
        for x, top in points[1::2]:
            cap = height * 0.2
            pen.poly(
                [
                    (x, top),
                    (x + cap * 0.6, top + cap),
                    (x + cap * 0.1, top + cap * 0.8),
                    (x - cap * 0.4, top + cap * 1.1),
                ],
                mix(colour, WHITE, 0.75),
                0,
            )


def floor(pen: Pen, y: float, colour: RGB, wave: float, rng: Random, line: float = 0.8) -> None:
    """The ground or water below ``y``, its edge gently curved by ``wave``."""
    p = rng.uniform(0, 6)
    edge = [(-0.7 + 0.3 * i, y + wave * math.sin(p + 1.3 * i)) for i in range(9)]
    pen.blob([*edge, (1.7, 1.9), (1.7, 1.9), (-0.7, 1.9), (-0.7, 1.9)], colour, line)


def skyline(pen: Pen, y: float, colour: RGB, rng: Random, night: bool) -> None:
    """A row of town buildings with lit or dark windows standing on ``y``."""
    x = -0.6
    while x < 1.6:
        w, h = rng.uniform(0.08, 0.17), rng.uniform(0.12, 0.42)
        tone = vary(rng, mix(colour, WHITE, rng.uniform(0, 0.3)), 10)
        pen.rect(x, y - h, x + w, y + 0.05, tone, 0.5)
        if rng.random() < 0.2:
            pen.poly([(x, y - h), (x + w / 2, y - h - 0.06), (x + w, y - h)], shade(tone, 0.8), 0.5)
        pane = (244, 216, 130) if night else shade(tone, 0.75)
        for i in range(2):
            for j in range(int(h / 0.07)):
                if rng.random() < 0.75 and -0.1 < x < 1.1:
                    pen.rect(
                        x + w * (0.18 + 0.4 * i),
                        y - h + 0.025 + j * 0.065,
                        x + w * (0.4 + 0.4 * i),
                        y - h + 0.055 + j * 0.065,
                        pane,
                        0,
                    )
        x += w * rng.uniform(0.95, 1.3)


def bush(pen: Pen, x: float, y: float, size: float, colour: RGB, rng: Random) -> None:
    """A lumpy bush ``size`` wide standing on ``y``."""
    s = size / 2
    n = rng.randint(5, 7)
    angles = [math.pi * i / n for i in range(n + 1)]
    top = [(x - s * math.cos(a), y - s * rng.uniform(0.75, 1.15) * math.sin(a)) for a in angles]
    pen.blob([(x - s * 1.05, y + 0.02), *top, (x + s * 1.05, y + 0.02)], colour, 0.8)
    for _ in range(3):
        dx, dy = rng.uniform(-0.6, 0.5) * s, rng.uniform(0.2, 0.7) * s
        pen.line([(x + dx - 0.02, y - dy), (x + dx, y - dy - 0.02), (x + dx + 0.02, y - dy)], shade(colour, 0.7), 0.7)


def small_tree(pen: Pen, x: float, y: float, size: float, colour: RGB) -> None:
    """A far-off tree: lollipop crown on a stick."""
    pen.rect(x - size * 0.06, y - size * 0.5, x + size * 0.06, y, (116, 86, 64), 0.4)
    pen.oval(x, y - size * 0.75, size * 0.3, size * 0.36, colour, line=0.5)


def fence(pen: Pen, y: float, colour: RGB, rng: Random) -> None:
    """A picket fence across the picture with its foot at ``y``."""
    h, x = rng.uniform(0.1, 0.14), -0.6 + rng.uniform(0, 0.1)
    pen.rect(-0.7, y - h * 0.7, 1.7, y - h * 0.52, shade(colour, 0.9), 0.6)
    pen.rect(-0.7, y - h * 0.34, 1.7, y - h * 0.16, shade(colour, 0.9), 0.6)
    while x < 1.6:
        pen.poly([(x, y), (x, y - h), (x + 0.02, y - h - 0.025), (x + 0.04, y - h), (x + 0.04, y)], colour, 0.6)
        x += 0.11


def tuft(pen: Pen, x: float, y: float, size: float, colour: RGB, rng: Random) -> None:
    """Blades of grass fanning up from (x, y)."""
    for i in range(5):
        lean = (i - 2) * 0.22 * size + rng.uniform(-0.1, 0.1) * size
        pen.poly(
            [(x - size * 0.07, y), (x + lean, y - size * rng.uniform(0.7, 1.1)), (x + size * 0.07, y)],
            vary(rng, colour, 10),
            0.5,
        )


def ripples(pen: Pen, y0: float, y1: float, colour: RGB, rng: Random, count: int) -> None:
    """Short curved water strokes between two heights."""
    for _ in range(count):
        x, y, w = rng.uniform(-0.1, 1.0), rng.uniform(y0, y1), rng.uniform(0.04, 0.12)
        pen.line([(x, y), (x + w * 0.5, y - 0.012), (x + w, y), (x + w * 1.5, y + 0.01)], colour, 0.9, True)


def waves(pen: Pen, y: float, colour: RGB, rng: Random, height: float = 0.02) -> None:
    """A sea front with a scalloped edge, covering everything below ``y``."""
    step, p = rng.uniform(0.1, 0.16), rng.uniform(0, 1)
    edge = []
    for i in range(int(2.4 / step) + 1):
        edge += [(-0.7 + (i + p) * step, y + height * rng.uniform(0.2, 0.6)), (-0.7 + (i + p + 0.5) * step, y - height)]
    pen.blob([*edge, (1.8, 1.9), (1.8, 1.9), (-0.8, 1.9), (-0.8, 1.9)], colour, 0.8)


def heavens(pen: Pen, sky: str, horizon: float, rng: Random) -> None:
    """Sun, moon, stars or clouds above the horizon."""
    _top, bottom, _ = SKIES[sky]
    if sky == "night":
        for _ in range(12):
            pen.oval(rng.random(), rng.uniform(0, horizon), 0.006, None, (236, 232, 200), line=0)
        if rng.random() < 0.6:
            x, y = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.25)
            pen.oval(x, y, 0.07, None, (244, 236, 200), line=0.5)
    elif rng.random() < 0.45:
        x = rng.uniform(0.1, 0.9)
        y = rng.uniform(0.08, 0.25) if sky != "sunset" else horizon - rng.uniform(0, 0.12)
        pen.oval(x, y, rng.uniform(0.06, 0.11), None, (250, 226, 140) if sky != "sunset" else (252, 206, 120), line=0.6)
    for _ in range(rng.choice((0, 1, 2, 3))):
        tone = mix(bottom, WHITE, 0.6 if sky != "night" else 0.12)
        cloud(pen, rng.uniform(0, 1), rng.uniform(0.08, max(0.14, horizon - 0.1)), rng.uniform(0.2, 0.45), tone, rng)


def land(pen: Pen, kind: str, sky: str, y: float, rng: Random) -> RGB:
    """Draw one kind of place with its horizon at ``y`` and return the colour of its ground.

    ``kind`` is one of sea, lake, meadow, hills, mountains, city, road, snow, beach, desert, plain, clouds.
    """
    _top, bottom, tint = SKIES[sky]
    far = mix(_tint((130, 150, 150), tint), bottom, 0.5)
    green = _tint(vary(rng, rng.choice(GRASS)), tint)
    water = _tint(vary(rng, rng.choice(WATER)), tint)
    if kind in ("mountains", "lake") or (kind in ("sea", "snow") and rng.random() < 0.5):
        ridge(pen, y, rng.uniform(0.12, 0.3), far, rng, rng.randint(3, 5), False)
    if kind in ("hills", "meadow") or (kind in ("lake", "road", "beach") and rng.random() < 0.5):
        ridge(pen, y, rng.uniform(0.06, 0.18), mix(green, bottom, 0.45), rng, rng.randint(2, 3), True)
        for _ in range(rng.randint(0, 4)):
            small_tree(pen, rng.uniform(0, 1), y + 0.01, rng.uniform(0.08, 0.15), mix(green, (60, 100, 80), 0.5))
    if kind == "city" or (kind in ("road", "sea") and rng.random() < 0.4):
        skyline(pen, y + 0.01, far, rng, sky == "night")
    if kind in ("sea", "lake"):
        floor(pen, y, water, 0.0, rng)
        ripples(pen, y + 0.02, 1.0, mix(water, WHITE, 0.45), rng, rng.randint(5, 10))
        return water
    if kind == "beach":
        floor(pen, y, water, 0.0, rng)
        ripples(pen, y + 0.01, y + 0.08, mix(water, WHITE, 0.5), rng, 4)
        sand = _tint(vary(rng, rng.choice(SAND)), tint)
        floor(pen, y + 0.09, sand, 0.015, rng)
        return sand
    if kind == "clouds":
        for _ in range(rng.randint(2, 4)):
            cloud(pen, rng.uniform(0, 1), rng.uniform(0.7, 1.02), rng.uniform(0.4, 0.7), mix(bottom, WHITE, 0.5), rng)
        return bottom
    ground = {
        "snow": _tint(SNOW, tint),
        "desert": _tint(rng.choice(SAND), tint),
        "road": green,
        "city": _tint((172, 168, 162), tint),
        "plain": mix(bottom, (190, 170, 150), 0.4),
    }.get(kind, green)
    if kind == "desert":
        ridge(pen, y, rng.uniform(0.06, 0.16), shade(ground, 0.86), rng, 2, True)
    floor(pen, y, ground, 0.0 if kind in ("plain", "city") else 0.012, rng)
    if kind in ("meadow", "hills", "road"):
        for _ in range(rng.randint(2, 6)):
            x, dy = rng.random(), rng.uniform(0.08, 0.45)
            pen.oval(x, y + dy, 0.012, None, pick(rng, "white", "mustard", "coral", "pink", "plum"), line=0.3)
            pen.line([(x, y + dy + 0.012), (x, y + dy + 0.045)], shade(ground, 0.7), 0.7)
    return ground


def deep(pen: Pen, colour: RGB, rng: Random) -> RGB:
    """Under water: light shafts, weeds, sand and bubbles. Returns the colour of the bed."""
    for _ in range(rng.randint(0, 3)):
        x, w = rng.uniform(-0.2, 0.9), rng.uniform(0.06, 0.16)
        pen.poly(
            [(x + 0.3, -0.6), (x + 0.3 + w, -0.6), (x + w - 0.2, 1.6), (x - 0.2 - w, 1.6)], mix(colour, WHITE, 0.16), 0
        )
    bed = vary(rng, mix(rng.choice(SAND), colour, 0.35))
    y = rng.uniform(0.8, 1.05)
    ridge(pen, y, 0.12, mix(bed, colour, 0.6), rng, 3, True)
    floor(pen, y + 0.05, bed, 0.02, rng)
    for _ in range(rng.randint(2, 5)):
        x, h = rng.uniform(0, 1), rng.uniform(0.15, 0.4)
        tone = vary(rng, rng.choice(((72, 140, 110), (150, 92, 130), (206, 112, 96), (120, 150, 80))))
        pen.tube(
            [(x, y + 0.2), (x + 0.03, y - h * 0.3), (x - 0.03, y - h * 0.7), (x + 0.02, y - h)],
            [0.05, 0.045, 0.012],
            tone,
            0.6,
        )
    for _ in range(rng.randint(2, 7)):
        pen.oval(rng.random(), rng.uniform(0, 0.8), rng.uniform(0.01, 0.025), None, mix(colour, WHITE, 0.5), line=0.6)
    return bed
