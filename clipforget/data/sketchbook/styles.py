"""The four ways to render a scene, by name."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from PIL import Image

from clipforget.data.sketchbook.drawings import ink, pencil
from clipforget.data.sketchbook.painting import paint
from clipforget.data.sketchbook.posters import poster
from clipforget.data.sketchbook.scene import Scene

RENDER: dict[str, Callable[[Scene, Random, int], Image.Image]] = {
    "colour painting": paint,
    "poster": poster,
    "black-and-white drawing": ink,
    "pencil sketch": pencil,
}
