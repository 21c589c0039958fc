"""Images as the page shows them: small files, made from whatever the data set holds."""

from __future__ import annotations

import io

from PIL import Image

from clipforget.data.images import decode

SIZES = (96, 384)  # pixels of the longer side, at most; smaller originals are not enlarged
PLAIN = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def thumbnail(data: bytes, size: int) -> tuple[bytes, str]:
    """Reduce an image file to at most `size` pixels a side: (bytes, media type).

    The original bytes where they already are a small plain file. Raises BadData where they are no image.
    """
    image = decode(data, size)
    if max(image.size) <= size and (media := _plain(data)):
        return data, media
    return encode(image, size), "image/jpeg"


def encode(image: Image.Image, size: int) -> bytes:
    """Return an RGB image, which is reduced in place, as a JPEG of at most `size` pixels a side."""
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88, subsampling=0, optimize=False)
    return out.getvalue()


def _plain(data: bytes) -> str | None:
    """The media type where a browser shows the bytes as we read them: not rotated, animated, CMYK or 16-bit."""
    with Image.open(io.BytesIO(data)) as image:
        rotated = image.getexif().get(274, 1) != 1
        moving = getattr(image, "n_frames", 1) > 1
        usual = image.mode in ("RGB", "L", "P") and "transparency" not in image.info
        return PLAIN.get(image.format or "") if usual and not rotated and not moving else None
