"""Birds: owl, penguin, flamingo, parrot. Standing or perched, local units -1..1, feet near y = 0.95."""

from __future__ import annotations

from random import Random

from clipforget.data.sketchbook.canvas import RGB, WHITE, Drawer, Pen, pick, shade, vary


def _branch(pen: Pen, rng: Random, y: float) -> None:
    """A perch right across at height ``y``, sometimes with leaves."""
    bark = vary(rng, (122, 88, 64))
    sag = rng.uniform(-0.08, 0.08)
    pen.tube([(-1.5, y + sag), (-0.4, y + 0.02), (0.5, y), (1.5, y - sag)], [0.2, 0.15, 0.13, 0.1], bark)
    for x in (-1.0, 0.8):
        if rng.random() < 0.6:
            tone = pick(rng, "green", "mustard", "orange", "mint")
            pen.oval(x, y - 0.14, 0.2, 0.08, tone, angle=rng.uniform(-60, 20), line=0.7)
            pen.oval(x + 0.2, y + 0.16, 0.2, 0.08, shade(tone, 0.85), angle=rng.uniform(10, 70), line=0.7)


def _eye(pen: Pen, x: float, y: float, r: float, iris: RGB) -> None:
    pen.oval(x, y, r, None, iris, line=0.8)
    pen.oval(x, y, r * 0.55, None, (30, 28, 32), line=0)
    pen.oval(x - r * 0.22, y - r * 0.25, r * 0.2, None, WHITE, line=0)


def owl(pen: Pen, rng: Random) -> None:
    """Facing us: ear tufts, two huge eyes in a face disc, folded wings, barred chest."""
    body = pick(rng, "brown", "grey", "white", "orange", "plum", "navy", "cream", "teal", "mustard")
    wing, belly, iris = shade(body, 0.72), shade(body, 1.55), pick(rng, "mustard", "orange")
    wide, ears = rng.uniform(0.54, 0.66), rng.uniform(0.16, 0.32)
    pen.poly([(-0.2, 0.7), (0.2, 0.7), (0.16, 1.2), (-0.16, 1.2)], wing)
    pen.blob(
        [
            (-0.5, -0.78 - ears),
            (-0.5, -0.78 - ears),
            (0.0, -0.76),
            (0.5, -0.78 - ears),
            (0.5, -0.78 - ears),
            (0.56, -0.4),
            (wide, 0.2),
            (wide * 0.72, 0.72),
            (0, 0.88),
            (-wide * 0.72, 0.72),
            (-wide, 0.2),
            (-0.56, -0.4),
        ],
        body,
    )
    pen.blob([(0, -0.16), (0.34, 0.1), (0.32, 0.56), (0, 0.8), (-0.32, 0.56), (-0.34, 0.1)], belly, 0.6)
    for j in range(4):
        for i in range(3 - j % 2):
            x, y = (i - 1 + 0.5 * (j % 2)) * 0.2, 0.08 + j * 0.16
            pen.line([(x - 0.06, y - 0.04), (x, y + 0.03), (x + 0.06, y - 0.04)], wing, 1)
    for s in (-1, 1):
        pen.blob(
            [
                (s * 0.5, -0.2),
                (s * wide * 1.1, 0.2),
                (s * wide * 0.86, 0.66),
                (s * 0.3, 0.92),
                (s * 0.3, 0.92),
                (s * 0.36, 0.4),
                (s * 0.4, 0.06),
            ],
            wing,
        )
        pen.line([(s * wide * 0.8, 0.2), (s * wide * 0.62, 0.66)], shade(wing, 0.75), 0.7)
        pen.oval(s * 0.25, -0.45, 0.29, 0.3, belly, line=0.7)
        _eye(pen, s * 0.23, -0.45, rng.uniform(0.17, 0.2), iris)
    pen.poly([(-0.08, -0.34), (0.08, -0.34), (0, -0.1)], (226, 160, 70), 0.8)
    _branch(pen, rng, 0.9)
    for foot in (-0.22, 0.22):
        for dx in (-0.07, 0, 0.07):
            pen.oval(foot + dx, 0.86, 0.04, 0.09, (226, 160, 70), line=0.6)


def penguin(pen: Pen, rng: Random) -> None:
    """Upright and stout: dark coat, white front, flippers and webbed feet."""
    coat = pick(rng, "black", "navy", "grey", "brown", "teal", "plum", "blue")
    beak, lean = pick(rng, "orange", "mustard", "coral"), rng.uniform(-0.05, 0.05)
    fat, lift = rng.uniform(0.44, 0.56), rng.uniform(0, 1)
    for s in (-1, 1):
        pen.blob([(s * 0.06, 0.86), (s * 0.24, 0.8), (s * 0.46, 0.92), (s * 0.3, 0.98), (s * 0.06, 0.97)], beak)
        out = 0.2 + 0.34 * lift
        pen.blob(
            [
                (s * fat * 0.7, -0.34),
                (s * (fat + out * 0.6), 0.02),
                (s * (fat + out), 0.4 - lift * 0.2),
                (s * (fat + out * 0.5), 0.36),
                (s * fat * 0.8, 0.14),
            ],
            shade(coat, 0.8),
        )
    pen.blob(
        [
            (lean, -0.98),
            (lean + 0.27, -0.86),
            (lean + 0.31, -0.58),
            (fat * 0.82, -0.3),
            (fat, 0.24),
            (fat * 0.74, 0.74),
            (0, 0.92),
            (-fat * 0.74, 0.74),
            (-fat, 0.24),
            (-fat * 0.82, -0.3),
            (lean - 0.31, -0.58),
            (lean - 0.27, -0.86),
        ],
        coat,
    )
    pen.blob(
        [
            (0, -0.42),
            (fat * 0.6, -0.2),
            (fat * 0.76, 0.26),
            (fat * 0.52, 0.68),
            (0, 0.82),
            (-fat * 0.52, 0.68),
            (-fat * 0.76, 0.26),
            (-fat * 0.6, -0.2),
        ],
        WHITE,
        0.6,
    )
    for s in (-1, 1):
        pen.blob(
            [
                (lean + s * 0.02, -0.6),
                (lean + s * 0.1, -0.8),
                (lean + s * 0.23, -0.76),
                (lean + s * 0.25, -0.56),
                (lean + s * 0.12, -0.42),
                (lean + s * 0.02, -0.46),
            ],
            WHITE,
            0,
        )
    if rng.random() < 0.5:
        pen.blob(
            [(-0.26, -0.36), (0, -0.25), (0.26, -0.36), (0.2, -0.24), (0, -0.14), (-0.2, -0.24)], shade(beak, 1.3), 0.4
        )
    for s in (-1, 1):
        pen.oval(lean + s * 0.135, -0.66, 0.046, 0.056, (30, 28, 34), line=0)
    pen.blob(
        [
            (lean - 0.11, -0.56),
            (lean - 0.11, -0.56),
            (lean, -0.62),
            (lean + 0.11, -0.56),
            (lean + 0.11, -0.56),
            (lean, -0.4),
            (lean, -0.4),
        ],
        beak,
        0.8,
    )


def flamingo(pen: Pen, rng: Random) -> None:
    """Stilt legs, a long S-shaped neck and a bent beak with a dark tip."""
    body = pick(rng, "pink", "coral", "pink", "coral", "white", "orange", "plum", "cream")
    leg, wing = shade(body, 0.82), shade(body, 0.86)
    x, top = rng.uniform(0.36, 0.46), rng.uniform(-0.86, -0.76)
    pen.tube([(-0.06, 0.2), (-0.02, 0.6), (-0.06, 0.98)], [0.07, 0.05, 0.05], leg, 0.8)
    pen.poly([(-0.08, 0.95), (0.12, 0.99), (-0.1, 1.0)], leg, 0.8)
    if rng.random() < 0.6:
        pen.tube([(-0.24, 0.2), (-0.16, 0.52)], [0.07, 0.05], leg, 0.8)
        pen.tube([(-0.16, 0.52), (-0.5, 0.62)], [0.05, 0.05], leg, 0.8)
    else:
        pen.tube([(-0.24, 0.2), (-0.3, 0.6), (-0.34, 0.98)], [0.07, 0.05, 0.05], leg, 0.8)
        pen.poly([(-0.36, 0.95), (-0.16, 0.99), (-0.38, 1.0)], leg, 0.8)
    pen.tube(
        [(0.06, 0.06), (0.36, 0.02), (0.4, -0.24), (0.18, -0.44), (0.14, top + 0.12), (0.26, top), (x, top + 0.08)],
        [0.22, 0.15, 0.12, 0.115, 0.115, 0.13, 0.13],
        body,
    )
    pen.blob(
        [
            (0.26, 0.02),
            (0.08, 0.24),
            (-0.3, 0.26),
            (-0.66, 0.22),
            (-0.9, 0.06),
            (-0.9, 0.06),
            (-0.56, -0.16),
            (-0.2, -0.24),
            (0.1, -0.18),
        ],
        body,
    )
    pen.blob(
        [(0.1, -0.06), (-0.1, 0.14), (-0.5, 0.16), (-0.82, 0.08), (-0.82, 0.08), (-0.4, -0.14), (-0.06, -0.18)],
        wing,
        0.7,
    )
    pen.line([(-0.02, 0.02), (-0.3, 0.06), (-0.62, 0.06)], shade(wing, 0.8), 0.8)
    pen.blob(
        [
            (x - 0.16, top - 0.06),
            (x, top - 0.09),
            (x + 0.12, top + 0.02),
            (x + 0.04, top + 0.14),
            (x - 0.12, top + 0.1),
        ],
        body,
    )
    pen.blob(
        [
            (x + 0.06, top - 0.04),
            (x + 0.22, top + 0.06),
            (x + 0.26, top + 0.2),
            (x + 0.14, top + 0.16),
            (x + 0.04, top + 0.13),
        ],
        (246, 232, 214),
        0.8,
    )
    pen.blob(
        [
            (x + 0.21, top + 0.08),
            (x + 0.29, top + 0.2),
            (x + 0.22, top + 0.36),
            (x + 0.22, top + 0.36),
            (x + 0.13, top + 0.18),
        ],
        (44, 40, 46),
        0.6,
    )
    pen.oval(x, top, 0.028, None, (30, 28, 32), line=0)


def parrot(pen: Pen, rng: Random) -> None:
    """Perched sideways: hooked beak, bare cheek, layered wing and a very long tail."""
    names = rng.sample(("red", "green", "blue", "mustard", "teal", "coral", "sky", "orange", "plum", "white"), 3)
    body, wing, tip = (pick(rng, n) for n in names)
    beak, tail = rng.choice(((60, 56, 60), (236, 214, 170), (230, 150, 70))), rng.uniform(0.95, 1.15)
    pen.blob(
        [(-0.2, 0.3), (-0.5, 0.8), (-0.62, tail + 0.1), (-0.62, tail + 0.1), (-0.4, tail), (-0.16, 0.76), (0.02, 0.5)],
        tip,
    )
    pen.blob([(-0.24, 0.4), (-0.44, 0.86), (-0.44, tail), (-0.44, tail), (-0.28, 0.86), (-0.12, 0.56)], wing, 0.7)
    _branch(pen, rng, 0.62)
    pen.blob(
        [
            (0.12, -0.96),
            (0.38, -0.84),
            (0.46, -0.56),
            (0.38, -0.2),
            (0.34, 0.16),
            (0.16, 0.48),
            (-0.14, 0.6),
            (-0.28, 0.5),
            (-0.36, 0.1),
            (-0.3, -0.36),
            (-0.2, -0.7),
            (-0.08, -0.9),
        ],
        body,
    )
    if rng.random() < 0.4:
        for k, tone in ((0, tip), (1, wing), (2, tip)):
            x, y = 0.14 - 0.11 * k, -0.93 + 0.05 * k
            pen.blob(
                [
                    (x, y),
                    (x - 0.06, y - 0.14),
                    (x - 0.26 - 0.02 * k, y - 0.2 + 0.05 * k),
                    (x - 0.26 - 0.02 * k, y - 0.2 + 0.05 * k),
                    (x - 0.14, y + 0.0),
                ],
                tone,
            )
    pen.blob([(0.28, -0.76), (0.44, -0.66), (0.42, -0.46), (0.24, -0.44), (0.14, -0.6)], WHITE, 0.6)
    pen.blob([(0.36, -0.8), (0.58, -0.76), (0.68, -0.54), (0.6, -0.3), (0.6, -0.3), (0.54, -0.5), (0.38, -0.5)], beak)
    pen.blob([(0.38, -0.5), (0.52, -0.48), (0.5, -0.36), (0.38, -0.38)], shade(beak, 0.7), 0.7)
    pen.oval(0.22, -0.66, 0.06, None, WHITE, line=0.7)
    pen.oval(0.23, -0.66, 0.035, None, (30, 28, 32), line=0)
    pen.blob(
        [
            (0.0, -0.38),
            (0.14, -0.1),
            (0.06, 0.24),
            (-0.2, 0.56),
            (-0.42, 0.74),
            (-0.42, 0.74),
            (-0.46, 0.3),
            (-0.36, -0.14),
            (-0.2, -0.38),
        ],
        wing,
    )
    pen.blob([(-0.06, 0.3), (-0.2, 0.54), (-0.42, 0.74), (-0.42, 0.74), (-0.46, 0.36), (-0.3, 0.24)], tip, 0.7)
    pen.line([(0.02, 0.02), (-0.16, 0.14), (-0.4, 0.08)], shade(wing, 0.65), 0.9, True)
    pen.line([(0.06, -0.16), (-0.12, -0.08), (-0.36, -0.14)], shade(wing, 0.65), 0.9, True)
    for dx in (-0.1, 0.06):
        pen.oval(dx, 0.6, 0.05, 0.09, (110, 104, 104), line=0.7)


DRAW: dict[str, Drawer] = {"owl": owl, "penguin": penguin, "flamingo": flamingo, "parrot": parrot}
