"""Bytes to upright RGB images, whatever the file: EXIF-rotated, CMYK, 16-bit, animated, transparent."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

from PIL import Image, ImageOps, UnidentifiedImageError

from clipforget.errors import BadData

SMALLEST = 8  # pixels a side; smaller images are skipped
LARGEST = 64_000_000  # pixels; larger ones are refused before they are decoded
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}  # what a file of this format ends with if nothing was cut off

BROKEN = (  # all that Pillow's readers raise on bytes that are no image, found by feeding them damaged files
    UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError, IndexError,
    KeyError, TypeError, OverflowError, AttributeError, NotImplementedError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


def decode(data: bytes) -> Image.Image:
    """Decode an image file into RGB, first frame, EXIF rotation applied, transparency on white, 8 bits a channel.

    Raises BadData with the reason, as the end of a sentence about the file, where the bytes are no image, broken,
    smaller than SMALLEST a side or larger than LARGEST pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = _open(data)
            image.seek(0)
            image.load()
            return _to_rgb(_upright(image))
    except BROKEN as error:
        raise _unreadable(error) from error


def check(data: bytes) -> None:
    """Raise BadData where the file is no image that `decode` would take, without decoding where that can be spared.

    JPEG, PNG and still WebP are judged by header, size and end (PNG also by its checksums), the rest is decoded.
    Damage inside a file that keeps its end is therefore found by `decode` alone.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = _open(data)
            if not _ends_well(data, image):
                decode(data)
            elif image.format == "PNG":
                image.verify()
    except BROKEN as error:
        raise _unreadable(error) from error


def _open(data: bytes) -> Image.Image:
    if not data:
        raise BadData("is empty")
    image = Image.open(io.BytesIO(data))
    if image.width * image.height > LARGEST:
        raise BadData(f"has {image.width} x {image.height} pixels, more than {LARGEST:,}")
    if min(image.size) < SMALLEST:
        raise BadData(f"is {image.width} x {image.height} pixels, smaller than {SMALLEST} a side")
    return image


def _ends_well(data: bytes, image: Image.Image) -> bool:
    if image.format == "WEBP":  # its head tells the length
        return int.from_bytes(data[4:8], "little") + 8 == len(data) and not getattr(image, "is_animated", False)
    return image.format in ENDS and data.endswith(ENDS[image.format])


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF rotation; damaged EXIF is no reason to lose the picture."""
    try:
        return ImageOps.exif_transpose(image)
    except BROKEN:
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _to_8_bit(image.convert("F"))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Grey values of any range to 0..255: 16-bit files by 65535, anything else by its own lowest and highest value."""
    low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type]  # one band: two numbers
    if low >= 0 and 255 < high <= 65535:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0 if high > 1 else 1.0
    scale = 255.0 / max(high - low, 1e-12)
    return image.point(lambda value: value * scale + (-low * scale)).convert("L")


def _unreadable(error: BaseException) -> BadData:
    if isinstance(error, Image.DecompressionBombError):
        return BadData(f"has more than {LARGEST:,} pixels")
    why = "of no known format" if isinstance(error, UnidentifiedImageError) else "damaged or cut off"
    return BadData(f"cannot be read as an image ({why})")
