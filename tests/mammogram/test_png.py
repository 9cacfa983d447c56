"""Laws of the PNG encoder: lossless, read by others, the same bytes always, small where it should be."""

import hashlib
import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from synthmammo.mammogram import png

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
IMAGES = hnp.arrays(st.sampled_from([np.uint8, np.uint16]), SHAPES)
MASKS = hnp.arrays(st.sampled_from([np.bool_, np.uint8]), SHAPES)


def noisy_breast(height: int = 512, width: int = 300) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    inside = (columns / (0.7 * width)) ** 2 + ((rows - height / 2) / (0.4 * height)) ** 2 < 1
    smooth = 20000 + 9000 * np.sin(rows / 40) * np.cos(columns / 31)
    return np.where(inside, smooth + np.random.default_rng(0).normal(0, 300, (height, width)), 0).astype(np.uint16)


@given(IMAGES)
def test_images_come_back_exactly_from_our_reader_and_from_pillow(pixels):
    data = png.encode(pixels)
    for back in (png.decode(data), np.asarray(Image.open(io.BytesIO(data)))):
        assert back.dtype == pixels.dtype
        np.testing.assert_array_equal(back, pixels)


@given(MASKS)
def test_masks_come_back_exactly(mask):
    back = png.decode(png.encode_mask(mask))
    assert back.dtype == mask.dtype
    np.testing.assert_array_equal(back, mask)


@given(IMAGES)
def test_layout_in_memory_does_not_matter(pixels):
    assert png.encode(np.asfortranarray(pixels)) == png.encode(pixels)
    np.testing.assert_array_equal(png.decode(png.encode(pixels[::-1, ::-1])), pixels[::-1, ::-1])


def test_pillow_sees_sixteen_bits():
    assert Image.open(io.BytesIO(png.encode(noisy_breast()))).mode == "I;16"


def test_files_of_other_encoders_are_read():
    pixels = noisy_breast()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    np.testing.assert_array_equal(png.decode(buffer.getvalue()), pixels)


def test_structure_follows_the_standard():
    data, pixels = png.encode(noisy_breast()), noisy_breast()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I4sIIBB", data[8:26]) == (13, b"IHDR", pixels.shape[1], pixels.shape[0], 16, 0)
    Image.open(io.BytesIO(data)).verify()  # checks the checksum of every chunk


def test_another_process_gives_the_same_bytes():
    code = (
        "import hashlib, numpy as np; from synthmammo.mammogram import png;"
        "a = np.random.default_rng(1).integers(0, 5000, (300, 200)).astype(np.uint16);"
        "print(hashlib.sha256(png.encode(a) + png.encode_mask(a > 2500)).hexdigest())"
    )
    pixels = np.random.default_rng(1).integers(0, 5000, (300, 200)).astype(np.uint16)
    here = hashlib.sha256(png.encode(pixels) + png.encode_mask(pixels > 2500)).hexdigest()
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == here
    )


def test_no_larger_than_pillow():
    buffer = io.BytesIO()
    Image.fromarray(noisy_breast()).save(buffer, "PNG")
    assert len(png.encode(noisy_breast())) < 1.06 * len(buffer.getvalue())


def test_masks_of_a_full_mammogram_are_tiny():
    mask = np.zeros((4600, 2700), np.bool_)
    mask[500:3000, :1500] = True
    assert len(png.encode_mask(mask)) < 10_000
    assert len(png.encode_mask(mask.astype(np.uint8))) < 25_000


@pytest.mark.parametrize(("shape", "dtype"), [((2, 2), "f4"), ((2, 2, 3), "u1"), ((0, 2), "u1")])
def test_other_arrays_are_refused(shape, dtype):
    wrong = np.zeros(shape, dtype)
    with pytest.raises(ValueError, match=r"expected .* \(H, W\), got"):
        png.encode(wrong)
    with pytest.raises(ValueError, match=r"expected .* \(H, W\), got"):
        png.encode_mask(wrong)


@pytest.mark.parametrize("cut", [0, 4, 20, 60, 2000])
def test_a_file_cut_short_is_refused(cut):
    with pytest.raises(ValueError, match="not a whole PNG"):
        png.decode(png.encode(noisy_breast())[:cut])


def test_colour_is_refused():
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    with pytest.raises(ValueError, match=r"got uint8 \(4, 4, 3\)"):
        png.decode(buffer.getvalue())
