"""Fish: shark, clownfish, pufferfish, swordfish. Head to the right, local units -1..1."""

from __future__ import annotations

import math
from random import Random

from clipforget.data.sketchbook.canvas import DARK, WHITE, Drawer, Pen, mix, pick, shade


def _eye(pen: Pen, x: float, y: float, r: float) -> None:
    pen.oval(x, y, r, None, WHITE, line=0.8)
    pen.oval(x + r * 0.15, y, r * 0.58, None, (28, 28, 34), line=0)


def shark(pen: Pen, rng: Random) -> None:
    """Torpedo body, tall dorsal fin, sickle tail, gill slits and teeth."""
    skin = pick(rng, "grey", "blue", "navy", "sky", "teal", "brown", "black", "plum")
    fin, fat = shade(skin, 0.8), rng.uniform(0.25, 0.32)
    tall, bend = rng.uniform(0.36, 0.48), rng.uniform(-0.08, 0.08)
    pen.blob(
        [
            (-0.86, 0.02 + bend),
            (-1.2, -0.5 + bend),
            (-1.2, -0.5 + bend),
            (-1.02, 0.0 + bend),
            (-1.1, 0.34 + bend),
            (-1.1, 0.34 + bend),
            (-0.86, 0.12 + bend),
        ],
        fin,
    )
    pen.blob(
        [(0.1, -fat * 0.7), (-0.08, -fat - tall), (-0.2, -fat - tall), (-0.26, -fat - tall * 0.4), (-0.32, -fat * 0.6)],
        fin,
    )
    pen.poly([(-0.52, -0.12), (-0.7, -0.3), (-0.68, -0.08)], fin)
    pen.blob([(0.2, fat * 0.5), (-0.08, fat + 0.36), (-0.08, fat + 0.36), (0.02, fat * 0.8)], shade(fin, 0.85))
    pen.blob(
        [
            (1.12, -0.08),
            (0.7, -fat * 0.9),
            (0.15, -fat),
            (-0.5, -0.13),
            (-0.95, -0.02 + bend),
            (-0.95, 0.1 + bend),
            (-0.5, 0.13),
            (0.1, fat),
            (0.66, fat * 0.85),
            (0.98, 0.1),
        ],
        skin,
    )
    pen.blob(
        [
            (1.0, 0.1),
            (0.62, 0.06),
            (0.1, 0.1),
            (-0.6, 0.06),
            (-0.88, 0.07 + bend),
            (-0.5, 0.13),
            (0.1, fat * 0.98),
            (0.66, fat * 0.84),
        ],
        mix(skin, WHITE, 0.8),
        0,
    )
    pen.blob([(0.98, 0.08), (0.98, 0.08), (0.8, 0.1), (0.66, 0.2), (0.66, 0.2), (0.82, 0.2)], (120, 50, 56), 0.8)
    for i in range(3):
        pen.poly(
            [
                (0.93 - i * 0.085, 0.075 + i * 0.015),
                (0.87 - i * 0.085, 0.085 + i * 0.02),
                (0.89 - i * 0.085, 0.15 + i * 0.02),
            ],
            WHITE,
            0,
        )
    for i in range(4):
        x = 0.46 - i * 0.075
        pen.line([(x, -0.12), (x - 0.04, 0.0), (x, 0.12)], shade(skin, 0.55), 0.9, True)
    pen.blob([(0.34, fat * 0.46), (0.2, fat + 0.26), (-0.02, fat + 0.42), (-0.02, fat + 0.42), (0.06, fat * 0.6)], fin)
    _eye(pen, 0.76, -0.1, 0.045)


def clownfish(pen: Pen, rng: Random) -> None:
    """Plump, with three bold pale bands and dark-edged rounded fins."""
    body = pick(rng, "orange", "orange", "coral", "red", "mustard", "plum", "black", "brown", "teal")
    edge, band = (48, 44, 52), (246, 244, 238)
    fat, flap = rng.uniform(0.44, 0.52), rng.uniform(-0.1, 0.1)
    for grow, tone in ((0.05, edge), (0.0, shade(body, 1.12))):
        line = 0.8 if grow else 0.3
        pen.blob(
            [
                (-0.6, -0.08),
                (-0.92 - grow, -0.36 - grow),
                (-1.1 - grow, -0.16 + flap),
                (-1.08 - grow, 0.14 + flap),
                (-0.92 - grow, 0.34 + grow),
                (-0.6, 0.1),
            ],
            tone,
            line,
        )
        pen.blob(
            [
                (0.3, -fat * 0.6),
                (0.1, -fat - 0.2 - grow),
                (-0.12, -fat - 0.08 - grow),
                (-0.36, -fat - 0.14 - grow),
                (-0.6 - grow, -0.22 - grow),
            ],
            tone,
            line,
        )
        pen.blob(
            [(0.1, fat * 0.7), (-0.1, fat + 0.2 + grow), (-0.36, fat + 0.14 + grow), (-0.56 - grow, 0.22 + grow)],
            tone,
            line,
        )
    pen.blob(
        [
            (0.92, -0.02),
            (0.72, -0.26),
            (0.3, -fat),
            (-0.2, -fat * 0.9),
            (-0.6, -0.2),
            (-0.78, -0.12),
            (-0.78, 0.12),
            (-0.6, 0.2),
            (-0.2, fat * 0.9),
            (0.3, fat),
            (0.74, 0.26),
        ],
        body,
    )
    for x, half, w, bulge in ((0.4, fat * 0.93, 0.11, 0.1), (-0.14, fat * 0.9, 0.12, 0.12), (-0.64, 0.16, 0.06, 0.02)):
        for grow, tone in ((0.045, edge), (0, band)):
            g = w + grow
            pen.blob(
                [
                    (x - g, -half),
                    (x - g, -half),
                    (x + g, -half),
                    (x + g, -half),
                    (x + g + bulge, 0),
                    (x + g, half),
                    (x + g, half),
                    (x - g, half),
                    (x - g, half),
                    (x - g + bulge * 0.7, 0),
                ],
                tone,
                0,
            )
    pen.blob([(0.18, 0.06), (-0.08, 0.0), (-0.2, 0.16), (-0.06, 0.32), (0.16, 0.22)], edge, 0.6)
    pen.blob([(0.17, 0.08), (-0.06, 0.05), (-0.13, 0.16), (-0.04, 0.26), (0.14, 0.2)], shade(body, 1.15), 0)
    _eye(pen, 0.68, -0.1, 0.1)
    pen.line([(0.9, 0.04), (0.82, 0.1), (0.74, 0.1)], DARK, 1, True)


def pufferfish(pen: Pen, rng: Random) -> None:
    """A round ball bristling with spines, with big eyes and tiny fins."""
    back, spot = pick(rng, "mustard", "green", "brown", "teal", "coral", "sky", "plum", "orange", "grey"), 0.68
    belly = mix(back, WHITE, 0.78)
    r, spine = rng.uniform(0.58, 0.66), rng.uniform(0.13, 0.22)
    n, turn = rng.randint(18, 24), rng.uniform(0, 1)
    pen.blob(
        [(-r * 0.9, -0.06), (-r - 0.26, -0.2), (-r - 0.34, 0.0), (-r - 0.26, 0.2), (-r * 0.9, 0.08)], shade(back, 0.82)
    )
    for i in range(n):
        a = 2 * math.pi * (i + turn) / n
        tone = back if math.sin(a) < 0.2 else belly
        c, s, d = math.cos(a), math.sin(a), 0.09
        pen.poly(
            [
                (r * 0.94 * math.cos(a - d), r * 0.94 * math.sin(a - d)),
                ((r + spine) * c, (r + spine) * s),
                (r * 0.94 * math.cos(a + d), r * 0.94 * math.sin(a + d)),
            ],
            shade(tone, 0.86),
            0.8,
        )
    pen.blob([(-0.14, -r * 0.8), (-0.36, -r - 0.12), (-0.5, -r * 0.8)], shade(back, 0.75))
    pen.oval(0, 0, r * 1.03, r, back)
    pen.blob(
        [
            (r * 0.98, 0.14),
            (r * 0.6, 0.24),
            (0, 0.2),
            (-r * 0.6, 0.22),
            (-r * 0.96, 0.1),
            (-r * 0.74, r * 0.68),
            (0, r * 0.97),
            (r * 0.74, r * 0.68),
        ],
        belly,
        0,
    )
    for _ in range(9):
        a, k = rng.uniform(math.pi * 1.05, math.pi * 1.8), rng.uniform(0.25, 0.85)
        pen.oval(
            r * k * math.cos(a) - 0.08,
            r * k * math.sin(a) + 0.03,
            rng.uniform(0.035, 0.07),
            None,
            shade(back, spot),
            line=0,
        )
    for _ in range(11):
        a, k = rng.uniform(0, 6.28), rng.uniform(0.3, 0.85)
        x, y = r * k * math.cos(a) - 0.05, r * k * math.sin(a)
        pen.line([(x - 0.03, y + 0.02), (x, y - 0.05), (x + 0.03, y + 0.02)], shade(back, 0.55), 0.8)
    pen.blob([(-0.02, 0.06), (-0.26, -0.06), (-0.34, 0.12), (-0.26, 0.3), (-0.02, 0.2)], shade(back, 0.78))
    for dx in (0.1, 0.18, 0.26):
        pen.line([(-0.06, 0.13), (-dx - 0.04, 0.13 + (dx - 0.18) * 1.2)], shade(back, 0.5), 0.6)
    _eye(pen, r * 0.56, -0.18, rng.uniform(0.14, 0.18))
    pen.oval(r * 0.99, 0.1, 0.06, 0.09, (206, 110, 110), line=1)
    pen.line([(r * 0.93, 0.1), (r * 1.06, 0.1)], DARK, 0.9)


def swordfish(pen: Pen, rng: Random) -> None:
    """A very long bill, a swept dorsal fin and a crescent tail."""
    back = pick(rng, "navy", "blue", "teal", "grey", "plum", "sky", "green", "brown", "coral")
    fin, fat = shade(back, 0.78), rng.uniform(0.19, 0.25)
    bill, sail = rng.uniform(1.25, 1.4), rng.uniform(0.36, 0.52)
    pen.blob(
        [
            (-0.74, -0.02),
            (-1.0, -0.34),
            (-1.22, -0.58),
            (-1.22, -0.58),
            (-1.02, -0.1),
            (-0.98, 0.02),
            (-1.02, 0.16),
            (-1.2, 0.6),
            (-1.2, 0.6),
            (-0.98, 0.36),
            (-0.74, 0.06),
        ],
        fin,
    )
    pen.blob(
        [(0.34, -fat * 0.7), (0.24, -fat - sail), (0.12, -fat - sail), (0.02, -fat - sail * 0.36), (-0.28, -fat * 0.7)],
        fin,
    )
    pen.poly([(-0.5, -0.1), (-0.68, -0.24), (-0.64, -0.06)], fin, 0.8)
    pen.poly([(-0.4, 0.1), (-0.62, 0.32), (-0.56, 0.06)], fin, 0.8)
    pen.blob([(0.5, -0.08), (bill, -0.03), (bill, -0.03), (0.5, 0.06)], shade(back, 0.7))
    pen.blob(
        [
            (0.78, -0.04),
            (0.5, -fat * 0.82),
            (0.16, -fat),
            (-0.4, -0.14),
            (-0.84, -0.03),
            (-0.84, 0.06),
            (-0.4, 0.14),
            (0.16, fat),
            (0.5, fat * 0.8),
            (0.68, 0.08),
        ],
        back,
    )
    pen.blob(
        [(0.66, 0.06), (0.3, 0.05), (-0.3, 0.03), (-0.8, 0.03), (-0.4, 0.135), (0.16, fat * 0.97), (0.5, fat * 0.78)],
        mix(back, WHITE, 0.8),
        0,
    )
    pen.line([(0.44, -0.12), (0.38, 0.02), (0.44, 0.14)], shade(back, 0.55), 0.9, True)
    pen.blob([(0.3, 0.07), (0.16, fat + 0.2), (0.0, fat + 0.36), (0.0, fat + 0.36), (0.08, 0.1)], fin)
    pen.line([(0.72, 0.06), (0.54, 0.08)], DARK, 0.9)
    _eye(pen, 0.57, -0.05, 0.055)


DRAW: dict[str, Drawer] = {"shark": shark, "clownfish": clownfish, "pufferfish": pufferfish, "swordfish": swordfish}
