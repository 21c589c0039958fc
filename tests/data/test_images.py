"""Every kind of picture becomes upright 8-bit RGB; every kind of rubbish becomes one sentence."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from clipforget.data.images import LARGEST, SMALLEST, check, decode
from clipforget.errors import BadData


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def ramp(width: int = 24, height: int = 16) -> Image.Image:
    values = np.linspace(0, 255, width * height * 3).reshape(height, width, 3)
    return Image.fromarray(values.astype(np.uint8))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_common_formats(format):
    data = encode(ramp(), format)
    check(data)
    image = decode(data)
    assert (image.mode, image.size) == ("RGB", (24, 16))


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "I;16", "I", "F", "CMYK", "LAB"])
def test_every_colour_mode_is_handled(mode):
    image = Image.new(mode, (16, 16)) if mode in ("I;16", "LAB") else ramp(16, 16).convert("L").convert(mode)
    data = encode(image, "PNG" if mode in ("L", "1", "P", "LA", "RGBA", "I;16") else "TIFF")
    check(data)
    assert decode(data).mode == "RGB"


def test_cmyk_jpeg_keeps_its_colours():
    red = encode(Image.new("RGB", (16, 16), (220, 30, 30)).convert("CMYK"), "JPEG", quality=95)
    assert np.allclose(np.asarray(decode(red))[8, 8], (220, 30, 30), atol=12)


@pytest.mark.parametrize(("low", "high"), [(0, 65535), (0, 1000)])
def test_16_bit_grey_is_scaled_by_its_range(low, high):
    grey = np.linspace(low, high, 256).reshape(16, 16).astype(np.uint16)
    pixels = np.asarray(decode(encode(Image.fromarray(grey), "PNG")))
    assert pixels[0, 0, 0] == 0
    assert pixels[-1, -1, 0] == pytest.approx(high / 65535 * 255, abs=1)


def test_float_grey_uses_its_own_range():
    grey = np.linspace(-5, 5, 256, dtype=np.float32).reshape(16, 16)
    pixels = np.asarray(decode(encode(Image.fromarray(grey), "TIFF")))
    assert (pixels.min(), pixels.max()) == (0, 255)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_exif_rotation_is_applied(format):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to stand upright
    image = Image.new("RGB", (32, 16), "white")
    image.paste("black", (0, 0, 8, 16))
    turned = decode(encode(image, format, exif=exif))
    assert turned.size == (16, 32)
    assert np.asarray(turned)[2, 8].max() < 40 < 200 < np.asarray(turned)[30, 8].min()


def test_damaged_exif_is_no_reason_to_lose_the_picture():
    data = encode(ramp(), "JPEG", exif=b"Exif\0\0" + b"MM\0*\xff\xff\xff\xffnonsense")
    check(data)
    assert decode(data).size == (24, 16)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_animation_gives_its_first_frame(format):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    data = encode(frames[0], format, save_all=True, append_images=frames[1:], duration=50)
    check(data)
    assert np.allclose(np.asarray(decode(data))[8, 8], (255, 0, 0), atol=6)


def test_transparency_becomes_white():
    image = Image.new("RGBA", (16, 16), (200, 0, 0, 0))
    assert np.asarray(decode(encode(image, "PNG"))).min() == 255


def test_palette_with_transparency_becomes_white_without_a_warning():
    image = Image.new("P", (16, 16), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    data = encode(image, "PNG", transparency=b"\xff\x00")
    check(data)
    assert np.asarray(decode(data)).min() == 255


@pytest.mark.parametrize("size", [(1, 1), (SMALLEST - 1, 100)])
def test_tiny_pictures_are_refused(size):
    for judge in (check, decode):
        with pytest.raises(BadData, match=f"is {size[0]} x {size[1]} pixels, smaller than 8 a side"):
            judge(encode(Image.new("RGB", size), "PNG"))


@pytest.mark.parametrize("size", [(8100, 8000), (20_000, 10_000)])
def test_decompression_bombs_are_refused_before_they_are_decoded(size):
    bomb = encode(Image.new("1", size), "PNG")
    for judge in (check, decode):
        with pytest.raises(BadData, match=f"{LARGEST:,}"):
            judge(bomb)


@pytest.mark.parametrize("data", [b"", b"\0", b"not an image", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 "])
def test_rubbish_is_refused(data):
    for judge in (check, decode):
        with pytest.raises(BadData, match=r"is empty|cannot be read as an image"):
            judge(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_file_cut_off_is_refused_at_the_check_already(format):
    noise = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), format)
    with pytest.raises(BadData, match="cannot be read"):
        check(data[: len(data) // 2])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_damaged_bytes_never_raise_anything_but_bad_data(format):
    rng = random.Random(0)
    data = encode(ramp(32, 32), format)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 12)):
            damaged[rng.randrange(min(len(damaged), 400))] = rng.randrange(256)
        for judge in (check, decode):
            try:
                judge(bytes(damaged))
            except BadData as error:
                assert str(error)
