"""Every kind of picture becomes upright 8-bit RGB; every kind of rubbish becomes one sentence."""

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, features
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngInfo

from clipforget.data.images import CODECS, LARGEST, LARGEST_TEXT, SMALLEST, check, decode, suffixes
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


def tiff(pixels: np.ndarray, **tags: object) -> bytes:
    """A TIFF with the tags named by their number, as t262."""
    named = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        named[int(tag[1:])] = value
    return encode(Image.fromarray(pixels), "TIFF", tiffinfo=named)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_tiffs_whose_white_is_zero_are_no_negatives(dtype):
    grey = np.full((16, 16), 65535, dtype)
    grey[:8] = 0
    data = tiff(grey).replace(struct.pack("<HHII", 262, 3, 1, 1), struct.pack("<HHII", 262, 3, 1, 0))
    pixels = np.asarray(decode(data))
    assert (pixels[:8] == 255).all() and (pixels[8:] == 0).all()


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf, -9999, np.finfo(np.float32).min, 1e20])
@pytest.mark.parametrize("high", [1, 255, 2000])
def test_pixels_that_hold_no_data_are_black_and_leave_the_others_alone(nothing, high):
    grey = np.linspace(0, high, 256, dtype=np.float32).reshape(16, 16)
    whole = np.asarray(decode(tiff(grey)))
    grey[:2] = nothing
    pixels = np.asarray(decode(tiff(grey)))
    assert (pixels[:2] == 0).all() and (pixels[2:] == whole[2:]).all()


def test_the_no_data_value_that_a_tiff_names():
    grey = np.linspace(-5, 5, 256, dtype=np.float32).reshape(16, 16)
    whole = np.asarray(decode(tiff(grey)))
    grey[8] = 7
    pixels = np.asarray(decode(tiff(grey, t42113="7")))
    assert (pixels[8] == 0).all() and (pixels[9:] == whole[9:]).all()


def test_pixels_of_nothing_at_all_are_black():
    assert np.asarray(decode(tiff(np.full((16, 16), np.nan, np.float32)))).max() == 0


def test_two_values_far_apart_are_both_data():
    grey = np.full((16, 16), -100, np.float32)
    grey[:8] = 100
    assert set(np.asarray(decode(tiff(grey))).flat) == {0, 255}


def test_pngs_with_a_long_text_or_colour_profile_are_read():
    text = PngInfo()
    text.add_itxt("workflow", "node " * 300_000, zip=True)
    for data in (encode(ramp(), "PNG", pnginfo=text), encode(ramp(), "PNG", icc_profile=b"\0" * 2**21)):
        check(data)
        assert np.array_equal(decode(data), ramp())


def test_text_beyond_all_reason_is_named():
    text = PngInfo()
    text.add_itxt("workflow", "n" * (LARGEST_TEXT + 1), zip=True)
    for judge in (check, decode):
        with pytest.raises(BadData, match="holds more than 64 MiB of text"):
            judge(encode(ramp(), "PNG", pnginfo=text))


FORMATS = {
    ".jfif": "JPEG",
    ".jpe": "JPEG",
    ".avif": "AVIF",
    ".jp2": "JPEG2000",
    ".ppm": "PPM",
    ".tga": "TGA",
    ".pcx": "PCX",
    ".sgi": "SGI",
}


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_pillow_reads_is_read(suffix):
    if not features.check(CODECS.get(FORMATS[suffix], "zlib")):
        pytest.skip("this Pillow was built without it")
    assert suffixes()[suffix] == FORMATS[suffix]
    data = encode(ramp(), FORMATS[suffix])
    check(data)
    assert decode(data).size == (24, 16)


def test_programs_videos_and_files_inside_files_are_not():
    assert not {".pdf", ".eps", ".ps", ".mpg", ".flc", ".wmf", ".ico", ".h5"} & set(suffixes())
    for format in ("EPS", "ICO"):
        for judge in (check, decode):
            with pytest.raises(BadData, match="of no format that can be read"):
                judge(encode(ramp(), format))


def test_a_codec_that_pillow_lacks_takes_its_suffix_away(monkeypatch):
    suffixes.cache_clear()
    monkeypatch.setattr(features, "check", lambda name: name != "jpg_2000")
    assert ".jp2" not in suffixes() and ".jpg" in suffixes()
    suffixes.cache_clear()


def test_a_kind_of_a_format_that_is_not_supported_is_named():
    data = tiff(np.full((16, 16), 0.5, np.float32)).replace(
        struct.pack("<HHII", 258, 3, 1, 32), struct.pack("<HHII", 258, 3, 1, 7)
    )
    with pytest.raises(BadData, match="a kind of TIFF that is not supported"):
        check(data)


def test_the_check_finds_in_a_jpeg_what_decoding_finds():
    rng = random.Random(0)
    broken = 0
    for number in range(200):
        noise = np.random.default_rng(number).integers(0, 255, (40, 60, 3), dtype=np.uint8)
        damaged = bytearray(encode(Image.fromarray(noise), "JPEG", progressive=number % 2 == 0))
        start = rng.randrange(len(damaged) // 2, len(damaged) - 40)
        damaged[start : start + 30] = b"\xff\xc4\x00\x05\xff" * 6  # the end mark stays
        outcomes = set()
        for judge in (check, decode):
            try:
                judge(bytes(damaged))
                outcomes.add("")
            except BadData as error:
                outcomes.add(str(error))
        assert len(outcomes) == 1
        broken += outcomes != {""}
    assert broken > 20


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


@pytest.mark.parametrize(
    "format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", *sorted(set(FORMATS.values()) - {"JPEG"})]
)
def test_damaged_bytes_never_raise_anything_but_bad_data(format):
    if format not in suffixes().values():
        pytest.skip("this Pillow was built without it")
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


MODES = {
    **dict.fromkeys(("L", "1", "P", "LA", "RGBA", "RGB", "I;16"), "PNG"),
    **dict.fromkeys(("I", "F", "LAB", "CMYK"), "TIFF"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("turned", [1, 6])
def test_an_image_reduced_on_the_way_looks_like_the_whole_one(mode, turned):
    smooth = ramp(16, 16).resize((700, 500))
    image = Image.fromarray(np.asarray(smooth.convert("L"), np.uint16) * 257) if mode == "I;16" else None
    image = image or (smooth if mode == "LAB" else smooth.convert("L")).convert("L" if mode == "F" else mode)
    exif = Image.Exif()
    exif[0x0112] = turned
    data = encode(image.convert(mode) if mode == "F" else image, MODES[mode], exif=exif)
    whole, small = decode(data), decode(data, 32)
    assert small.mode == "RGB" and 64 <= max(small.size) < 128
    assert (small.width > small.height) == (whole.width > whole.height) == (turned == 1)
    far = np.abs(np.asarray(whole.resize(small.size, Image.Resampling.BOX), int) - np.asarray(small))
    assert far.mean() < 4, far.mean()


def test_a_jpeg_is_decoded_no_larger_than_needed(monkeypatch):
    data, loaded = encode(ramp().resize((3200, 2400)), "JPEG"), []
    load = JpegImageFile.load
    monkeypatch.setattr(JpegImageFile, "load", lambda self: loaded.append(self.size) or load(self))
    small = decode(data, 100)
    assert set(loaded) == {(400, 300)}
    assert small.size == (200, 150)
    far = np.abs(np.asarray(decode(data).resize(small.size, Image.Resampling.BOX), int) - np.asarray(small))
    assert far.mean() < 4


def test_what_a_frugal_reader_cannot_reduce_on_the_way_may_be_smaller_only():
    data = encode(Image.new("RGB", (5000, 4000)), "WEBP", lossless=True, method=0)
    assert decode(data, 8).mode == "RGB"
    with pytest.raises(BadData, match=f"more than {LARGEST // 4:,}"):
        decode(data, 8, frugal=True)
