"""Bytes to upright RGB images, whatever the file: EXIF-rotated, CMYK, 16-bit, animated, transparent."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from clipforget.errors import BadData

SMALLEST = 8  # pixels a side; smaller images are skipped
LARGEST = 64_000_000  # pixels; larger ones are refused before they are decoded


def decode(data: bytes) -> Image.Image:
    """Decode an image file into RGB, first frame, EXIF rotation applied, transparency on white.

    Raises BadData with the reason where the bytes are no image, broken, too small or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > LARGEST:
                raise BadData(f"has {image.width} x {image.height} pixels, more than {LARGEST:,}")
            if min(image.size) < SMALLEST:
                raise BadData(f"is {image.width} x {image.height} pixels, smaller than {SMALLEST} a side")
            image.seek(0)
            return _to_rgb(ImageOps.exif_transpose(image))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadData(f"cannot be read as an image ({type(error).__name__})") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        low, high = image.getextrema()
        span = 65535.0 if 255 < high <= 65535 and low >= 0 else max(float(high), 1.0)
        image = image.convert("F").point(lambda value: value * (255.0 / span)).convert("L")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
