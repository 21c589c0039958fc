"""Flowers: tulip, sunflower, rose, daisy. Bloom in the upper half, stem running down past y = 1."""

from __future__ import annotations

import math
from random import Random

from clipforget.data.sketchbook.canvas import RGB, Drawer, Pen, pick, shade, vary


def _stem(pen: Pen, rng: Random, y: float, width: float) -> RGB:
    """A curved stem from (0, y) down out of the picture; returns its green."""
    green = vary(rng, rng.choice(((92, 142, 82), (74, 124, 92), (124, 154, 84))))
    bend = rng.uniform(-0.18, 0.18)
    pen.tube(
        [(0, y), (bend * 0.4, 0.4), (bend, 1.0), (bend * 1.2, 1.7)], [width, width, width * 1.2, width * 1.3], green
    )
    return green


def _leaf(pen: Pen, x: float, y: float, length: float, angle: float, fat: float, green: RGB) -> None:
    """A pointed leaf growing from (x, y) towards ``angle`` degrees (0 right, -90 up)."""
    with pen.at(x, y, length, angle):
        pen.blob([(0, 0), (0, 0), (0.35, -fat), (1, 0), (1, 0), (0.4, fat)], green)
        pen.line([(0.05, 0), (0.85, 0)], shade(green, 0.65), 0.7)


def _petals(
    pen: Pen, count: int, inner: float, outer: float, width: float, colour: RGB, rng: Random, point: float, turn: float
) -> None:
    """A ring of petals around the origin; ``point`` 0 is round-tipped, 1 pointed."""
    for i in range(count):
        tone = shade(colour, rng.uniform(0.94, 1.05))
        reach = outer * rng.uniform(0.93, 1.05)
        with pen.at(0, 0, 1, 360 * i / count + turn + rng.uniform(-4, 4)):
            tip = (
                [(reach, 0), (reach, 0)] if point > 0.5 else [(reach * 0.97, -width * 0.5), (reach * 0.97, width * 0.5)]
            )
            pen.blob(
                [
                    (inner, -width * 0.35),
                    ((inner + reach) * 0.52, -width * 0.62),
                    (reach * 0.84, -width * (0.62 - 0.25 * point)),
                    *tip,
                    (reach * 0.84, width * (0.62 - 0.25 * point)),
                    ((inner + reach) * 0.52, width * 0.62),
                    (inner, width * 0.35),
                ],
                tone,
                0.9,
            )


def tulip(pen: Pen, rng: Random) -> None:
    """An upright egg-shaped cup of a few big petals, blade leaves."""
    c = pick(rng, "red", "coral", "pink", "mustard", "plum", "white", "orange", "cream")
    green = _stem(pen, rng, 0.0, 0.1)
    for side in (-1, 1):
        _leaf(
            pen,
            0.04 * side,
            1.2,
            rng.uniform(1.0, 1.3),
            -90 + side * rng.uniform(16, 34),
            rng.uniform(0.11, 0.15),
            shade(green, 1 - 0.06 * side),
        )
    wide, top, flare = rng.uniform(0.42, 0.52), rng.uniform(-0.95, -0.82), rng.uniform(0.0, 0.14)
    back = shade(c, 0.7)
    for x in (-0.2, 0.2):
        pen.blob(
            [(x, top - 0.04), (x, top - 0.04), (x + 0.24, -0.6), (x + 0.1, -0.2), (x - 0.1, -0.2), (x - 0.24, -0.6)],
            back,
        )
    for side in (-1, 1):
        pen.blob(
            [
                (side * (wide * 0.86 + flare), top),
                (side * (wide * 0.86 + flare), top),
                (side * (wide + flare * 0.4), -0.5),
                (side * wide * 0.9, -0.12),
                (side * 0.16, 0.1),
                (0, 0.06),
                (side * 0.05, -0.36),
                (side * 0.32, -0.68),
            ],
            shade(c, 0.9 - 0.05 * side),
        )
    pen.blob(
        [(0, top + 0.08), (0, top + 0.08), (0.27, -0.5), (0.26, -0.08), (0, 0.12), (-0.26, -0.08), (-0.27, -0.5)],
        shade(c, 1.12),
    )
    pen.line([(0, -0.66), (0.02, -0.3), (0, 0.0)], shade(c, 0.75), 0.8)


def sunflower(pen: Pen, rng: Random) -> None:
    """A huge dark seed disc ringed by many pointed petals, broad leaves."""
    c = pick(rng, "mustard", "mustard", "orange", "cream", "red", "coral", "brown")
    seed = vary(rng, rng.choice(((92, 60, 42), (70, 48, 44), (110, 78, 46))))
    green = _stem(pen, rng, 0.0, 0.13)
    for side in (-1, 1):
        _leaf(
            pen,
            0.02,
            rng.uniform(0.6, 0.95),
            rng.uniform(0.6, 0.78),
            -90 + side * rng.uniform(48, 75),
            0.26,
            shade(green, 1 - 0.06 * side),
        )
    n, r = rng.randint(14, 18), rng.uniform(0.34, 0.4)
    turn = rng.uniform(0, 30)
    with pen.at(0, -0.26, 1, 0, 1, rng.uniform(0.86, 1)):
        _petals(pen, n, r * 0.7, 0.74, 0.21, shade(c, 0.8), rng, 1, turn)
        _petals(pen, n, r * 0.7, 0.68, 0.19, c, rng, 1, turn + 180 / n)
        pen.oval(0, 0, r, None, seed)
        pen.oval(0, 0, r * 0.56, None, shade(seed, 0.7), line=0.5)
        for i in range(26):
            a, k = i * 2.4, r * 0.94 * math.sqrt((i + 0.5) / 26)
            pen.oval(k * math.cos(a), k * math.sin(a), 0.026, None, shade(seed, 1.45), line=0)


def rose(pen: Pen, rng: Random) -> None:
    """Whorled overlapping petals spiralling into a tight heart, thorny stem."""
    c = pick(rng, "red", "red", "pink", "coral", "white", "mustard", "plum", "orange", "cream")
    green = _stem(pen, rng, 0.0, 0.09)
    for y, side in ((0.62, -1), (0.78, 1)):
        pen.poly([(side * 0.04, y - 0.14), (side * 0.15, y - 0.2), (side * 0.04, y - 0.06)], shade(green, 0.8), 0.8)
        for k, turn in ((0.46, 30), (0.36, 70)):
            _leaf(pen, side * 0.02, y + 0.06, k, -90 + side * (turn + rng.uniform(-8, 8)), 0.28, green)
    for side in (-1, 0, 1):
        _leaf(pen, 0, 0.16, 0.42, 90 - side * 62 if side else -90, 0.14, shade(green, 0.85))
    with pen.at(0, -0.28, rng.uniform(0.98, 1.08), rng.uniform(-12, 12)):
        for ring, (count, reach, size) in enumerate(((5, 0.36, 0.34), (5, 0.24, 0.29), (4, 0.13, 0.23))):
            start = rng.uniform(0, 6)
            for i in range(count):
                a = start + 2 * math.pi * i / count
                x, y = reach * math.cos(a), reach * math.sin(a) * 0.9
                pen.oval(
                    x,
                    y,
                    size * rng.uniform(0.94, 1.06),
                    size * 0.88,
                    shade(c, 0.84 + 0.1 * ring + 0.05 * math.cos(a + 2.2)),
                    angle=math.degrees(a) + 90,
                )
                pen.line(
                    [(x + size * 0.8 * math.cos(a + d), y + size * 0.76 * math.sin(a + d)) for d in (-0.7, 0, 0.7)],
                    shade(c, 1.4),
                    0.8,
                    True,
                )
        pen.oval(0, 0, 0.2, 0.18, shade(c, 0.82))
        spiral = [(0.015 * i * math.cos(i * 0.85), 0.014 * i * math.sin(i * 0.85)) for i in range(1, 13)]
        pen.line(spiral, shade(c, 0.5), 1.1, True)


def daisy(pen: Pen, rng: Random) -> None:
    """Thin rounded petals with gaps around a small button, often with a second bloom."""
    c = pick(rng, "white", "white", "white", "pink", "sky", "plum", "cream", "coral", "mustard")
    eye = pick(rng, "mustard", "mustard", "orange", "brown")
    green = _stem(pen, rng, -0.1, 0.07)
    if rng.random() < 0.7:
        side = rng.choice((-1, 1))
        x, y = 0.52 * side, rng.uniform(0.34, 0.5)
        pen.tube([(0.04, 1.5), (x * 0.6, 0.95), (x, y)], [0.07, 0.055, 0.05], green)
        with pen.at(x, y, 0.44, 0, 1, 0.8):
            _petals(pen, 12, 0.1, 0.62, 0.17, c, rng, 0, 0)
            pen.oval(0, 0, 0.19, None, eye)
    for side in (-1, 1):
        with pen.at(0.0, rng.uniform(0.85, 1.05), rng.uniform(0.4, 0.5), -90 + side * 44):
            pen.blob(
                [
                    (0, 0),
                    (0.3, -0.14),
                    (0.45, -0.08),
                    (0.7, -0.2),
                    (1, -0.06),
                    (1.0, 0.06),
                    (0.7, 0.2),
                    (0.45, 0.08),
                    (0.3, 0.14),
                ],
                green,
            )
    n = rng.randint(12, 15)
    with pen.at(0, -0.3, 1, 0, 1, rng.uniform(0.82, 1)):
        _petals(pen, n, 0.12, rng.uniform(0.62, 0.7), rng.uniform(0.13, 0.17), c, rng, 0, rng.uniform(0, 20))
        pen.oval(0, 0, 0.17, None, eye)
        for i in range(8):
            pen.oval(0.1 * math.cos(i * 2.4), 0.1 * math.sin(i * 2.4), 0.016, None, shade(eye, 0.7), line=0)


DRAW: dict[str, Drawer] = {"tulip": tulip, "sunflower": sunflower, "rose": rose, "daisy": daisy}
