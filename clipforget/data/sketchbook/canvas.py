"""Vector parts: the small drawing language every sketchbook subject and scene is written in.

A subject is a list of :class:`Part` in local units (x to the right, y down, roughly -1..1). The styles in
``styles.py`` turn the same parts into paint, print, ink or pencil.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import numpy as np

RGB = tuple[int, int, int]
Points = Sequence[tuple[float, float]]
Matrix = tuple[float, float, float, float, float, float]

WHITE: RGB = (244, 242, 234)
DARK: RGB = (46, 44, 52)
GLASS: RGB = (150, 200, 222)

# Body colours shared by all superclasses, so that colour alone tells little.
PAINTS: dict[str, RGB] = {
    "red": (200, 62, 52),
    "coral": (232, 112, 92),
    "orange": (228, 134, 56),
    "mustard": (226, 180, 70),
    "green": (92, 146, 88),
    "mint": (142, 198, 166),
    "teal": (48, 136, 142),
    "blue": (64, 110, 180),
    "sky": (126, 178, 216),
    "navy": (46, 66, 114),
    "plum": (122, 82, 142),
    "pink": (230, 148, 166),
    "white": (240, 238, 230),
    "cream": (240, 222, 186),
    "grey": (152, 158, 166),
    "black": (60, 60, 68),
    "brown": (138, 94, 64),
}


@dataclass(slots=True)
class Part:
    """One drawn thing: a filled outline (``fill`` set) or an open stroke (``fill`` None).

    ``points`` is an (N, 2) float array; ``weight`` is the line weight (1.0 is a normal outline, 0 none) and
    ``stroke`` the colour of an open stroke.
    """

    points: np.ndarray
    fill: RGB | None
    weight: float
    stroke: RGB = DARK


def shade(colour: RGB, factor: float) -> RGB:
    """Darken (``factor`` < 1) or lighten towards white (``factor`` > 1, 2.0 is white) an RGB colour (0..255)."""
    if factor <= 1:
        r, g, b = (int(c * factor) for c in colour)
    else:
        r, g, b = (int(c + (255 - c) * min(1.0, factor - 1)) for c in colour)
    return r, g, b


def mix(first: RGB, second: RGB, amount: float) -> RGB:
    """Blend two RGB colours; ``amount`` 0 gives the first, 1 the second."""
    r, g, b = (int(p + (q - p) * amount) for p, q in zip(first, second, strict=True))
    return r, g, b


def vary(rng: Random, colour: RGB, spread: int = 14) -> RGB:
    """Shift each channel of a colour at random by up to ``spread`` (0..255 units)."""
    r, g, b = (max(0, min(255, c + rng.randint(-spread, spread))) for c in colour)
    return r, g, b


def pick(rng: Random, *names: str) -> RGB:
    """Choose one of :data:`PAINTS` (any, or among ``names``), slightly varied."""
    return vary(rng, PAINTS[rng.choice(names or tuple(PAINTS))], 12)


_STEPS = np.linspace(0, 1, 6, endpoint=False)
_BASIS = 0.5 * np.stack(
    [
        -_STEPS + 2 * _STEPS**2 - _STEPS**3,
        2 - 5 * _STEPS**2 + 3 * _STEPS**3,
        _STEPS + 4 * _STEPS**2 - 3 * _STEPS**3,
        -(_STEPS**2) + _STEPS**3,
    ],
    axis=1,
)
_TURN = np.linspace(0, 2 * math.pi, 28, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


def smooth(points: Points | np.ndarray, closed: bool = True) -> np.ndarray:
    """Catmull-Rom curve through (N, 2) points, N >= 3; a repeated point makes a corner. Returns (M, 2)."""
    p = np.asarray(points, float)
    if closed:
        q = np.concatenate([p[-1:], p, p[:2]])
        count = len(p)
    else:
        q = np.concatenate([p[:1], p, p[-1:]])
        count = len(p) - 1
    windows = np.stack([q[i : i + count] for i in range(4)], axis=1)
    windows = windows[(windows[:, 1] != windows[:, 2]).any(axis=1)]  # a repeated point is a corner, not a stretch
    curve = (_BASIS @ windows).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, p[-1:]])


class Pen:
    """Collects parts in local units; :meth:`at` nests a moved, turned or stretched frame."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._matrix: Matrix = (1, 0, 0, 0, 1, 0)

    def _add(self, points: np.ndarray, fill: RGB | None, weight: float, stroke: RGB = DARK) -> None:
        a, b, c, d, e, f = self._matrix
        if self._matrix != (1, 0, 0, 0, 1, 0):
            x, y = points[:, 0], points[:, 1]
            points = np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)
        self.parts.append(Part(points, fill, weight, stroke))

    @contextmanager
    def at(
        self, x: float, y: float, scale: float = 1, angle: float = 0, sx: float = 1, sy: float = 1
    ) -> Iterator[None]:
        """Draw inside a frame moved to (x, y), turned by ``angle`` degrees clockwise and scaled."""
        old = self._matrix
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        m = (cos * scale * sx, -sin * scale * sy, x, sin * scale * sx, cos * scale * sy, y)
        self._matrix = compose(old, m)
        yield
        self._matrix = old

    def poly(self, points: Points, fill: RGB, line: float = 1) -> None:
        """Straight-edged closed shape."""
        self._add(np.asarray(points, float), fill, line)

    def blob(self, points: Points, fill: RGB, line: float = 1) -> None:
        """Smooth closed shape through the points (repeat a point for a corner)."""
        self._add(smooth(points), fill, line)

    def rect(self, x0: float, y0: float, x1: float, y1: float, fill: RGB, line: float = 1) -> None:
        """Axis-aligned rectangle."""
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, line)

    def oval(
        self, x: float, y: float, rx: float, ry: float | None, fill: RGB, angle: float = 0, line: float = 1
    ) -> None:
        """Ellipse around (x, y), turned by ``angle`` degrees clockwise; ``ry`` None gives a circle."""
        p = _CIRCLE * (rx, rx if ry is None else ry)
        if angle:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            p = p @ np.array([[cos, sin], [-sin, cos]])
        self._add(p + np.array([x, y]), fill, line)

    def tube(self, points: Points, widths: Sequence[float], fill: RGB, line: float = 1) -> None:
        """Curved band through the points; ``widths`` are full widths spread evenly along it."""
        p = smooth(points, closed=False) if len(points) > 2 else np.asarray(points, float)
        step = np.gradient(p, axis=0)
        normal = np.stack([-step[:, 1], step[:, 0]], axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
        w = np.interp(np.linspace(0, 1, len(p)), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
        self._add(np.concatenate([p + normal * w, (p - normal * w)[::-1]]), fill, line)

    def line(self, points: Points, colour: RGB = DARK, weight: float = 1, curved: bool = False) -> None:
        """Open stroke of a given weight (1.0 is a normal outline)."""
        self._add(
            smooth(points, closed=False) if curved and len(points) > 2 else np.asarray(points, float),
            None,
            weight,
            colour,
        )


Drawer = Callable[[Pen, Random], None]  # draws one subject, its proportions and colours taken from the generator


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """Affine map applying ``inner`` first, then ``outer`` (both row-major 2x3)."""
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f


def transform(parts: list[Part], matrix: Matrix, wobble: tuple[float, float, float, float] | None = None) -> list[Part]:
    """Map all parts by an affine matrix, after an optional soft wobble (amplitude x, y, phase x, y) in local units."""
    if not parts:
        return []
    p = np.concatenate([part.points for part in parts])
    x, y = p[:, 0], p[:, 1]
    if wobble:
        ax, ay, px, py = wobble
        x, y = x + ax * np.sin(2.3 * y + px), y + ay * np.sin(2.3 * x + py)
    a, b, c, d, e, f = matrix
    p = np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)
    out, start = [], 0
    for part in parts:
        stop = start + len(part.points)
        out.append(Part(p[start:stop], part.fill, part.weight, part.stroke))
        start = stop
    return out
