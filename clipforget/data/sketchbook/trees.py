"""Trees: palm, pine, oak, willow. Rooted at y = 1, crown towards y = -1."""

from __future__ import annotations

import math
from random import Random

from clipforget.data.sketchbook.canvas import RGB, Drawer, Pen, shade, vary

LEAVES: tuple[RGB, ...] = (
    (96, 146, 80),
    (70, 124, 90),
    (132, 164, 84),
    (84, 140, 126),
    (212, 156, 66),
    (202, 104, 60),
    (168, 84, 72),
    (150, 176, 130),
)
BARK: tuple[RGB, ...] = ((124, 90, 64), (104, 80, 70), (146, 112, 82), (110, 104, 100))


def _tones(rng: Random) -> tuple[RGB, RGB]:
    return vary(rng, rng.choice(LEAVES)), vary(rng, rng.choice(BARK))


def palm(pen: Pen, rng: Random) -> None:
    """A bare leaning trunk and a star of drooping fronds."""
    leaf, bark = _tones(rng)
    lean, top = rng.uniform(-0.32, 0.32), rng.uniform(-0.5, -0.36)
    path = [(-lean, 1.0), (-lean * 0.7, 0.5), (-lean * 0.1, 0.0), (lean * 0.6, top)]
    pen.tube(path, [0.24, 0.16, 0.13, 0.12], bark)
    for i in range(1, 9):
        t = i / 9
        x = -lean + lean * 1.6 * t**1.3
        y = 1.0 + (top - 1.0) * t
        pen.line([(x - 0.07, y), (x, y + 0.035), (x + 0.07, y)], shade(bark, 0.65), 0.8)
    x0 = lean * 0.6
    count = rng.randint(7, 9)
    for i in sorted(range(count), key=lambda i: -abs(i - (count - 1) / 2)):
        turn = 186 + 168 * i / (count - 1) + rng.uniform(-6, 6)
        if abs(turn - 270) < 16:  # a leaf straight up would stand like a spike
            turn += rng.choice((-18, 18))
        a = math.radians(turn)
        _frond(pen, x0, top, a, rng.uniform(0.72, 0.95), rng.uniform(0.3, 0.5), shade(leaf, rng.uniform(0.78, 1.15)))
    for _ in range(rng.randint(0, 3)):
        pen.oval(x0 + rng.uniform(-0.1, 0.1), top + rng.uniform(0.02, 0.1), 0.075, None, (120, 78, 52), line=0.7)


def _frond(pen: Pen, x: float, y: float, angle: float, reach: float, droop: float, tone: RGB) -> None:
    """One arching, saw-edged palm leaf from (x, y) towards ``angle`` (radians, upwards is 3/2 pi)."""
    dx, dy = math.cos(angle) * reach, math.sin(angle) * reach * 0.72
    steps = 6
    sag = droop * (0.4 + abs(math.cos(angle)))
    spine = [(x + dx * t, y + dy * t + sag * t * t) for t in (i / steps for i in range(steps + 1))]
    lower: list[tuple[float, float]] = []
    for i in range(1, steps):
        (px, py), fat = spine[i], 0.17 * math.sin(math.pi * (i + 0.6) / (steps + 0.6))
        lower += [(px + dx * 0.06, py + fat), (px + dx * 0.07, py + fat * 0.35)]
    upper = [(px, py - 0.075 * math.sin(math.pi * i / steps)) for i, (px, py) in enumerate(spine)]
    pen.poly([*upper, *lower[::-1]], tone)
    pen.line(spine[:-1], shade(tone, 0.66), 0.7)


def pine(pen: Pen, rng: Random) -> None:
    """A pointed cone of overlapping tiers on a short trunk."""
    leaf, bark = _tones(rng)
    tiers, wide = rng.randint(4, 5), rng.uniform(0.55, 0.72)
    pen.poly([(-0.1, 1.0), (-0.07, 0.5), (0.07, 0.5), (0.1, 1.0)], bark)
    snow = rng.random() < 0.25
    for i in reversed(range(tiers)):
        top = -1.1 + i * 1.5 / tiers
        foot = -1.1 + (i + 1.45) * 1.5 / tiers
        w = wide * (0.36 + 0.64 * (i + 1) / tiers)
        n = 5
        edge: list[tuple[float, float]] = []
        for k in range(n + 1):
            x = -w + 2 * w * k / n
            edge.append((x, foot - abs(x) / w * -0.03 + rng.uniform(-0.02, 0.02)))
            if k < n:
                edge.append((x + w / n, foot - 0.1))
        tone = shade(leaf, 1.12 - 0.08 * i)
        pen.poly(
            [(0, top), (w * 0.42, (top + foot) / 2 + 0.02), *edge[::-1], (-w * 0.42, (top + foot) / 2 + 0.02)], tone
        )
        pen.poly(
            [(0.0, top + 0.06), (w * 0.4, (top + foot) / 2 + 0.05), (w * 0.92, foot - 0.03), (w * 0.3, foot - 0.08)],
            shade(tone, 0.78),
            0,
        )
        if snow:
            pen.blob(
                [
                    (0, top),
                    (0, top),
                    (-w * 0.4, (top + foot) / 2),
                    (-w * 0.7, foot - 0.1),
                    (-w * 0.3, foot - 0.16),
                    (0.02, top + 0.16),
                ],
                (240, 244, 248),
                0.4,
            )


def oak(pen: Pen, rng: Random) -> None:
    """A thick forked trunk under a broad, lumpy crown."""
    leaf, bark = _tones(rng)
    wide, high = rng.uniform(0.86, 1.0), rng.uniform(0.6, 0.7)
    pen.blob(
        [
            (-0.36, 1.02),
            (-0.36, 1.02),
            (-0.18, 0.8),
            (-0.15, 0.4),
            (-0.42, 0.06),
            (-0.3, 0.0),
            (0, 0.24),
            (0.3, -0.02),
            (0.42, 0.06),
            (0.16, 0.4),
            (0.19, 0.8),
            (0.36, 1.02),
            (0.36, 1.02),
        ],
        bark,
    )
    for x in (-0.06, 0.06):
        pen.line([(x, 0.9), (x * 0.7, 0.62), (x * 1.2, 0.4)], shade(bark, 0.65), 0.9)
    cy = -0.34
    n = rng.randint(9, 12)
    ring: list[tuple[float, float]] = []
    for i in range(n):
        a = 2 * math.pi * i / n + rng.uniform(-0.08, 0.08)
        ring += [(wide * 0.9 * math.cos(a), cy + high * 0.9 * math.sin(a))] * 2
        for d, k in ((0.3, 1.06), (0.68, 1.04)):
            b = a + 2 * math.pi / n * d
            ring.append((wide * k * math.cos(b), cy + high * k * math.sin(b)))
    pen.blob(ring, shade(leaf, 0.8))
    for _ in range(rng.randint(6, 8)):
        a = rng.uniform(0, 2 * math.pi)
        x, y = 0.55 * wide * math.cos(a), cy + 0.55 * high * math.sin(a) - 0.06
        r = rng.uniform(0.2, 0.3)
        pen.oval(x, y, r, r * 0.8, shade(leaf, 0.96 - 0.22 * (y - cy)), line=0)
        pen.line(
            [(x - r * 0.9, y + r * 0.2), (x - r * 0.3, y + r * 0.75), (x + r * 0.5, y + r * 0.6)],
            shade(leaf, 0.62),
            0.7,
            True,
        )
    if rng.random() < 0.35:
        fruit = vary(rng, (206, 90, 60))
        for _ in range(9):
            a, k = rng.uniform(0, 6.3), rng.uniform(0.2, 0.8)
            pen.oval(wide * k * math.cos(a), cy + high * k * math.sin(a), 0.045, None, fruit, line=0.4)


def willow(pen: Pen, rng: Random) -> None:
    """A domed crown whose many thin strands hang down like curtains almost to the ground."""
    leaf, bark = _tones(rng)
    wide, sway = rng.uniform(0.8, 0.96), rng.uniform(-0.12, 0.12)
    pen.blob(
        [
            (-0.22, 1.02),
            (-0.22, 1.02),
            (-0.11, 0.6),
            (-0.12, -0.2),
            (0.12, -0.2),
            (0.1, 0.6),
            (0.24, 1.02),
            (0.24, 1.02),
        ],
        bark,
    )
    _curtain(pen, rng, wide, 13, -0.9, (0.5, 0.86), shade(leaf, 0.74), sway)
    _curtain(pen, rng, wide * 0.84, 9, -0.96, (0.02, 0.44), shade(leaf, 0.92), sway)
    _curtain(pen, rng, wide * 0.62, 7, -1.02, (-0.4, -0.02), shade(leaf, 1.1), sway * 0.6)


def _curtain(
    pen: Pen, rng: Random, wide: float, count: int, top: float, feet: tuple[float, float], tone: RGB, sway: float
) -> None:
    """One bell-shaped layer of hanging strands: a domed top, a ragged hem, and lines along the strands."""
    hem: list[tuple[float, float]] = []
    marks: list[tuple[float, float]] = []
    for i in range(count):
        u = 1 - 2 * i / (count - 1)
        gap = 0.3 * max(0.0, 1 - abs(u) * 2.4) if count > 10 else 0
        x = wide * u * (1.06 - 0.1 * abs(u))
        tip = (x + sway + rng.uniform(-0.03, 0.03), rng.uniform(*feet) - gap)
        hem += [tip, tip]
        if i < count - 1:
            hem.append((x - wide / count + sway * 0.8, tip[1] - rng.uniform(0.2, 0.36)))
        marks.append(tip)
    dome = [
        (-wide * 1.0, feet[0] * 0.3 + top * 0.5),
        (-wide * 0.86, top * 0.62),
        (-wide * 0.5, top * 0.94),
        (0, top * 1.06),
        (wide * 0.5, top * 0.94),
        (wide * 0.86, top * 0.62),
        (wide * 1.0, feet[0] * 0.3 + top * 0.5),
    ]
    pen.blob(hem + dome, tone)
    for x, y in marks[1:-1]:
        pen.line(
            [(x * 0.72, top * 0.66), (x * 0.94, (top * 0.66 + y) / 2), (x * 0.97, y - 0.14)],
            shade(tone, 0.7),
            0.7,
            True,
        )


DRAW: dict[str, Drawer] = {"palm": palm, "pine": pine, "oak": oak, "willow": willow}
