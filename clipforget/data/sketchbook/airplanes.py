"""Airplanes: airliner, biplane, fighter jet, seaplane. Nose to the right, local units -1..1."""

from __future__ import annotations

from random import Random

from clipforget.data.sketchbook.canvas import DARK, GLASS, RGB, WHITE, Drawer, Pen, pick, shade


def airliner(pen: Pen, rng: Random) -> None:
    """Long tube with a row of windows, swept wings and engines under them."""
    body, trim = pick(rng, "white", "cream", "grey", "sky", "mint", "mustard"), pick(rng)
    wing = shade(body, 0.78)
    h, sweep = rng.uniform(0.15, 0.19), rng.uniform(0.3, 0.5)
    fin = rng.uniform(0.38, 0.5)
    pen.poly([(0.18, -0.06), (-0.28 - sweep / 3, -0.42), (-0.4 - sweep / 3, -0.42), (-0.14, -0.04)], shade(wing, 0.85))
    pen.poly([(-0.7, -0.05), (-0.98, -0.22), (-1.06, -0.2), (-0.9, 0.0)], shade(wing, 0.85))
    pen.poly([(-0.62, -h * 0.8), (-0.9, -h - fin), (-1.08, -h - fin), (-0.96, -h * 0.5)], trim)
    pen.blob(
        [
            (-1.05, -h * 0.72),
            (-0.6, -h),
            (0.6, -h),
            (0.86, -h * 0.7),
            (1.0, 0.06),
            (0.85, h * 0.9),
            (0.5, h),
            (-0.45, h),
            (-0.8, h * 0.35),
            (-1.05, -h * 0.45),
        ],
        body,
    )
    if rng.random() < 0.7:
        pen.poly([(-0.86, 0.03), (0.95, 0.03), (0.98, 0.08), (-0.72, 0.1)], trim, 0)
    for i in range(13):
        x = -0.62 + i * 0.098
        pen.rect(x, -0.07, x + 0.045, -0.01, DARK, 0)
    pen.poly([(0.74, -h * 0.72), (0.86, -h * 0.62), (0.92, -0.03), (0.78, -0.03)], GLASS, 0.6)
    with pen.at(-0.02, 0.3 + sweep * 0.1):
        pen.oval(0.13, -0.02, 0.17, 0.08, trim)
        pen.oval(0.26, -0.02, 0.035, 0.07, DARK, line=0.5)
    pen.poly(
        [(0.24, 0.07), (-0.4 - sweep / 2, 0.44 + sweep / 3), (-0.58 - sweep / 2, 0.44 + sweep / 3), (-0.22, 0.07)], wing
    )
    pen.poly([(-0.72, 0.0), (-1.04, 0.17), (-1.16, 0.17), (-0.96, -0.02)], wing)


def biplane(pen: Pen, rng: Random) -> None:
    """Two stacked wings joined by struts, a round nose with a propeller, wheels below."""
    body, wing = pick(rng), pick(rng)
    gap, fall, reach = rng.uniform(0.52, 0.62), rng.uniform(0.2, 0.3), rng.uniform(0.36, 0.5)
    low, front, back = 0.16, 0.5, 0.1
    high = low - gap

    def half(y: float, side: int, colour: RGB) -> None:  # side 1 is the near half, -1 the far one
        dx, dy = -side * reach, side * fall
        pen.poly([(back, y), (front, y), (front + dx * 0.9, y + dy), (back + dx + 0.05, y + dy)], colour)

    def struts(side: int) -> None:
        dx, dy = -side * reach * 0.8, side * fall * 0.8
        for x in (back + 0.08, front - 0.08):
            pen.line([(x + dx, low + dy), (x + dx + 0.04, high + dy)], DARK, 1.3)

    half(low, -1, shade(wing, 0.7))
    struts(-1)
    pen.line([(0.34, 0.12), (0.3, 0.5)], DARK, 1.5)
    pen.line([(0.5, 0.12), (0.34, 0.5)], DARK, 1.5)
    pen.blob([(-0.68, -0.05), (-0.8, -0.36), (-0.98, -0.44), (-1.08, -0.26), (-1.04, 0.02)], wing)
    pen.oval(-0.3, -0.24, 0.085, None, pick(rng, "brown", "red", "cream"))
    pen.blob(
        [
            (0.72, -0.18),
            (0.3, -0.21),
            (-0.4, -0.12),
            (-1.0, -0.05),
            (-1.0, 0.04),
            (-0.4, 0.13),
            (0.3, 0.2),
            (0.72, 0.18),
        ],
        body,
    )
    pen.poly([(-0.2, -0.16), (-0.14, -0.27), (-0.08, -0.17)], GLASS, 0.7)
    pen.poly([(-0.76, 0.0), (-1.06, 0.15), (-1.2, 0.13), (-0.98, -0.02)], wing)
    if rng.random() < 0.6:
        pen.oval(-0.58, 0.01, 0.08, None, shade(wing, 1.5), line=0.7)
    half(low, 1, shade(wing, 0.84))
    pen.line([(0.2, -0.18), (0.24, high)], DARK, 1.3)
    pen.line([(0.42, -0.18), (0.38, high)], DARK, 1.3)
    struts(1)
    pen.poly(
        [
            (back + reach, high - fall),
            (front + reach * 0.9, high - fall),
            (front - reach * 0.9, high + fall),
            (back - reach + 0.05, high + fall),
        ],
        wing,
    )
    pen.oval(0.74, 0, 0.09, 0.19, shade(body, 0.65))
    pen.oval(0.86, 0.0, 0.035, 0.46, (216, 214, 206), angle=rng.uniform(-14, 14), line=0.7)
    pen.oval(0.85, 0, 0.06, None, DARK, line=0.5)
    for x, r in ((0.44, 0.11), (0.3, 0.13)):
        pen.oval(x, 0.54, r, None, (50, 50, 56))
        pen.oval(x, 0.54, r * 0.4, None, WHITE, line=0.4)


def fighter_jet(pen: Pen, rng: Random) -> None:
    """Needle nose, delta wings, canopy, twin fins and a burning exhaust."""
    body = pick(rng, "grey", "navy", "green", "sky", "teal", "white", "plum", "brown", "red", "mustard")
    wing, trim = shade(body, 0.8), pick(rng, "red", "mustard", "white", "orange")
    tip, back = rng.uniform(0.55, 0.7), rng.uniform(-0.8, -0.68)
    if rng.random() < 0.7:
        flame = rng.uniform(1.2, 1.4)
        pen.blob([(-0.86, -0.1), (-flame, 0.0), (-flame, 0.0), (-0.86, 0.11)], (246, 160, 62), 0.5)
        pen.blob([(-0.86, -0.05), (-flame + 0.18, 0.0), (-flame + 0.18, 0.0), (-0.86, 0.06)], (255, 232, 150), 0)
    pen.poly([(0.2, -0.08), (back, -tip * 0.72), (back - 0.1, -tip * 0.72), (-0.72, -0.06)], shade(wing, 0.85))
    pen.poly([(-0.4, -0.1), (-0.84, -0.5), (-0.98, -0.5), (-0.88, -0.08)], shade(wing, 0.75))
    pen.blob(
        [
            (1.12, 0.02),
            (1.12, 0.02),
            (0.6, -0.11),
            (0.1, -0.16),
            (-0.6, -0.14),
            (-0.9, -0.11),
            (-0.9, 0.12),
            (-0.4, 0.15),
            (0.2, 0.14),
            (0.7, 0.09),
        ],
        body,
    )
    pen.poly([(0.28, 0.06), (0.36, 0.14), (0.0, 0.2), (-0.3, 0.12)], DARK, 0.6)
    pen.poly([(0.3, 0.05), (back, tip), (back - 0.16, tip), (-0.76, 0.08)], wing)
    pen.poly([(back + 0.26, tip * 0.72), (back, tip), (back - 0.16, tip), (back - 0.1, tip * 0.72)], trim, 0.5)
    pen.line([(back - 0.2, tip), (back + 0.16, tip)], shade(trim, 0.8), 1.8)
    pen.poly([(-0.66, 0.05), (-0.98, 0.3), (-1.1, 0.3), (-0.92, 0.04)], wing)
    pen.poly([(-0.32, -0.06), (-0.74, -0.58), (-0.92, -0.58), (-0.84, -0.02)], body)
    pen.poly([(-0.66, -0.48), (-0.74, -0.58), (-0.92, -0.58), (-0.91, -0.48)], trim, 0.4)
    pen.blob([(0.66, -0.08), (0.46, -0.25), (0.22, -0.25), (0.04, -0.13)], (92, 150, 186))
    pen.line([(0.36, -0.25), (0.34, -0.12)], DARK, 0.6)
    pen.poly([(0.86, -0.05), (1.12, 0.02), (0.9, 0.06)], shade(body, 0.55), 0)


def seaplane(pen: Pen, rng: Random) -> None:
    """High wing, propeller, and two long floats on struts."""
    body, wing, floats = pick(rng), pick(rng), pick(rng, "white", "cream", "grey", "mustard", "red", "sky")
    drop, lean = rng.uniform(0.5, 0.6), rng.uniform(0.08, 0.18)
    pen.blob(
        [(-0.5, drop - 0.16), (0.3, drop - 0.18), (0.72, drop - 0.22), (0.6, drop - 0.06), (-0.5, drop - 0.04)],
        shade(floats, 0.7),
    )
    for a, b in ((0.3, 0.42), (-0.2, -0.32), (0.3, 0.0), (-0.2, 0.1)):
        pen.line([(a, 0.08), (b, drop)], DARK, 1.6)
    pen.poly([(-0.7, -0.08), (-0.88, -0.52), (-1.06, -0.54), (-1.02, -0.02)], wing)
    pen.blob(
        [
            (0.78, -0.1),
            (0.5, -0.24),
            (0.3, -0.34),
            (-0.1, -0.32),
            (-0.5, -0.12),
            (-1.04, -0.1),
            (-1.04, 0.0),
            (-0.4, 0.18),
            (0.4, 0.2),
            (0.76, 0.14),
        ],
        body,
    )
    pen.poly([(-0.92, 0.04), (0.78, 0.0), (0.77, 0.06), (-0.7, 0.1)], wing, 0)
    pen.poly([(0.5, -0.22), (0.34, -0.31), (0.24, -0.31), (0.24, -0.1), (0.54, -0.1)], GLASS, 0.7)
    pen.rect(0.0, -0.28, 0.17, -0.1, GLASS, 0.7)
    pen.oval(-0.16, -0.17, 0.07, 0.07, GLASS, line=0.6)
    pen.poly([(-0.76, -0.02), (-1.12, 0.12), (-1.24, 0.1), (-1.0, -0.05)], shade(wing, 0.85))
    pen.line([(0.16, 0.12), (-0.06, -0.32)], DARK, 1.5)
    y = -0.38
    pen.poly([(0.3, y + lean * 1.6), (-0.42, y + lean * 1.6), (-0.02, y - lean * 1.2), (0.62, y - lean * 1.2)], wing)
    pen.poly(
        [(0.3, y + lean * 1.6), (-0.42, y + lean * 1.6), (-0.32, y + lean * 0.9), (0.37, y + lean * 0.9)],
        shade(body, 0.9),
        0.5,
    )
    pen.oval(0.86, 0.02, 0.03, 0.4, (216, 214, 206), angle=rng.uniform(-12, 12), line=0.7)
    pen.oval(0.83, 0.02, 0.07, 0.06, DARK, line=0.5)
    pen.blob(
        [
            (-0.74, drop),
            (-0.6, drop - 0.05),
            (0.5, drop - 0.05),
            (0.92, drop - 0.12),
            (0.92, drop - 0.12),
            (0.76, drop + 0.1),
            (0.3, drop + 0.16),
            (-0.5, drop + 0.14),
        ],
        floats,
    )
    pen.line([(-0.7, drop + 0.05), (0.78, drop + 0.03)], shade(floats, 0.6), 0.9)


DRAW: dict[str, Drawer] = {"airliner": airliner, "biplane": biplane, "fighter jet": fighter_jet, "seaplane": seaplane}
