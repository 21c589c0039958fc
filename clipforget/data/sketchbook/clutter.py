"""Neutral objects for the set of cluttered scenes: none of them belongs to any superclass. Picture units 0..1."""

from __future__ import annotations

import itertools
import math
from random import Random

from clipforget.data.sketchbook.canvas import DARK, WHITE, Pen, pick, shade


def balloon(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A toy balloon on a string."""
    c = pick(rng)
    pen.line([(x, y + s * 0.55), (x + s * 0.12, y + s), (x - s * 0.05, y + s * 1.5)], DARK, 0.7, True)
    pen.oval(x, y, s * 0.42, s * 0.54, c)
    pen.oval(x - s * 0.14, y - s * 0.2, s * 0.09, s * 0.13, shade(c, 1.5), line=0)


def umbrella(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """An open umbrella."""
    c, d = pick(rng), pick(rng)
    with pen.at(x, y, s, rng.uniform(-35, 35)):
        pen.line([(0, 0), (0, 0.75), (0.08, 0.84), (0.16, 0.75)], DARK, 1.3)
        pen.blob(
            [
                (-0.7, 0.1),
                (-0.7, 0.1),
                (-0.45, -0.35),
                (0, -0.5),
                (0.45, -0.35),
                (0.7, 0.1),
                (0.7, 0.1),
                (0.4, 0.0),
                (0, 0.1),
                (-0.4, 0.0),
            ],
            c,
        )
        pen.blob([(-0.2, 0.05), (-0.15, -0.3), (0, -0.5), (0.15, -0.3), (0.2, 0.05)], d, 0.6)


def ball(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A striped beach ball."""
    c = pick(rng)
    pen.oval(x, y, s * 0.45, None, WHITE)
    pen.oval(x, y, s * 0.18, s * 0.44, c, angle=rng.uniform(0, 90), line=0.6)


def box(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A wooden crate."""
    c = pick(rng, "brown", "mustard", "grey", "cream")
    with pen.at(x, y, s, rng.uniform(-14, 14)):
        pen.rect(-0.42, -0.4, 0.42, 0.4, c)
        pen.line([(-0.42, -0.4), (0.42, 0.4)], shade(c, 0.6), 1)
        pen.rect(-0.42, -0.4, 0.42, -0.26, shade(c, 0.8), 0.6)
        pen.rect(-0.42, 0.26, 0.42, 0.4, shade(c, 0.8), 0.6)


def kite(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A kite with a wavy tail."""
    c = pick(rng)
    with pen.at(x, y, s, rng.uniform(-50, 50)):
        pen.line([(0, 0.5), (0.12, 0.7), (-0.08, 0.9), (0.1, 1.15)], DARK, 0.8, True)
        pen.poly([(0, -0.6), (0.4, -0.1), (0, 0.55), (-0.4, -0.1)], c)
        pen.poly([(0, -0.6), (0.4, -0.1), (0, -0.1)], shade(c, 1.5), 0.6)
        pen.poly([(0, 0.55), (-0.4, -0.1), (0, -0.1)], shade(c, 0.7), 0.6)


def sign(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A round road sign on a post."""
    pen.line([(x, y), (x, y + s * 1.1)], DARK, 1.6)
    pen.oval(x, y, s * 0.36, None, pick(rng, "red", "blue", "mustard"))
    pen.rect(x - s * 0.22, y - s * 0.08, x + s * 0.22, y + s * 0.08, WHITE, 0)


def star(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A five-pointed paper star."""
    turn = rng.uniform(0, 6)
    pen.poly(
        [
            (
                x + s * (0.5 if i % 2 else 0.2) * math.cos(turn + i * math.pi / 5),
                y + s * (0.5 if i % 2 else 0.2) * math.sin(turn + i * math.pi / 5),
            )
            for i in range(10)
        ],
        pick(rng),
    )


def cone(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A traffic cone."""
    pen.poly(
        [
            (x - s * 0.08, y - s * 0.5),
            (x + s * 0.08, y - s * 0.5),
            (x + s * 0.3, y + s * 0.4),
            (x - s * 0.3, y + s * 0.4),
        ],
        pick(rng, "orange", "red", "green", "blue"),
    )
    pen.poly(
        [
            (x - s * 0.14, y - s * 0.2),
            (x + s * 0.14, y - s * 0.2),
            (x + s * 0.2, y + s * 0.06),
            (x - s * 0.2, y + s * 0.06),
        ],
        WHITE,
        0.5,
    )
    pen.rect(x - s * 0.42, y + s * 0.36, x + s * 0.42, y + s * 0.48, DARK)


def bunting(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A string of flags across the whole picture at height ``y``."""
    sag, n = rng.uniform(0.04, 0.12), 11
    at = [(-0.3 + 1.6 * i / n, y + sag * math.sin(math.pi * i / n)) for i in range(n + 1)]
    pen.line(at, DARK, 0.8)
    for (x0, y0), (x1, y1) in itertools.pairwise(at):
        pen.poly([(x0 + 0.02, y0), (x1 - 0.02, y1), ((x0 + x1) / 2, (y0 + y1) / 2 + 0.08)], pick(rng), 0.7)


def cup(pen: Pen, rng: Random, x: float, y: float, s: float) -> None:
    """A mug with a handle."""
    c = pick(rng)
    pen.oval(x + s * 0.36, y, s * 0.18, s * 0.2, c)
    pen.oval(x + s * 0.36, y, s * 0.09, s * 0.11, WHITE, line=0.8)
    pen.rect(x - s * 0.34, y - s * 0.36, x + s * 0.32, y + s * 0.4, c)
    pen.oval(x - s * 0.01, y - s * 0.36, s * 0.33, s * 0.09, shade(c, 0.6))


OBJECTS = (balloon, umbrella, ball, box, kite, sign, star, cone, cup)


def scatter(pen: Pen, rng: Random, count: int, hole: float) -> None:
    """Strew ``count`` objects around, keeping their middles at least ``hole`` away from the picture's middle."""
    if rng.random() < 0.35:
        bunting(pen, rng, 0, rng.uniform(0.02, 0.14), 1)
    placed = 0
    while placed < count:
        x, y = rng.uniform(0.02, 0.98), rng.uniform(0.05, 0.98)
        if math.hypot(x - 0.5, y - 0.5) < hole:
            continue
        rng.choice(OBJECTS)(pen, rng, x, y, rng.uniform(0.16, 0.3))
        placed += 1
