"""Raster files keep their grey values; what is no grey image of 8 or 16 bits is one clear error."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.rasters import is_picture, lossy_facts, read_noted_raster, read_raster
from tests.support.tiffs import tiff

RAMP = np.arange(48, dtype=np.uint16).reshape(6, 8)


@pytest.mark.parametrize(
    ("suffix", "dtype"), [("png", "u1"), ("png", "u2"), ("tif", "u1"), ("tif", "u2"), ("pgm", "u1")]
)
def test_a_raster_keeps_its_values(tmp_path, suffix, dtype):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(RAMP.astype(dtype) * (200 if dtype == "u2" else 1)).save(path)
    image, bits = read_raster(path)
    assert (image.dtype, bits) == (np.uint16, 8 * np.dtype(dtype).itemsize)
    np.testing.assert_array_equal(image, RAMP * (200 if dtype == "u2" else 1))


@pytest.mark.parametrize(("maximum", "bits"), [(255, 8), (1023, 12), (4095, 12), (16383, 14), (65535, 16)])
def test_a_binary_pgm_keeps_its_values_and_states_its_depth(tmp_path, maximum, bits):
    dtype = ">u2" if maximum > 255 else "u1"
    header = f"P5\n# a comment\n8 6\n# another\n{maximum}\n".encode()
    (tmp_path / "a.pgm").write_bytes(header + RAMP.astype(dtype).tobytes())
    image, found = read_raster(tmp_path / "a.pgm")
    assert found == bits
    np.testing.assert_array_equal(image, RAMP)


def test_grey_in_disguise_is_accepted_and_colour_is_not(tmp_path):
    grey = np.repeat(RAMP.astype(np.uint8)[..., None], 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_raster(tmp_path / "grey.png")[0], RAMP)
    Image.fromarray(grey[..., 0]).convert("P").save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_raster(tmp_path / "palette.png")[0], RAMP)
    grey[2, 3, 1] += 1
    Image.fromarray(grey).save(tmp_path / "colour.png")
    with pytest.raises(SourceError, match="coloured"):
        read_raster(tmp_path / "colour.png")


def test_what_is_no_grey_image_is_one_clear_error(tmp_path):
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(SourceError, match="float32"):
        read_raster(tmp_path / "float.tif")
    pages = [Image.fromarray(RAMP.astype(np.uint8))] * 2
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(SourceError, match="2 pages"):
        read_raster(tmp_path / "pages.tif")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(SourceError, match="not an image"):
        read_raster(tmp_path / "text.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "pgm"])
@given(share=st.floats(0, 0.98))
def test_a_truncated_raster_is_one_clear_error(tmp_path_factory, suffix, share):
    folder = tmp_path_factory.mktemp("cut")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(folder / f"a.{suffix}")
    whole = (folder / f"a.{suffix}").read_bytes()
    (folder / f"a.{suffix}").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SourceError):
        read_raster(folder / f"a.{suffix}")


def test_a_jpeg_states_how_much_smaller_it_is_and_other_files_nothing(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    for suffix in ("png", "jpg"):
        Image.fromarray(noise).save(tmp_path / f"a.{suffix}")
    size = (tmp_path / "a.jpg").stat().st_size
    assert lossy_facts(tmp_path / "a.jpg", noise) == {"lossy_ratio": round(max(1, 64 * 64 / size), 3)}
    assert lossy_facts(tmp_path / "a.png", noise) == {}


DEEP = (RAMP * 1337 + 3).astype(np.uint16)
"""Values of 16 bits whose lower bytes all differ."""


def png16(channels: np.ndarray, colour: int) -> bytes:
    """A PNG of 16 bits per channel, which Pillow cannot write."""
    height, width = channels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in channels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)), (b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in [*chunks, (b"IEND", b"")]
    )


@pytest.mark.parametrize(("colour", "channels", "alpha"), [(4, 2, True), (2, 3, False), (6, 4, True)])
def test_a_png_of_16_bits_with_alpha_or_colours_keeps_its_depth(tmp_path, colour, channels, alpha):
    pixels = np.repeat(DEEP[..., None], channels, axis=2)
    if alpha:
        pixels[..., -1] = 65535
    (tmp_path / "a.png").write_bytes(png16(pixels, colour))
    image, bits = read_raster(tmp_path / "a.png")
    assert bits == 16
    np.testing.assert_array_equal(image, DEEP)


def test_colours_that_differ_in_their_lower_bytes_alone_are_colours(tmp_path):
    pixels = np.repeat(DEEP[..., None], 3, axis=2)
    pixels[2, 3, 1] ^= 1
    (tmp_path / "a.png").write_bytes(png16(pixels, 2))
    with pytest.raises(SourceError, match="coloured"):
        read_raster(tmp_path / "a.png")


def test_transparent_parts_are_refused(tmp_path):
    pixels = np.dstack([DEEP, np.full_like(DEEP, 65535)])
    pixels[1, 1, 1] = 7
    (tmp_path / "a.png").write_bytes(png16(pixels, 4))
    with pytest.raises(SourceError, match="transparent"):
        read_raster(tmp_path / "a.png")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [1, 2])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_a_tiff_of_16_bits_keeps_its_depth(tmp_path, order, photometric, compression):
    tifffile = pytest.importorskip("tifffile")
    if compression == "lzw":
        pytest.importorskip("imagecodecs", reason="tifffile writes LZW with imagecodecs")
    pixels = DEEP if photometric == 1 else np.repeat(DEEP[..., None], 3, axis=2)
    kind = {1: "minisblack", 2: "rgb"}[photometric]
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=kind, byteorder=order, compression=compression)
    image, bits = read_raster(tmp_path / "a.tif")
    assert bits == 16
    np.testing.assert_array_equal(image, DEEP)


@pytest.mark.parametrize(("top", "at"), [(65535, None), (4095, 4095)])
def test_a_tiff_of_16_bits_with_white_as_zero_is_inverted(tmp_path, top, at):
    tifffile = pytest.importorskip("tifffile")
    values = np.minimum(DEEP, top)
    tifffile.imwrite(tmp_path / "a.tif", (top - values).astype(np.uint16), photometric="miniswhite")
    image, bits, notes = read_noted_raster(tmp_path / "a.tif")
    assert (bits, notes.get("inverted_at")) == (16, at)
    assert notes["inverted"]
    np.testing.assert_array_equal(image, values)


def test_what_has_no_full_depth_is_refused_and_never_cut(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "cmyk.tif", np.repeat(DEEP[..., None], 4, axis=2), photometric="separated")
    head = f"P6\n8 6\n{65535}\n".encode()
    (tmp_path / "a.ppm.png").write_bytes(head + np.repeat(DEEP[..., None], 3, axis=2).astype(">u2").tobytes())
    for name in ("cmyk.tif", "a.ppm.png"):
        with pytest.raises(SourceError, match="not read at their depth"):
            read_raster(tmp_path / name)


def test_a_picture_that_claims_more_than_any_mammogram_is_refused_at_once(tmp_path):
    header = struct.pack(">IIBBBBB", 65535, 65535, 16, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    idat = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + idat)
    (tmp_path / "a.pgm").write_bytes(b"P5 65535 65535 255 ")
    for name in ("a.png", "a.pgm"):
        with pytest.raises(SourceError, match="states a size (of 65,535 x 65,535|that no mammogram has)"):
            read_raster(tmp_path / name)


def test_a_png_that_its_bytes_cannot_fill_is_refused_at_once(tmp_path):
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 16, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    idat = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + idat)
    with pytest.raises(SourceError, match="which its 45 bytes cannot hold"):
        read_raster(tmp_path / "a.png")


@pytest.mark.parametrize(("maximum", "bits"), [(100, 8), (255, 8), (4095, 12), (65535, 16)])
def test_a_plain_pgm_keeps_its_values_and_states_its_depth(tmp_path, maximum, bits):
    values = [0, 1, 77, maximum, 5, 6]
    text = f"P2 # a comment\n3 2\n{maximum}\n{' '.join(map(str, values[:4]))} # more\n5\n6\n"
    (tmp_path / "a.pgm").write_text(text)
    image, found = read_raster(tmp_path / "a.pgm")
    assert (image.tolist(), found) == ([values[:3], values[3:]], bits)
    assert is_picture(tmp_path / "a.pgm")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("P2 3 2 255 1 2 3 4 5", "shorter"),
        ("P2 3 2 255 1 2 x 4 5 6", "shorter than its header says, or damaged"),
        ("P2 3 2 255 1 2 -3 4 5 6", "holds values"),
        ("P2 3 2 255 1 2 256 4 5 6", "holds values up to 256, its header says 255"),
        ("P2 3 2 70000 1 2 3 4 5 6", "states values up to 70000"),
        ("P2 3 2", "header is damaged"),
        ("P2 65535 65535 255 1", "65,535"),
    ],
)
def test_a_plain_pgm_that_is_none_is_refused(tmp_path, content, words):
    (tmp_path / "a.pgm").write_text(content)
    with pytest.raises(SourceError, match=words):
        read_raster(tmp_path / "a.pgm")


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("photometric", [0, 1])
def test_a_tiff_of_16_bits_is_read_in_either_byte_order_and_polarity(tmp_path, order, photometric):
    values = np.array([[0, 1, 300], [4095, 5, 6]])
    (tmp_path / "a.tif").write_bytes(tiff(values, order, photometric))
    image, bits, notes = read_noted_raster(tmp_path / "a.tif")
    assert (image.tolist(), bits) == ((4095 - values if photometric == 0 else values).tolist(), 16)
    assert notes == ({"inverted": True, "inverted_at": 4095} if photometric == 0 else {})


def test_values_beyond_the_stated_maximum_of_a_pgm_are_refused(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 4095 " + np.array([1, 5000], ">u2").tobytes())
    with pytest.raises(SourceError, match="values up to 5000, its header says 4095"):
        read_raster(tmp_path / "a.pgm")
