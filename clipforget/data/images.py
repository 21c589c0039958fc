"""Bytes to upright RGB images, whatever the file: EXIF-rotated, CMYK, 16-bit, animated, transparent."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile, ImageOps, PngImagePlugin, UnidentifiedImageError, features

from clipforget.errors import BadData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST = 8  # pixels a side; smaller images are skipped
LARGEST = 64_000_000  # pixels; larger ones are refused before they are decoded
BAND = 2**20  # pixels that are turned into colours at a time, where an image is reduced
LARGEST_TEXT = 64 * 2**20  # bytes of text or of a colour profile inside a PNG; picture generators store their workflow
PngImagePlugin.MAX_TEXT_CHUNK = LARGEST_TEXT  # Pillow refuses more than 1 MiB of them in one piece

COMMON = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")  # tried first
CODECS = {"JPEG": "jpg", "JPEG2000": "jpg_2000", "WEBP": "webp", "AVIF": "avif"}  # what Pillow may be built without
LEFT_OUT = {  # of what Pillow opens
    "EPS",  # starts another program
    "MPEG", "FLI",  # videos
    "CUR", "ICNS", "ICO", "IPTC",  # hold other image files, whose size their head does not tell
    "BLP", "DDS", "FITS", "MSP", "QOI", "XPM",  # decoded in Python: minutes for a large one
}  # fmt: skip
COSTLY = ("WEBP", "AVIF", "JPEG2000")  # their decoders hold a picture several times over
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a TIFF's tag, and what it says of negatives
GDAL_NODATA = 42113  # a TIFF's tag: the value of pixels that hold nothing, as text

BROKEN = (  # all that Pillow's readers raise on bytes that are no image, found by feeding them damaged files
    UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError, IndexError,
    KeyError, TypeError, OverflowError, AttributeError, MemoryError, RuntimeError, AssertionError, struct.error,
    zlib.error,
)  # fmt: skip


def decode(data: bytes, side: int | None = None, *, frugal: bool = False) -> Image.Image:
    """Decode an image file into RGB, first frame, EXIF rotation applied, transparency on white, 8 bits a channel.

    With `side` a large image is reduced on the way, in a part of the memory, to less than 4 x `side` pixels a side; its
    longer side keeps at least 2 x `side` (a JPEG's `side`) for a good filter to end with. `frugal` refuses what takes
    more than about 300 MiB even so.
    Raises BadData with the reason, as the end of a sentence about the file, where the bytes are no image, broken,
    smaller than SMALLEST a side or larger than LARGEST pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = _open(data, frugal)
            image.seek(0)
            if side is not None:
                image.draft(None, (side, side))
            image.load()
            tags = getattr(image, "tag_v2", {})
            factor = max(image.size) // (2 * side) if side is not None else 1
            return _to_rgb(_upright(_reduced(image, factor, tags) if factor > 1 else image), tags)
    except BROKEN as error:
        raise _unreadable(error, data) from error


def check(data: bytes) -> None:
    """Raise BadData where the file is no image that `decode` would take.

    Everything is decoded once, and reduced on the way, which finds the same damage in a part of time and memory.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = _open(data)
            if image.format == "PNG":
                image.verify()  # the checksums, which decoding does not look at
            decode(data, SMALLEST)
    except BROKEN as error:
        raise _unreadable(error, data) from error


@cache
def suffixes() -> dict[str, str]:
    """Return the suffixes of the image formats that are read, each with the name of its format, as Pillow knows them.

    Left out is what no picture comes of (see LEFT_OUT), and what this Pillow was built without.
    """
    return {
        suffix: format
        for suffix, format in Image.registered_extensions().items()
        if format in Image.OPEN and format not in LEFT_OUT and not _is_stub(format)
        if format not in CODECS or features.check(CODECS[format])
    }


def _is_stub(format: str) -> bool:
    """Return True for a format that Pillow knows by its head alone."""
    factory = Image.OPEN[format][0]
    return isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)


@cache
def _formats() -> tuple[str, ...]:
    known = set(suffixes().values())
    return *(format for format in COMMON if format in known), *sorted(known - set(COMMON))


def _open(data: bytes, frugal: bool = False) -> Image.Image:
    if not data:
        raise BadData("is empty")
    image = Image.open(io.BytesIO(data), formats=_formats())
    most = LARGEST // 4 if frugal and image.format in COSTLY else LARGEST
    if image.width * image.height > most:
        raise BadData(f"has {image.width} x {image.height} pixels, more than {most:,}")
    if min(image.size) < SMALLEST:
        raise BadData(f"is {image.width} x {image.height} pixels, smaller than {SMALLEST} a side")
    return image


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF rotation; damaged EXIF is no reason to lose the picture."""
    try:
        return ImageOps.exif_transpose(image)
    except BROKEN:
        return image


def _reduced(image: Image.Image, factor: int, tags: Mapping[int, Any]) -> Image.Image:
    """An image `factor` times smaller, as RGB: only a band of it at a time is turned into colours.

    Of grey values of any range every so many are taken, so that those that mean no data are not mixed with others.
    """
    if _is_wide_grey(image):
        return image.resize([max(side // factor, 1) for side in image.size], Image.Resampling.NEAREST)
    width, height = image.size
    small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    rows = factor * max(BAND // (width * factor), 1)
    for top in range(0, height, rows):
        band = _to_rgb(image.crop((0, top, width, min(top + rows, height))), tags)
        small.paste(band.reduce(factor), (0, top // factor))
    small.info = {key: value for key, value in image.info.items() if key != "transparency"}  # done; EXIF is not
    return small


def _is_wide_grey(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def _to_rgb(image: Image.Image, tags: Mapping[int, Any]) -> Image.Image:
    if _is_wide_grey(image):
        image = _to_8_bit(image, tags)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_8_bit(image: Image.Image, tags: Mapping[int, Any]) -> Image.Image:
    """Grey values of any range to 0..255: 16-bit files by 65535, anything else by its own lowest and highest value.

    Pixels that hold no data (not finite, the value that a TIFF names, or one far apart from all others) become black.
    """
    import numpy as np

    values = np.array(image.convert("F"))
    present = np.isfinite(values)
    with suppress(KeyError, ValueError):
        present &= values != np.float32(tags[GDAL_NODATA])
    low, high = (float(values[present].min()), float(values[present].max())) if present.any() else (0.0, 0.0)
    if not 0 <= low <= high <= 65535:
        low, high = _without_outliers(np.unique(values[present]))
    present &= (low <= values) & (values <= high)
    if low >= 0 and 255 < high <= 65535:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0 if high > 1 else 1.0
    scale = 255.0 / max(high - low, 1e-12)
    grey = Image.fromarray(np.where(present, values, np.float32(low)))
    grey = grey.point(lambda value: value * scale + (-low * scale)).convert("L")
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        grey = ImageOps.invert(grey)
        grey.paste(0, mask=Image.fromarray(~present))
    return grey


def _without_outliers(values: NDArray[np.float32]) -> tuple[float, float]:
    """The range of sorted values but for an end farther off than they are wide: -9999 and the like mean no data."""
    known = values.astype(float)
    low, high = known[0], known[-1]
    if len(known) > 2 and known[1] - low > high - known[1]:
        low = known[1]
    if len(known) > 2 and high - known[-2] > known[-2] - low:
        high = known[-2]
    return float(low), float(high)


def _unreadable(error: BaseException, data: bytes) -> BadData:
    if isinstance(error, Image.DecompressionBombError):
        return BadData(f"has more than {LARGEST:,} pixels")
    if isinstance(error, ValueError) and any(sign in str(error) for sign in ("MAX_TEXT", "text chunks")):
        return BadData(f"holds more than {LARGEST_TEXT >> 20} MiB of text or colour profile")
    why = "damaged or cut off"
    if isinstance(error, UnidentifiedImageError):
        kind = _kind(data[:16].ljust(16, b"\0"))
        why = f"a kind of {kind} that is not supported, or damaged" if kind else "of no format that can be read"
    return BadData(f"cannot be read as an image ({why})")


def _kind(head: bytes) -> str:
    """The name of the format that the first bytes belong to, empty where none claims them."""
    claims = ((format, Image.OPEN[format][1]) for format in _formats())
    return next((format for format, accept in claims if accept and accept(head)), "")
