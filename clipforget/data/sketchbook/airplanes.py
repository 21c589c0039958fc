"""Airplanes: airliner, biplane, fighter jet, seaplane. Nose to the right, local units -1..1."""

from __future__ import annotations

from random import Random

from clipforget.data.sketchbook.canvas import DARK, GLASS, WHITE, Pen, pick, shade


def airliner(pen: Pen, rng: Random) -> None:
    """Long tube with a row of windows, swept wings and engines under them."""
    body, trim = pick(rng, "white", "cream", "grey", "sky", "mint", "mustard"), pick(rng)
    wing = shade(body, 0.78)
    h, sweep = rng.uniform(0.15, 0.19), rng.uniform(0.3, 0.5)
    fin = rng.uniform(0.38, 0.5)
    pen.poly([(0.18, -0.06), (-0.28 - sweep / 3, -0.42), (-0.4 - sweep / 3, -0.42), (-0.14, -0.04)], shade(wing, 0.85))
    pen.poly([(-0.7, -0.05), (-0.98, -0.22), (-1.06, -0.2), (-0.9, 0.0)], shade(wing, 0.85))
    pen.poly([(-0.62, -h * 0.8), (-0.9, -h - fin), (-1.08, -h - fin), (-0.96, -h * 0.5)], trim)
    pen.blob([(-1.05, -h * 0.72), (-0.6, -h), (0.6, -h), (0.86, -h * 0.7), (1.0, 0.06), (0.85, h * 0.9), (0.5, h),
              (-0.45, h), (-0.8, h * 0.35), (-1.05, -h * 0.45)], body)
    if rng.random() < 0.7:
        pen.poly([(-0.86, 0.03), (0.95, 0.03), (0.98, 0.08), (-0.72, 0.1)], trim, 0)
    for i in range(13):
        x = -0.62 + i * 0.098
        pen.rect(x, -0.07, x + 0.045, -0.01, DARK, 0)
    pen.poly([(0.74, -h * 0.72), (0.86, -h * 0.62), (0.92, -0.03), (0.78, -0.03)], GLASS, 0.6)
    with pen.at(-0.02, 0.3 + sweep * 0.1):
        pen.oval(0.13, -0.02, 0.17, 0.08, trim)
        pen.oval(0.26, -0.02, 0.035, 0.07, DARK, line=0.5)
    pen.poly([(0.24, 0.07), (-0.4 - sweep / 2, 0.44 + sweep / 3), (-0.58 - sweep / 2, 0.44 + sweep / 3), (-0.22, 0.07)],
             wing)
    pen.poly([(-0.72, 0.0), (-1.04, 0.17), (-1.16, 0.17), (-0.96, -0.02)], wing)


def biplane(pen: Pen, rng: Random) -> None:
    """Two stacked wings joined by struts, a round nose with a propeller, wheels below."""
    body, wing = pick(rng), pick(rng)
    gap, lean, span = rng.uniform(0.5, 0.62), rng.uniform(0.1, 0.22), rng.uniform(0.9, 1.05)
    low = 0.2
    pen.line([(0.3, 0.15), (0.22, 0.5)], DARK, 1.4)
    pen.line([(0.42, 0.15), (0.42, 0.5)], DARK, 1.4)

    def plane(y: float, colour: tuple[int, int, int]) -> None:
        near, far = 0.55 * span, 0.5 * span
        pen.poly([(0.52 - near * 0.55, y + lean * 1.3), (0.14 - near * 0.75, y + lean * 1.3),
                  (0.02 + far * 0.2, y - lean),
                  (0.42 + far * 0.45, y - lean)], colour)

    pen.poly([(-0.66, -0.06), (-0.86, -0.42), (-1.04, -0.44), (-1.04, 0.02)], wing)
    pen.blob([(0.72, -0.17), (0.3, -0.2), (-0.4, -0.1), (-1.0, -0.04), (-1.0, 0.04), (-0.4, 0.13), (0.3, 0.2),
              (0.72, 0.17)], body)
    pen.poly([(-0.74, 0.0), (-1.1, 0.14), (-1.22, 0.12), (-0.96, -0.02)], wing)
    plane(low, shade(wing, 0.82))
    pen.oval(-0.1, -0.17, 0.13, 0.06, DARK, line=0.6)
    pen.oval(-0.1, -0.25, 0.075, None, pick(rng, "brown", "red", "cream"))
    for x in (-0.2, 0.1, 0.36, 0.56):
        dy = lean * (0.9 - 1.9 * (x + 0.2) / 0.76)
        pen.line([(x, low + dy), (x + 0.03, low - gap - 0.06 + dy)], DARK, 1.3)
    plane(low - gap, wing)
    pen.oval(0.74, 0, 0.09, 0.18, shade(body, 0.65))
    pen.oval(0.86, 0.0, 0.035, 0.46, (216, 214, 206), angle=rng.uniform(-14, 14), line=0.7)
    pen.oval(0.85, 0, 0.06, None, DARK, line=0.5)
    pen.oval(0.32, 0.54, 0.13, None, DARK)
    pen.oval(0.32, 0.54, 0.05, None, WHITE, line=0.4)


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
    pen.blob([(1.12, 0.02), (1.12, 0.02), (0.6, -0.11), (0.1, -0.16), (-0.6, -0.14), (-0.9, -0.11), (-0.9, 0.12),
              (-0.4, 0.15), (0.2, 0.14), (0.7, 0.09)], body)
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
    pen.blob([(-0.5, drop - 0.16), (0.3, drop - 0.18), (0.72, drop - 0.22), (0.6, drop - 0.06), (-0.5, drop - 0.04)],
             shade(floats, 0.7))
    for a, b in ((0.3, 0.42), (-0.2, -0.32), (0.3, 0.0), (-0.2, 0.1)):
        pen.line([(a, 0.08), (b, drop)], DARK, 1.6)
    pen.poly([(-0.7, -0.08), (-0.88, -0.52), (-1.06, -0.54), (-1.02, -0.02)], wing)
    pen.blob([(0.78, -0.1), (0.5, -0.24), (0.3, -0.34), (-0.1, -0.32), (-0.5, -0.12), (-1.04, -0.1), (-1.04, 0.0),
              (-0.4, 0.18), (0.4, 0.2), (0.76, 0.14)], body)
    pen.poly([(-0.92, 0.04), (0.78, 0.0), (0.77, 0.06), (-0.7, 0.1)], wing, 0)
    pen.poly([(0.5, -0.22), (0.34, -0.31), (0.24, -0.31), (0.24, -0.1), (0.54, -0.1)], GLASS, 0.7)
    pen.rect(0.0, -0.28, 0.17, -0.1, GLASS, 0.7)
    pen.oval(-0.16, -0.17, 0.07, 0.07, GLASS, line=0.6)
    pen.poly([(-0.76, -0.02), (-1.12, 0.12), (-1.24, 0.1), (-1.0, -0.05)], shade(wing, 0.85))
    pen.line([(0.16, 0.12), (-0.06, -0.32)], DARK, 1.5)
    y = -0.38
    pen.poly([(0.3, y + lean * 1.6), (-0.42, y + lean * 1.6), (-0.02, y - lean * 1.2), (0.62, y - lean * 1.2)], wing)
    pen.poly([(0.3, y + lean * 1.6), (-0.42, y + lean * 1.6), (-0.32, y + lean * 0.9), (0.37, y + lean * 0.9)],
             shade(body, 0.9), 0.5)
    pen.oval(0.86, 0.02, 0.03, 0.4, (216, 214, 206), angle=rng.uniform(-12, 12), line=0.7)
    pen.oval(0.83, 0.02, 0.07, 0.06, DARK, line=0.5)
    pen.blob([(-0.74, drop), (-0.6, drop - 0.05), (0.5, drop - 0.05), (0.92, drop - 0.12), (0.92, drop - 0.12),
              (0.76, drop + 0.1), (0.3, drop + 0.16), (-0.5, drop + 0.14)], floats)
    pen.line([(-0.7, drop + 0.05), (0.78, drop + 0.03)], shade(floats, 0.6), 0.9)


DRAW = {"airliner": airliner, "biplane": biplane, "fighter jet": fighter_jet, "seaplane": seaplane}
