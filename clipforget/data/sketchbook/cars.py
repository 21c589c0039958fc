"""Cars: pickup truck, convertible, minibus, sports car. Front to the right, wheels standing on y = 0.5."""

from __future__ import annotations

from random import Random

from clipforget.data.sketchbook.canvas import DARK, GLASS, RGB, WHITE, Drawer, Pen, pick, shade, vary

LAMP: RGB = (250, 232, 160)
TAIL: RGB = (206, 60, 52)


def _wheel(pen: Pen, x: float, r: float, hub: RGB) -> None:
    """A tyre standing on y = 0.5."""
    pen.oval(x, 0.5 - r, r, None, (50, 50, 56))
    pen.oval(x, 0.5 - r, r * 0.56, None, hub, line=0.6)
    pen.oval(x, 0.5 - r, r * 0.18, None, DARK, line=0)


def _head(pen: Pen, rng: Random, x: float, y: float) -> None:
    """A driver's head and shoulders."""
    skin = vary(rng, rng.choice(((236, 190, 150), (196, 140, 100), (128, 84, 60))), 8)
    hair = rng.choice(((70, 48, 36), (160, 104, 54), (58, 54, 56), (200, 90, 60)))
    pen.blob([(x - 0.16, y + 0.34), (x - 0.12, y + 0.13), (x + 0.1, y + 0.13), (x + 0.14, y + 0.34)], pick(rng), 0.7)
    pen.oval(x, y, 0.1, 0.12, skin, line=0.8)
    pen.blob(
        [
            (x - 0.12, y + 0.06),
            (x - 0.11, y - 0.1),
            (x + 0.02, y - 0.15),
            (x + 0.1, y - 0.07),
            (x - 0.02, y - 0.04),
            (x - 0.06, y + 0.06),
        ],
        hair,
        0.6,
    )


def pickup_truck(pen: Pen, rng: Random) -> None:
    """A tall cab in front of an open cargo bed."""
    body, hub = pick(rng), pick(rng, "grey", "white", "cream")
    r, roof, bed = rng.uniform(0.21, 0.25), rng.uniform(-0.5, -0.4), rng.uniform(-0.1, -0.02)
    load = rng.randrange(4)
    if load == 0:
        for i in range(3):
            pen.rect(
                -0.92 + i * 0.27,
                bed - 0.22 - 0.1 * (i % 2),
                -0.68 + i * 0.27,
                bed + 0.1,
                pick(rng, "brown", "mustard", "cream"),
            )
    elif load == 1:
        pen.blob(
            [(-1.0, bed + 0.06), (-0.85, bed - 0.18), (-0.55, bed - 0.3), (-0.28, bed - 0.16), (-0.16, bed + 0.06)],
            pick(rng, "mustard", "green", "brown", "orange"),
        )
    elif load == 2:
        for i in range(3):
            pen.tube([(-0.98, bed - 0.05 - i * 0.08), (-0.12, bed - 0.04 - i * 0.08)], [0.1, 0.1], (160, 112, 70), 0.7)
    pen.poly([(-1.04, bed), (-0.1, bed), (-0.1, bed + 0.16), (-1.04, bed + 0.16)], shade(body, 0.55))
    pen.blob(
        [
            (-0.12, 0.1),
            (-0.12, 0.1),
            (-0.12, roof + 0.03),
            (-0.06, roof),
            (0.28, roof),
            (0.36, roof + 0.04),
            (0.52, -0.04),
            (0.56, 0.1),
            (0.56, 0.1),
        ],
        body,
    )
    pen.poly([(0.16, roof + 0.08), (0.29, roof + 0.08), (0.45, -0.05), (0.16, -0.05)], GLASS, 0.8)
    pen.poly([(-0.04, roof + 0.08), (0.1, roof + 0.08), (0.1, -0.05), (-0.04, -0.05)], GLASS, 0.8)
    pen.blob(
        [
            (-1.08, bed + 0.05),
            (-1.08, bed + 0.05),
            (-0.13, bed + 0.05),
            (-0.13, -0.04),
            (-0.13, -0.04),
            (0.5, -0.05),
            (0.88, -0.0),
            (1.0, 0.06),
            (1.03, 0.32),
            (1.03, 0.32),
            (-1.1, 0.32),
            (-1.1, 0.32),
        ],
        body,
    )
    pen.rect(-1.09, 0.2, 1.03, 0.3, shade(body, 0.72), 0)
    pen.line([(-0.13, 0.3), (-0.13, -0.02)], shade(body, 0.5), 0.8)
    pen.line([(0.14, 0.04), (0.24, 0.04)], DARK, 1)
    pen.rect(0.9, 0.26, 1.1, 0.36, (190, 194, 198), 0.8)
    pen.rect(-1.16, 0.26, -1.0, 0.36, (190, 194, 198), 0.8)
    pen.oval(0.97, 0.12, 0.05, 0.07, LAMP, line=0.7)
    pen.rect(-1.1, 0.06, -1.05, 0.18, TAIL, 0.5)
    _wheel(pen, -0.66, r, hub)
    _wheel(pen, 0.62, r, hub)


def convertible(pen: Pen, rng: Random) -> None:
    """No roof: raked windscreen, seats and people in the open."""
    body, seat = pick(rng), pick(rng, "brown", "cream", "red", "black")
    r, deck = rng.uniform(0.18, 0.21), rng.uniform(-0.06, 0.0)
    for x in (-0.28, 0.06):
        pen.blob([(x - 0.16, 0.1), (x - 0.17, -0.16), (x - 0.08, -0.24), (x - 0.01, -0.14), (x + 0.02, 0.1)], seat)
    _head(pen, rng, 0.12, -0.3)
    if rng.random() < 0.5:
        _head(pen, rng, -0.24, -0.3)
    pen.oval(0.33, -0.06, 0.03, 0.11, DARK, angle=-24)
    if rng.random() < 0.7:
        pen.blob([(-0.84, 0.0), (-0.78, -0.13), (-0.6, -0.17), (-0.42, -0.1), (-0.4, 0.02)], shade(seat, 0.7))
    pen.poly([(0.3, -0.38), (0.36, -0.38), (0.58, 0.0), (0.46, 0.0)], GLASS)
    pen.line([(0.3, -0.4), (0.54, 0.0)], DARK, 1.5)
    pen.blob(
        [
            (-1.12, 0.02),
            (-0.95, deck - 0.02),
            (-0.45, deck - 0.02),
            (-0.36, deck + 0.03),
            (0.36, deck + 0.03),
            (0.46, deck - 0.01),
            (0.85, deck + 0.03),
            (1.1, 0.12),
            (1.14, 0.3),
            (1.0, 0.36),
            (-1.06, 0.36),
            (-1.16, 0.26),
        ],
        body,
    )
    pen.blob([(-1.1, 0.16), (0.0, 0.12), (1.1, 0.2), (1.1, 0.26), (0.0, 0.19), (-1.1, 0.24)], shade(body, 1.6), 0)
    pen.line([(-0.3, 0.05), (-0.26, 0.3), (0.3, 0.3), (0.36, 0.05)], shade(body, 0.55), 0.8)
    pen.line([(0.18, 0.1), (0.28, 0.1)], DARK, 1)
    pen.oval(1.05, 0.15, 0.055, 0.06, LAMP, line=0.7)
    pen.oval(-1.1, 0.12, 0.035, 0.06, TAIL, line=0.5)
    pen.rect(0.98, 0.3, 1.2, 0.37, (206, 208, 210), 0.7)
    _wheel(pen, -0.68, r, WHITE)
    _wheel(pen, 0.7, r, WHITE)


def minibus(pen: Pen, rng: Random) -> None:
    """A tall box on wheels with a long row of windows, often two-coloured."""
    top, low = pick(rng, "white", "cream", "sky", "mint", "mustard", "pink", "grey"), pick(rng)
    r, roof, nose = rng.uniform(0.17, 0.2), rng.uniform(-0.68, -0.58), rng.uniform(0.0, 0.14)
    if rng.random() < 0.4:
        pen.rect(-0.7, roof - 0.1, 0.4, roof + 0.04, (150, 112, 76), 0.8)
        for i in range(3):
            pen.rect(-0.64 + i * 0.34, roof - 0.2 - 0.05 * (i % 2), -0.36 + i * 0.34, roof - 0.04, pick(rng), 0.8)
    pen.blob(
        [
            (-1.02, 0.34),
            (-1.02, 0.34),
            (-1.04, roof + 0.12),
            (-0.94, roof),
            (0.66, roof),
            (0.84, roof + 0.08),
            (0.98 - nose * 0.2, -0.12),
            (1.02 + nose, 0.02),
            (1.04 + nose, 0.34),
            (1.04 + nose, 0.34),
        ],
        top,
    )
    pen.blob(
        [
            (-1.03, 0.36),
            (-1.03, 0.36),
            (-1.03, -0.08),
            (-1.03, -0.08),
            (0.98, -0.1),
            (1.03 + nose, 0.02),
            (1.05 + nose, 0.36),
            (1.05 + nose, 0.36),
        ],
        low,
        0.7,
    )
    for i in range(4):
        x = -0.93 + i * 0.37
        pen.rect(x, roof + 0.14, x + 0.3, -0.15, GLASS if i != 3 else shade(GLASS, 0.9), 0.8)
    pen.poly([(0.58, roof + 0.14), (0.76, roof + 0.14), (0.9, -0.15), (0.58, -0.15)], GLASS, 0.8)
    pen.line([(0.2, roof + 0.1), (0.2, 0.32)], shade(low, 0.55), 0.8)
    pen.line([(0.54, roof + 0.1), (0.54, 0.32)], shade(low, 0.55), 0.8)
    pen.line([(0.26, 0.02), (0.34, 0.02)], DARK, 1)
    pen.oval(0.98 + nose, 0.12, 0.05, 0.075, LAMP, line=0.7)
    pen.rect(-1.06, 0.02, -1.0, 0.16, TAIL, 0.5)
    pen.rect(0.94, 0.27, 1.1 + nose, 0.36, (206, 208, 210), 0.7)
    _wheel(pen, -0.62, r, WHITE)
    _wheel(pen, 0.64, r, WHITE)


def sports_car(pen: Pen, rng: Random) -> None:
    """A low wedge with a rear wing, big wheels and a racing stripe."""
    body, trim = pick(rng), pick(rng, "white", "black", "mustard", "red", "cream")
    r, roof = rng.uniform(0.2, 0.235), rng.uniform(-0.22, -0.15)
    pen.poly([(-0.98, 0.06), (-0.92, -0.2), (-0.86, -0.2), (-0.84, 0.06)], DARK, 0.7)
    pen.poly(
        [(-1.2, -0.24), (-1.18, -0.3), (-0.72, -0.22), (-0.74, -0.16)], trim if rng.random() < 0.5 else shade(body, 0.7)
    )
    pen.blob(
        [
            (-1.18, 0.12),
            (-1.1, 0.02),
            (-0.72, -0.03),
            (-0.4, roof - 0.02),
            (-0.02, roof - 0.08),
            (0.28, roof + 0.03),
            (0.6, 0.06),
            (1.0, 0.16),
            (1.26, 0.3),
            (1.26, 0.38),
            (1.1, 0.4),
            (-1.1, 0.4),
            (-1.2, 0.32),
        ],
        body,
    )
    pen.blob(
        [
            (-0.36, 0.0),
            (-0.36, 0.0),
            (-0.2, roof + 0.03),
            (0.0, roof - 0.01),
            (0.2, roof + 0.06),
            (0.46, 0.05),
            (0.46, 0.05),
        ],
        (70, 92, 112),
        0.8,
    )
    pen.line([(0.02, roof - 0.02), (0.04, 0.04)], body, 1.6)
    stripe = rng.random()
    if stripe < 0.45:
        pen.poly([(-1.15, 0.24), (0.3, 0.2), (1.12, 0.28), (0.3, 0.27), (-1.15, 0.32)], trim, 0)
    elif stripe < 0.8:
        pen.oval(-0.06, 0.19, 0.13, 0.12, WHITE, line=0.6)
        pen.line([(-0.06, 0.12), (-0.06, 0.26)], DARK, 1.6)
    pen.poly([(-0.46, 0.1), (-0.22, 0.08), (-0.3, 0.24)], DARK, 0.4)
    pen.poly([(0.84, 0.12), (1.06, 0.2), (1.04, 0.25), (0.86, 0.18)], LAMP, 0.6)
    pen.rect(-1.2, 0.12, -1.1, 0.18, TAIL, 0.4)
    pen.poly([(-1.12, 0.38), (1.2, 0.38), (1.24, 0.43), (-1.1, 0.43)], DARK, 0.4)
    _wheel(pen, -0.7, r, (200, 202, 206))
    _wheel(pen, 0.76, r, (200, 202, 206))


DRAW: dict[str, Drawer] = {
    "pickup truck": pickup_truck,
    "convertible": convertible,
    "minibus": minibus,
    "sports car": sports_car,
}
