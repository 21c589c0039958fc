"""Houses: cottage, castle, igloo, apartment block. Standing on y = 0.8, local units -1..1."""

from __future__ import annotations

import math
from random import Random

from clipforget.data.sketchbook.canvas import DARK, RGB, WHITE, Drawer, Pen, pick, shade, vary

GLOW: RGB = (250, 222, 140)


def _pane(rng: Random) -> RGB:
    return rng.choice((GLOW, (120, 160, 190), (76, 92, 120)))


def _window(pen: Pen, x: float, y: float, w: float, h: float, pane: RGB, frame: RGB) -> None:
    """A cross-barred window whose middle is (x, y)."""
    pen.rect(x - w / 2, y - h / 2, x + w / 2, y + h / 2, pane)
    pen.line([(x, y - h / 2), (x, y + h / 2)], frame, 0.9)
    pen.line([(x - w / 2, y), (x + w / 2, y)], frame, 0.9)


def cottage(pen: Pen, rng: Random) -> None:
    """Steep roof, chimney, a door and small windows, seen a little from the side."""
    wall, roof, door = (
        pick(rng, "white", "cream", "mustard", "coral", "mint", "sky", "pink", "brown"),
        pick(rng),
        pick(rng),
    )
    pane, eave = _pane(rng), rng.uniform(-0.06, 0.08)
    ridge, split = rng.uniform(-0.8, -0.62), rng.uniform(-0.28, -0.12)
    gable = (-0.9 + split) / 2
    smoke = rng.random() < 0.5
    if smoke:
        for i in range(3):
            pen.oval(
                0.56 + i * 0.1, ridge - 0.3 - i * 0.18, 0.09 + i * 0.03, 0.08 + i * 0.02, (222, 220, 216), line=0.6
            )
    pen.rect(0.38, ridge - 0.16, 0.6, eave - 0.2, (168, 92, 72))
    pen.rect(0.35, ridge - 0.22, 0.63, ridge - 0.12, (140, 76, 62), 0.8)
    pen.poly([(split, 0.8), (split, eave), (0.9, eave), (0.9, 0.76)], wall)
    pen.poly([(-0.9, 0.78), (-0.9, eave), (gable, ridge), (split, eave), (split, 0.8)], shade(wall, 0.82))
    pen.poly([(gable - 0.02, ridge - 0.06), (0.74, ridge), (1.02, eave + 0.06), (split + 0.06, eave + 0.1)], roof)
    pen.poly(
        [
            (gable - 0.02, ridge - 0.06),
            (-1.02, eave + 0.06),
            (-0.95, eave + 0.13),
            (gable, ridge + 0.08),
            (split - 0.02, eave + 0.14),
            (split + 0.07, eave + 0.09),
        ],
        shade(roof, 0.7),
        0.8,
    )
    for t in (0.28, 0.52, 0.76):
        y = ridge + (eave - ridge) * t
        pen.line([(gable + (split - gable) * t + 0.06, y), (0.74 + 0.27 * t, y + 0.02)], shade(roof, 0.72), 0.8)
    x = rng.uniform(0.02, 0.12)
    pen.rect(x, 0.3, x + 0.26, 0.79, door)
    pen.oval(x + 0.21, 0.56, 0.022, None, DARK, line=0)
    _window(pen, x + 0.52, 0.42, 0.28, 0.26, pane, shade(wall, 0.5))
    _window(pen, gable, 0.4, 0.26, 0.28, pane, shade(wall, 0.5))
    pen.oval(gable, eave - 0.16, 0.085, None, pane, line=0.9)
    if rng.random() < 0.6:
        pen.rect(x + 0.36, 0.56, x + 0.68, 0.64, (140, 96, 64), 0.7)
        for i in range(4):
            pen.oval(x + 0.4 + i * 0.08, 0.55, 0.045, None, pick(rng, "red", "mustard", "pink", "plum"), line=0.4)


def _tower(pen: Pen, x: float, w: float, top: float, stone: RGB, roof: RGB | None, flag: RGB) -> None:
    """A castle tower with a cone roof (or battlements when ``roof`` is None)."""
    pen.rect(x - w / 2, top, x + w / 2, 0.8, stone)
    pen.rect(x + w * 0.2, top, x + w / 2, 0.8, shade(stone, 0.82), 0)
    if roof is None:
        n = 4
        u = w * 1.24 / (2 * n - 1)
        pts = [(x - w * 0.62, top + 0.1), (x - w * 0.62, top - 0.12)]
        for i in range(n):
            a = x - w * 0.62 + 2 * i * u
            pts += [(a, top - 0.12), (a + u, top - 0.12)]
            if i < n - 1:
                pts += [(a + u, top - 0.02), (a + 2 * u, top - 0.02)]
        pen.poly([*pts, (x + w * 0.62, top + 0.1)], shade(stone, 0.92))
    else:
        pen.line([(x, top - w * 1.3), (x, top - w * 1.3 - 0.22)], DARK, 0.9)
        pen.poly([(x, top - w * 1.3 - 0.22), (x + 0.2, top - w * 1.3 - 0.16), (x, top - w * 1.3 - 0.08)], flag, 0.8)
        pen.poly([(x - w * 0.68, top + 0.04), (x, top - w * 1.35), (x + w * 0.68, top + 0.04)], roof)
        pen.poly([(x + w * 0.2, top + 0.04), (x, top - w * 1.35), (x + w * 0.68, top + 0.04)], shade(roof, 0.76), 0)
    pen.blob(
        [
            (x - 0.045, top + 0.36),
            (x - 0.045, top + 0.36),
            (x - 0.045, top + 0.24),
            (x, top + 0.18),
            (x + 0.045, top + 0.24),
            (x + 0.045, top + 0.36),
            (x + 0.045, top + 0.36),
        ],
        DARK,
        0.5,
    )


def castle(pen: Pen, rng: Random) -> None:
    """Two towers and a keep behind a crenellated wall with an arched gate."""
    stone = pick(rng, "grey", "cream", "brown", "sky", "pink", "mustard", "white", "coral")
    roof = pick(rng, "red", "blue", "teal", "plum", "navy", "orange", "green")
    flag, keep = pick(rng, "red", "mustard", "blue"), rng.uniform(-0.6, -0.42)
    style = rng.randrange(3)
    _tower(pen, rng.uniform(-0.15, 0.15), 0.48, keep, shade(stone, 0.9), None if style == 1 else roof, flag)
    top, n = rng.uniform(0.08, 0.18), 7
    pts: list[tuple[float, float]] = [(-0.75, 0.8)]
    for i in range(n):
        a = -0.75 + i * 1.5 / (n - 0.5)
        b = a + 0.75 / (n - 0.5)
        pts += [(a, top - 0.1), (b, top - 0.1), (b, top), (b + 0.75 / (n - 0.5), top)]
    pen.poly([*pts[:-1], (0.75, 0.8)], stone)
    for _ in range(7):
        x, y = rng.uniform(-0.5, 0.4), rng.uniform(top + 0.06, 0.7)
        pen.line([(x, y), (x + 0.12, y)], shade(stone, 0.68), 0.7)
    heights = rng.uniform(-0.24, -0.05), rng.uniform(-0.24, -0.05)
    for x, h in zip((-0.74, 0.74), heights, strict=True):
        _tower(pen, x, rng.uniform(0.34, 0.4), h, stone, None if style == 0 else roof, flag)
    pen.blob(
        [
            (-0.2, 0.8),
            (-0.2, 0.8),
            (-0.2, 0.5),
            (-0.12, 0.36),
            (0, 0.32),
            (0.12, 0.36),
            (0.2, 0.5),
            (0.2, 0.8),
            (0.2, 0.8),
        ],
        (74, 56, 48),
    )
    for x in (-0.1, 0.0, 0.1):
        pen.line([(x, 0.4), (x, 0.8)], (170, 150, 120), 0.7)


def igloo(pen: Pen, rng: Random) -> None:
    """A dome of snow blocks with an arched tunnel entrance."""
    snow = vary(rng, rng.choice(((230, 236, 244), (206, 224, 240), (240, 232, 228), (214, 220, 238))), 8)
    edge, side = shade(snow, 0.66), rng.choice((-1, 1))
    top, wide = rng.uniform(-0.36, -0.18), rng.uniform(0.86, 0.98)
    cx = -0.14 * side
    h = 0.8 - top
    dome = [(cx + wide * math.cos(t), 0.8 - h * math.sin(t)) for t in (math.pi * i / 14 for i in range(15))]
    pen.poly(dome, snow)
    pen.poly(
        [(x, y) for x, y in dome[9:]]
        + [(cx - wide * 0.62, 0.8), (cx - wide * 0.66, 0.4), (cx - wide * 0.5, 0.8 - h * 0.8)],
        shade(snow, 0.86),
        0,
    )
    rows = 5
    for j in range(1, rows):
        y = 0.8 - h * j / rows
        half = wide * math.sqrt(max(0, 1 - (j / rows) ** 2))
        pen.line([(cx - half, y), (cx, y + 0.045), (cx + half, y)], edge, 1.0, True)
    for j in range(rows - 1):
        y0, y1 = 0.8 - h * j / rows, 0.8 - h * (j + 1) / rows
        half = wide * math.sqrt(max(0, 1 - ((j + 0.4) / rows) ** 2))
        n = 6 - j
        for i in range(n):
            x = cx + half * math.sin((i + 0.5 * (j % 2) + 0.3 - n / 2) / n * 2.6)
            if abs(x - cx) < half * 0.94:
                pen.line([(x, y0 + 0.03), (cx + (x - cx) * 0.95, y1 + 0.04)], edge, 0.9)
    x = 0.46 * side
    for d, tone in ((0.12, 0.88), (0.0, 1.0)):
        dx = -d * side
        pen.blob(
            [
                (x + dx - 0.36, 0.84),
                (x + dx - 0.36, 0.84),
                (x + dx - 0.34, 0.44),
                (x + dx - 0.2, 0.22),
                (x + dx, 0.16),
                (x + dx + 0.2, 0.22),
                (x + dx + 0.34, 0.44),
                (x + dx + 0.36, 0.84),
                (x + dx + 0.36, 0.84),
            ],
            shade(snow, tone),
        )
    pen.blob(
        [
            (x - 0.23, 0.84),
            (x - 0.23, 0.84),
            (x - 0.22, 0.5),
            (x - 0.12, 0.34),
            (x, 0.3),
            (x + 0.12, 0.34),
            (x + 0.22, 0.5),
            (x + 0.23, 0.84),
            (x + 0.23, 0.84),
        ],
        rng.choice(((52, 62, 92), (44, 50, 70), (236, 180, 90))),
    )
    for a, b in (
        ((-0.34, 0.5), (-0.22, 0.54)),
        ((-0.22, 0.27), (-0.14, 0.38)),
        ((0.22, 0.27), (0.14, 0.38)),
        ((0.34, 0.5), (0.22, 0.54)),
    ):
        pen.line([(x + a[0], a[1]), (x + b[0], b[1])], edge, 0.9)
    if rng.random() < 0.35:
        fx = cx - 0.2 * side
        pen.line([(fx, top + 0.06), (fx, top - 0.4)], DARK, 1)
        pen.poly([(fx, top - 0.4), (fx + 0.3, top - 0.3), (fx, top - 0.2)], pick(rng, "red", "orange", "blue"))


def apartment_block(pen: Pen, rng: Random) -> None:
    """A tall flat-roofed slab with a regular grid of windows and balconies."""
    wall, trim, pane = pick(rng), pick(rng), _pane(rng)
    floors, cols = rng.randint(5, 6), rng.choice((3, 4))
    top, left = rng.uniform(-1.02, -0.88), rng.uniform(-0.64, -0.54)
    right = left + rng.uniform(0.84, 0.94)
    deep = rng.uniform(0.28, 0.4)
    pen.poly([(right, top), (right + deep, top + 0.1), (right + deep, 0.76), (right, 0.8)], shade(wall, 0.68))
    if rng.random() < 0.6:
        pen.rect(left + 0.2, top - 0.15, left + 0.45, top, shade(wall, 0.8))
    else:
        pen.line([(left + 0.3, top), (left + 0.3, top - 0.26)], DARK, 1.1)
        pen.line([(left + 0.2, top - 0.2), (left + 0.4, top - 0.2)], DARK, 0.9)
    pen.rect(left, top, right, 0.8, wall)
    pen.rect(left - 0.03, top - 0.05, right + 0.02, top + 0.03, trim, 0.8)
    step, gap = (0.5 - top) / floors, (right - left) / cols
    balconies = rng.random() < 0.55
    for j in range(floors):
        y = top + 0.1 + j * step
        for i in range(cols):
            x = left + (i + 0.5) * gap
            tone = pane if rng.random() < 0.7 else (84, 100, 126)
            pen.rect(x - gap * 0.3, y, x + gap * 0.3, y + step * 0.56, tone, 0.8)
            if balconies and i % 2 == 0:
                pen.rect(x - gap * 0.4, y + step * 0.4, x + gap * 0.4, y + step * 0.68, trim, 0.7)
        for dx in (0.28, 0.68):
            pen.poly(
                [
                    (right + deep * dx - 0.05, y + 0.03 + 0.06 * dx),
                    (right + deep * dx + 0.05, y + 0.05 + 0.06 * dx),
                    (right + deep * dx + 0.05, y + step * 0.6),
                    (right + deep * dx - 0.05, y + step * 0.6),
                ],
                shade(tone, 0.8),
                0.5,
            )
    mid = (left + right) / 2
    pen.rect(mid - 0.12, 0.54, mid + 0.12, 0.8, shade(trim, 0.6))
    pen.rect(mid - 0.18, 0.49, mid + 0.18, 0.55, WHITE, 0.7)


DRAW: dict[str, Drawer] = {"cottage": cottage, "castle": castle, "igloo": igloo, "apartment block": apartment_block}
