"""What the styles share: parts to pixels, silhouettes, lightness, seeded noise."""

from __future__ import annotations

import hashlib
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from clipforget.data.sketchbook.canvas import RGB, Part

SCALE = 3  # supersampling
BOX = Image.Resampling.BOX


def noise_source(rng: Random) -> np.random.Generator:
    """A numpy generator seeded from ``rng`` the same way on every machine."""
    digest = hashlib.sha256(str(rng.getrandbits(64)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def flat(part: Part, n: int) -> list[float]:
    return (part.points * n).ravel().tolist()


def closed(xy: list[float]) -> list[float]:
    return xy + xy[:4]


def silhouette(parts: list[Part], n: int, widen: int = 0) -> Image.Image:
    """Silhouette of the parts as an "L" image of n x n pixels, 255 inside, optionally widened by pixels."""
    image = Image.new("L", (n, n), 0)
    draw = ImageDraw.Draw(image)
    for part in parts:
        xy = flat(part, n)
        if part.fill is not None:
            draw.polygon(xy, fill=255)
            if widen:
                draw.line(closed(xy), fill=255, width=widen, joint="curve")
        else:
            draw.line(xy, fill=255, width=max(2, widen))
    return image


def luminance(colour: RGB) -> float:
    """Perceived lightness of an RGB colour (0..255 channels) as 0..1."""
    return (0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]) / 255


def tones(parts: list[Part], tone: ImageDraw.ImageDraw, n: int, lift: float) -> None:
    """Lay each part's lightness (0..255) into a tone picture, raised towards white by ``lift`` 0..1.

    Near-black details such as pupils and tyres stay as they are.
    """
    for part in parts:
        if part.fill is not None:
            dark = 1 - luminance(part.fill)
            tone.polygon(flat(part, n), fill=int(255 * (1 - dark * (1 if dark > 0.78 else 1 - lift))))
