"""Put one subject into a place: pose, size, background, things in front, and the shifted test sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import numpy as np

from clipforget.data.sketchbook import airplanes, backdrops, birds, cars, clutter, fish, flowers, houses, ships, trees
from clipforget.data.sketchbook.canvas import (
    RGB,
    WHITE,
    Drawer,
    Matrix,
    Part,
    Pen,
    compose,
    mix,
    pick,
    shade,
    transform,
    vary,
)

DRAWERS: dict[str, dict[str, Drawer]] = {
    "airplane": airplanes.DRAW,
    "ship": ships.DRAW,
    "car": cars.DRAW,
    "bird": birds.DRAW,
    "tree": trees.DRAW,
    "house": houses.DRAW,
    "fish": fish.DRAW,
    "flower": flowers.DRAW,
}
PLACES: dict[str, tuple[str, ...]] = {
    "airplane": ("clouds", "clouds", "sea", "mountains", "city", "meadow", "desert", "snow", "beach"),
    "ship": ("sea", "sea", "lake"),
    "car": ("road", "road", "city", "desert", "mountains", "snow", "beach", "meadow", "plain"),
    "bird": ("meadow", "snow", "beach", "lake", "mountains", "city", "plain", "clouds", "desert"),
    "tree": ("meadow", "hills", "lake", "snow", "beach", "desert", "mountains", "city", "plain"),
    "house": ("meadow", "hills", "snow", "mountains", "city", "beach", "lake", "desert", "plain"),
    "fish": ("deep",),
    "flower": ("meadow", "hills", "clouds", "plain", "lake", "city", "beach"),
}
# Local point that is pinned (x, y), its range of heights in the picture, the range of sizes, and the greatest tilt.
STANCE: dict[str, tuple[float, tuple[float, float], tuple[float, float], float]] = {
    "airplane": (0.0, (0.42, 0.54), (0.33, 0.42), 20),
    "ship": (0.56, (0.66, 0.76), (0.32, 0.39), 5),
    "car": (0.5, (0.7, 0.8), (0.35, 0.42), 3),
    "bird": (0.0, (0.47, 0.54), (0.36, 0.44), 8),
    "tree": (1.0, (0.86, 0.95), (0.38, 0.45), 4),
    "house": (0.8, (0.82, 0.9), (0.36, 0.43), 3),
    "fish": (0.0, (0.44, 0.56), (0.35, 0.43), 18),
    "flower": (0.0, (0.46, 0.54), (0.37, 0.45), 14),
}


@dataclass(slots=True)
class Scene:
    """A picture before it is rendered: sky colours and four stacks of parts in picture units (0..1), far to near."""

    sky: tuple[RGB, RGB]
    back: list[Part]
    props: list[Part]
    subject: list[Part]
    front: list[Part]
    night: bool


def compose_scene(superclass: str, subgroup: str, rng: Random, style: str, shifted_set: str | None) -> Scene:
    """Draw the subject of a known superclass and subgroup into a random place.

    ``rng`` decides everything; ``style`` only thins the background where a style wants air.
    """
    pen = Pen()
    DRAWERS[superclass][subgroup](pen, rng)
    pivot, heights, sizes, tilt = STANCE[superclass]
    cluttered, rotated = shifted_set == "cluttered scenes", shifted_set == "rotated and noisy"
    size = rng.uniform(*sizes) * (rng.uniform(0.64, 0.8) if cluttered else 0.9 if rotated else rng.uniform(0.84, 1))
    at_y = rng.uniform(*heights)
    at_x = 0.5 + rng.uniform(-0.07, 0.07) * (1.6 if cluttered else 1)
    pose = _pose(rng, size, at_x, at_y, pivot, tilt)
    wobble = (rng.uniform(-0.05, 0.05), rng.uniform(-0.04, 0.04), rng.uniform(0, 6), rng.uniform(0, 6))
    subject = transform(pen.parts, pose, wobble)
    place = rng.choice(PLACES[superclass])
    if shifted_set is None and rng.random() < 0.12 and superclass not in ("ship",):
        place = "blank"
    if subgroup == "seaplane" and rng.random() < 0.5:
        place = "sea"
    sky, back, props, front, night = _surroundings(superclass, subgroup, place, rng, at_x, at_y, size, cluttered)
    if rotated:
        spin = _spin(rng.choice((-1, 1)) * rng.uniform(25, 60), subject)
        back, subject, front = (transform(p, spin) for p in (back, subject, front))
    return Scene(sky, back, props, subject, front, night)


def _pose(rng: Random, size: float, x: float, y: float, pivot: float, tilt: float) -> Matrix:
    """Mirror, foreshorten, shear and tilt around the pinned point, then move it to (x, y)."""
    flip = rng.choice((-1, 1))
    squeeze, stretch = rng.uniform(0.84, 1.04), rng.uniform(0.92, 1.06)
    shear = rng.uniform(-1, 1) * min(0.1, 0.02 + tilt * 0.006)
    a = math.radians(rng.uniform(-tilt, tilt))
    local: Matrix = (flip * squeeze, 0, 0, shear, stretch, -pivot * stretch)
    turn: Matrix = (size * math.cos(a), -size * math.sin(a), x, size * math.sin(a), size * math.cos(a), y)
    return compose(turn, local)


def _spin(degrees: float, subject: list[Part]) -> Matrix:
    """Rotation about the middle of the subject that also brings it to the middle of the picture."""
    points = np.concatenate([part.points for part in subject])
    x, y = (np.clip(points, 0, 1).min(0) + np.clip(points, 0, 1).max(0)) / 2
    a = math.radians(degrees)
    c, s = math.cos(a), math.sin(a)
    return (c, -s, 0.5 - x * c + y * s, s, c, 0.5 - x * s - y * c)


def _surroundings(
    superclass: str, subgroup: str, place: str, rng: Random, x: float, y: float, size: float, cluttered: bool
) -> tuple[tuple[RGB, RGB], list[Part], list[Part], list[Part], bool]:
    """Sky, background, props, foreground and darkness of one place around a subject pinned at (x, y)."""
    back, props, front = Pen(), Pen(), Pen()
    name = rng.choice(("day", "day", "day", "dawn", "sunset", "overcast", "mint", "night"))
    night = name == "night" and place not in ("deep", "blank")
    sky = backdrops.SKIES[name][:2]
    if place == "deep":
        water = vary(rng, rng.choice(((70, 150, 184), (58, 128, 170), (84, 172, 176), (46, 96, 140))))
        sky = (mix(water, WHITE, rng.uniform(0.2, 0.5)), shade(water, 0.8))
        ground = backdrops.deep(back, water, rng)
    elif place == "blank":
        paper = mix(pick(rng), WHITE, rng.uniform(0.45, 0.8))
        sky, ground = (paper, mix(paper, WHITE, 0.4)), shade(paper, 0.8)
        if superclass in ("car", "house", "tree") or subgroup == "penguin":
            back.oval(x, y, size * 1.15, 0.03, shade(paper, 0.72), line=0)
    else:
        horizon = _horizon(superclass, y, rng)
        backdrops.heavens(back, name, horizon, rng)
        ground = backdrops.land(back, place, name, horizon, rng)
    if cluttered:
        for _ in range(rng.randint(1, 3)):
            backdrops.bush(
                back, rng.random(), rng.uniform(0.6, 0.9), rng.uniform(0.2, 0.4), vary(rng, (96, 140, 90)), rng
            )
        clutter.scatter(props, rng, rng.randint(4, 7), size * 0.55)
    _grounding(back, front, superclass, subgroup, place, rng, x, y, size, ground)
    _occlude(front, superclass, rng, ground, cluttered)
    return sky, back.parts, props.parts, front.parts, night


def _horizon(superclass: str, y: float, rng: Random) -> float:
    if superclass == "airplane":
        return rng.uniform(0.72, 1.0)
    if superclass == "ship":
        return rng.uniform(0.46, y - 0.05)
    if superclass in ("car", "house", "tree"):
        return rng.uniform(0.5, y - 0.1)
    return rng.uniform(0.5, 0.86)


def _grounding(
    back: Pen,
    front: Pen,
    superclass: str,
    subgroup: str,
    place: str,
    rng: Random,
    x: float,
    y: float,
    size: float,
    ground: RGB,
) -> None:
    """Join the subject to its place: a road and shadow below, water or grass in front of its foot."""
    if superclass == "ship":
        backdrops.waves(
            front, y + 0.02, vary(rng, shade(ground, rng.uniform(0.85, 1.1)), 6), rng, rng.uniform(0.01, 0.03)
        )
        backdrops.ripples(front, y + 0.07, 1.0, mix(ground, WHITE, 0.5), rng, rng.randint(3, 7))
    elif superclass == "car" and place != "blank":
        if place in ("road", "city", "mountains", "meadow") or rng.random() < 0.4:
            tar = vary(rng, (112, 112, 122))
            back.poly([(-0.7, y - 0.09), (1.7, y - 0.09), (1.7, y + 0.13), (-0.7, y + 0.13)], tar, 0.7)
            for i in range(7):
                back.rect(-0.4 + i * 0.3, y + 0.07, -0.25 + i * 0.3, y + 0.09, (232, 226, 206), 0)
        back.oval(x, y + 0.01, size * 1.1, 0.035, shade(ground, 0.5), line=0)
    elif superclass in ("tree", "house") and place != "blank":
        back.oval(x + 0.04, y, size * (0.9 if superclass == "house" else 0.5), 0.03, shade(ground, 0.72), line=0)
    if superclass in ("tree", "house") and rng.random() < 0.6:
        for _ in range(rng.randint(2, 5)):
            backdrops.tuft(
                front, rng.random(), y + rng.uniform(0.0, 0.1), rng.uniform(0.05, 0.1), shade(ground, 0.8), rng
            )
    if subgroup == "flamingo" and rng.random() < 0.6 and place in ("lake", "beach", "sea"):
        backdrops.waves(front, y + size * 0.86, ground, rng, 0.012)


def _occlude(front: Pen, superclass: str, rng: Random, ground: RGB, cluttered: bool) -> None:
    """Cover a little of the picture's rim (more in cluttered scenes) with something near the viewer."""
    if rng.random() > (0.95 if cluttered else 0.3):
        return
    green = vary(rng, rng.choice(backdrops.GRASS), 16)
    deep = 0.14 if cluttered else 0.05
    kind = rng.choice(("bush", "tufts", "fence", "corner"))
    if superclass in ("airplane", "fish", "ship"):
        kind = rng.choice(("corner", "puff"))
    if kind == "bush":
        backdrops.bush(
            front,
            rng.choice((rng.uniform(0, 0.25), rng.uniform(0.75, 1))),
            1.03,
            rng.uniform(0.3, 0.5) + deep,
            green,
            rng,
        )
    elif kind == "tufts":
        for _ in range(rng.randint(3, 7)):
            backdrops.tuft(front, rng.random(), 1.02, rng.uniform(0.1, 0.16) + deep, green, rng)
    elif kind == "fence":
        backdrops.fence(front, 1.0 - rng.uniform(0, deep), pick(rng, "white", "brown", "cream"), rng)
    elif kind == "puff":
        tone = mix(ground, WHITE, 0.5)
        backdrops.cloud(
            front,
            rng.choice((rng.uniform(0, 0.2), rng.uniform(0.8, 1))),
            rng.uniform(0.7, 0.95),
            rng.uniform(0.4, 0.55) + deep,
            tone,
            rng,
        )
    else:
        side = rng.choice((0, 1))
        for _ in range(4):
            front.oval(
                side + (0.03 if side else -0.03),
                rng.uniform(0, 0.35),
                0.14 + deep,
                0.045,
                vary(rng, green),
                angle=rng.uniform(10, 70) * (-1 if side else 1),
                line=0.7,
            )
    if cluttered:
        clutter.OBJECTS[rng.randrange(len(clutter.OBJECTS))](
            front, rng, rng.choice((0.1, 0.16, 0.84, 0.9)), rng.uniform(0.72, 0.95), rng.uniform(0.24, 0.34)
        )
