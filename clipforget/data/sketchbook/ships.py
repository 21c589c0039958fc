"""Ships: sailboat, container ship, submarine, rowing boat. Bow to the right, waterline near y = 0.6."""

from __future__ import annotations

from random import Random

from clipforget.data.sketchbook.canvas import DARK, GLASS, Drawer, Pen, pick, shade, vary


def sailboat(pen: Pen, rng: Random) -> None:
    """A mast with mainsail and jib over a short hull."""
    hull, sail, jib = pick(rng), pick(rng, "white", "cream", "coral", "sky", "mustard", "mint", "red"), pick(rng)
    top, boom = rng.uniform(-1.1, -0.92), rng.uniform(-0.78, -0.62)
    belly = rng.uniform(0.04, 0.14)
    pen.tube([(0.06, 0.4), (0.06, top)], [0.06, 0.04], (128, 88, 58), 0.7)
    pen.blob(
        [
            (0.0, top + 0.06),
            (0.0, top + 0.06),
            (-0.3 - belly, -0.35),
            (boom, 0.2),
            (boom, 0.2),
            (-0.3, 0.26),
            (0.0, 0.22),
            (0.0, 0.22),
        ],
        sail,
    )
    for t in (0.3, 0.6):
        pen.line([(-0.02, top + 0.1 + t), (boom * t * 0.95 - 0.06, top + 0.16 + t * 1.02)], shade(sail, 0.75), 0.6)
    if rng.random() < 0.5:
        pen.oval(-0.2, -0.2, 0.1, None, shade(jib, 0.85), line=0.4)
    pen.blob(
        [
            (0.13, top + 0.2),
            (0.13, top + 0.2),
            (0.5, -0.3),
            (0.86, 0.2),
            (0.86, 0.2),
            (0.4, 0.24),
            (0.14, 0.18),
            (0.14, 0.18),
        ],
        jib,
    )
    pen.poly([(0.08, top), (0.34, top - 0.07), (0.08, top - 0.13)], pick(rng, "red", "mustard", "blue", "orange"))
    pen.poly([(-0.3, 0.36), (-0.22, 0.24), (0.22, 0.24), (0.32, 0.36)], shade(hull, 1.6), 0.8)
    pen.blob(
        [
            (-0.86, 0.34),
            (-0.86, 0.34),
            (0.2, 0.38),
            (0.98, 0.28),
            (0.98, 0.28),
            (0.76, 0.6),
            (0.5, 0.72),
            (-0.6, 0.72),
            (-0.8, 0.6),
        ],
        hull,
    )
    pen.poly([(-0.85, 0.42), (0.9, 0.38), (0.86, 0.46), (-0.83, 0.5)], shade(hull, 1.7), 0)


def container_ship(pen: Pen, rng: Random) -> None:
    """A long low hull stacked with coloured boxes, bridge house at the stern."""
    hull, deck = (
        pick(rng, "red", "navy", "black", "teal", "green", "brown", "blue", "plum"),
        pick(rng, "white", "cream"),
    )
    rise = rng.uniform(0.34, 0.44)
    box_w, box_h = 0.235, 0.155
    stacks = [rng.choice((2, 3, 3, 4)) for _ in range(6)]
    for row in range(4):
        for col in range(6):
            if row >= stacks[col]:
                continue
            x, y = -0.62 + col * box_w, 0.2 - row * box_h
            colour = pick(rng, "red", "orange", "mustard", "green", "teal", "blue", "sky", "cream", "brown", "grey")
            pen.rect(x, y - box_h, x + box_w, y, colour, 0.7)
            pen.line([(x + box_w / 2, y - box_h + 0.03), (x + box_w / 2, y - 0.03)], shade(colour, 0.7), 0.5)
    pen.rect(-1.02, -rise - 0.06, -0.7, 0.22, deck)
    pen.rect(-1.06, -rise - 0.2, -0.64, -rise - 0.04, deck)
    pen.rect(-1.0, -rise - 0.16, -0.66, -rise - 0.09, DARK, 0)
    for i in range(3):
        pen.rect(-0.97, -0.22 + i * 0.13, -0.75, -0.17 + i * 0.13, GLASS, 0)
    pen.poly(
        [(-0.98, -rise - 0.2), (-0.96, -rise - 0.44), (-0.8, -rise - 0.44), (-0.78, -rise - 0.2)], shade(hull, 0.9)
    )
    pen.line([(0.98, 0.12), (0.98, -0.22)], DARK, 1.2)
    pen.blob(
        [
            (-1.12, 0.2),
            (-1.12, 0.2),
            (0.8, 0.2),
            (0.86, 0.1),
            (1.22, 0.04),
            (1.22, 0.04),
            (1.06, 0.36),
            (0.98, 0.66),
            (0.9, 0.72),
            (-0.98, 0.72),
            (-1.08, 0.6),
        ],
        hull,
    )
    pen.poly([(-1.08, 0.54), (1.02, 0.54), (0.97, 0.72), (-1.02, 0.72)], shade(hull, 0.62), 0)
    pen.line([(-1.08, 0.29), (1.1, 0.27)], shade(hull, 1.6), 0.9)


def submarine(pen: Pen, rng: Random) -> None:
    """A cigar with conning tower, periscope, portholes and a propeller."""
    hull, trim = pick(rng), pick(rng)
    fat, tower = rng.uniform(0.27, 0.36), rng.uniform(-0.18, 0.16)
    y = 0.3
    top = y - fat
    pen.poly([(-0.82, y - 0.05), (-1.0, y - 0.36), (-1.12, y - 0.36), (-1.08, y + 0.36), (-1.0, y + 0.36)], trim)
    pen.oval(-1.15, y, 0.05, 0.2, (190, 170, 110), angle=rng.uniform(-10, 10))
    pen.line([(tower + 0.06, top - 0.2), (tower + 0.06, top - 0.66), (tower + 0.24, top - 0.66)], shade(hull, 0.6), 2.6)
    pen.line([(tower - 0.12, top - 0.2), (tower - 0.12, top - 0.5)], DARK, 1.2)
    pen.blob(
        [
            (tower - 0.3, top + 0.12),
            (tower - 0.26, top - 0.28),
            (tower - 0.26, top - 0.28),
            (tower + 0.18, top - 0.28),
            (tower + 0.24, top - 0.22),
            (tower + 0.34, top + 0.12),
        ],
        shade(hull, 0.85),
    )
    pen.rect(tower - 0.17, top - 0.18, tower + 0.13, top - 0.1, trim, 0.4)
    pen.blob(
        [
            (-1.04, y - 0.04),
            (-0.8, y - fat * 0.7),
            (-0.3, top),
            (0.5, top),
            (0.94, y - fat * 0.6),
            (1.06, y),
            (0.94, y + fat * 0.6),
            (0.5, y + fat),
            (-0.3, y + fat),
            (-0.8, y + fat * 0.6),
            (-1.04, y + 0.06),
        ],
        hull,
    )
    pen.blob(
        [
            (-0.9, y + 0.08),
            (0.2, y + 0.14),
            (1.02, y + 0.06),
            (0.7, y + fat * 0.86),
            (0.4, y + fat * 0.95),
            (-0.3, y + fat * 0.95),
            (-0.7, y + fat * 0.62),
        ],
        shade(hull, 0.72),
        0,
    )
    for i in range(rng.choice((3, 4))):
        pen.oval(0.62 - i * 0.3, y - 0.05, 0.09, None, trim, line=0.8)
        pen.oval(0.62 - i * 0.3, y - 0.05, 0.055, None, (236, 226, 160), line=0.4)
    pen.line([(-0.9, top + 0.12), (-0.34, top + 0.0)], shade(hull, 1.4), 0.8)


def rowing_boat(pen: Pen, rng: Random) -> None:
    """An open boat, one rower and a pair of oars."""
    hull, shirt = pick(rng), pick(rng)
    skin = vary(rng, rng.choice(((236, 190, 150), (196, 140, 100), (128, 84, 60))), 10)
    reach, swing = rng.uniform(0.85, 1.05), rng.uniform(-0.12, 0.2)
    wood = vary(rng, (176, 126, 78))
    lean = rng.uniform(-0.12, 0.08)
    pen.tube([(0.1, 0.12), (0.5 + swing, -0.02 - swing), (reach, 0.24)], [0.05, 0.045, 0.045], shade(wood, 0.8), 0.7)
    pen.oval(reach + 0.08, 0.3, 0.17, 0.06, shade(wood, 0.9), angle=34)
    pen.blob([(-1.06, 0.06), (-0.5, 0.2), (0.4, 0.2), (1.06, 0.02), (0.7, 0.34), (-0.7, 0.34)], shade(hull, 0.5))
    pen.rect(-0.62, 0.16, -0.38, 0.3, wood, 0.6)
    pen.rect(0.36, 0.14, 0.62, 0.3, wood, 0.6)
    pen.blob([(-0.2, 0.36), (-0.18 + lean, -0.16), (-0.02 + lean, -0.3), (0.14 + lean, -0.16), (0.2, 0.36)], shirt)
    pen.oval(lean - 0.02, -0.44, 0.15, 0.17, skin)
    if rng.random() < 0.5:
        pen.oval(lean - 0.02, -0.54, 0.3, 0.055, (230, 202, 130))
        pen.blob([(lean - 0.15, -0.55), (lean - 0.1, -0.7), (lean + 0.07, -0.7), (lean + 0.12, -0.55)], (230, 202, 130))
    else:
        pen.blob(
            [
                (lean - 0.17, -0.42),
                (lean - 0.13, -0.61),
                (lean + 0.08, -0.62),
                (lean + 0.14, -0.48),
                (lean - 0.06, -0.52),
            ],
            rng.choice(((70, 48, 36), (150, 96, 50), (58, 54, 56))),
        )
    pen.tube([(lean + 0.03, -0.16), (0.24, 0.06), (0.4, 0.06)], [0.12, 0.1, 0.09], shade(shirt, 0.85))
    pen.blob(
        [
            (-1.16, -0.02),
            (-1.16, -0.02),
            (-0.6, 0.22),
            (0.4, 0.24),
            (1.2, -0.08),
            (1.2, -0.08),
            (1.0, 0.4),
            (0.7, 0.64),
            (-0.74, 0.64),
            (-1.02, 0.38),
        ],
        hull,
    )
    for t in (0.3, 0.46):
        pen.line([(-1.04, t - 0.12), (-0.5, t + 0.04), (0.4, t + 0.05), (1.08, t - 0.18)], shade(hull, 0.68), 0.8, True)
    pen.tube([(0.42, 0.06), (-0.1, 0.3), (-0.46 - swing, 0.62)], [0.055, 0.05, 0.05], wood, 0.8)
    pen.oval(-0.58 - swing, 0.72, 0.2, 0.075, wood, angle=-38)


DRAW: dict[str, Drawer] = {
    "sailboat": sailboat,
    "container ship": container_ship,
    "submarine": submarine,
    "rowing boat": rowing_boat,
}
