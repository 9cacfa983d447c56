"""Bits of DICOM pixels: where the header contradicts what is stored, what is stored decides, and the sample says so."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.dicom_header import open_dicom
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels, read_stored
from synthmammo.mammogram.anatomy import breast_mask
from tests.support.dicom_files import breast_like, dataset, jpeg_lossless

TISSUE = breast_like()
DEEP = breast_like(top=16383)
"""The same with values of 14 bits."""
COMPRESSED = [RLELossless, JPEGLSLossless, JPEG2000Lossless]
INVERTED = {"PhotometricInterpretation": "MONOCHROME1"}


def file_of(path: Path, pixels: np.ndarray, syntax: str | None = None, *, encoded_bits: int = 0, **header) -> Path:
    """A file whose header says what the test wants, whatever was true when the pixels were compressed."""
    whole = dataset(pixels, BitsStored=encoded_bits or 8 * pixels.dtype.itemsize)
    if syntax == JPEGLosslessSV1:
        whole.PixelData = encapsulate([jpeg_lossless(pixels, encoded_bits)])
        whole["PixelData"].VR = "OB"
        whole.file_meta.TransferSyntaxUID = syntax
    elif syntax:
        whole.compress(syntax)
    for name, value in {"BitsStored": 12, "HighBit": header.get("BitsStored", 12) - 1, **header}.items():
        setattr(whole, name, value)
    whole.save_as(path, enforce_file_format=True)
    return path


# Values above BitsStored


@pytest.mark.parametrize("syntax", [None, *COMPRESSED, JPEGLosslessSV1])
def test_14_bits_behind_a_header_of_12_are_all_kept(tmp_path, syntax):
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", DEEP, syntax, encoded_bits=14))
    assert (bits, notes["bits_found"], notes["bits_from"]) == (14, 14, "values")
    np.testing.assert_array_equal(image, DEEP)


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_14_bits_of_an_inverted_image_leave_air_dark(tmp_path, syntax):
    path = file_of(tmp_path / "a.dcm", 16383 - DEEP, syntax, encoded_bits=14, **INVERTED)
    np.testing.assert_array_equal(read_dicom_pixels(path)[0], DEEP)


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, RLELossless])
def test_what_is_drawn_in_the_unused_bits_is_left_out(tmp_path, syntax):
    drawn = TISSUE.copy()
    drawn[20:40, 10:30] |= 1 << 13
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", drawn, syntax))
    assert (bits, notes["bits_ignored"]) == (12, "0x2000")
    np.testing.assert_array_equal(image, TISSUE)


def test_an_overlay_that_the_header_names_is_left_out_without_a_word(tmp_path):
    path = file_of(tmp_path / "a.dcm", np.where(TISSUE > 2000, TISSUE | 1 << 12, TISSUE).astype(np.uint16))
    ds = pydicom.dcmread(path)
    ds.add_new((0x6000, 0x0102), "US", 12)
    ds.save_as(path)
    image, _, notes = read_dicom_pixels(path)
    assert not {"bits_ignored", "bits_found"} & set(notes)
    np.testing.assert_array_equal(image, TISSUE)


def test_bits_that_may_be_either_are_refused_with_the_reason(tmp_path):
    pixels = np.full((96, 64), 1001, np.uint16)
    pixels[::2] = np.arange(64) * 128 + 1  # goes on beyond 4095
    pixels[1::2, 32:] |= 1 << 12  # jumps by exactly one bit
    path = file_of(tmp_path / "a.dcm", pixels)
    with pytest.raises(SourceError, match="beyond the 12 that BitsStored states.*steps between neighbours"):
        read_dicom_pixels(path)


def test_an_overshoot_is_clipped_and_counted(tmp_path):
    pixels = np.where(TISSUE > 3900, TISSUE + 200, TISSUE).astype(np.uint16)
    over = np.minimum(pixels, 4100).astype(np.uint16)
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", over))
    assert (bits, notes["clipped_pixels"]) == (12, int((over > 4095).sum()))
    np.testing.assert_array_equal(image, np.minimum(over, 4095))


# HighBit


def test_left_aligned_values_are_read_where_the_header_says_so(tmp_path):
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", TISSUE << 4, HighBit=15))
    assert (bits, "alignment" in notes) == (12, False)
    np.testing.assert_array_equal(image, TISSUE)


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_right_aligned_values_with_high_bit_15_lose_nothing(tmp_path, syntax):
    path = file_of(tmp_path / "a.dcm", TISSUE, syntax, encoded_bits=12, HighBit=15)
    image, bits, notes = read_dicom_pixels(path)
    assert (bits, notes["alignment"]) == (12, "right, the header says left")
    np.testing.assert_array_equal(image, TISSUE)


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_left_aligned_values_with_high_bit_11_are_not_cut(tmp_path, syntax):
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", TISSUE << 4, syntax, HighBit=11))
    assert (bits, notes["alignment"]) == (12, "left, the header says right")
    np.testing.assert_array_equal(image, TISSUE)


@pytest.mark.parametrize("high", [3, 40])
def test_a_high_bit_that_cannot_be_counts_as_absent(tmp_path, high):
    np.testing.assert_array_equal(read_dicom_pixels(file_of(tmp_path / "a.dcm", TISSUE, HighBit=high))[0], TISSUE)


def test_all_16_bits_behind_a_left_aligned_header_are_kept(tmp_path):
    pixels = breast_like(top=65535)
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", pixels, HighBit=15))
    assert (bits, notes["bits_found"]) == (16, 16)
    np.testing.assert_array_equal(image, pixels)


# Padding


@pytest.mark.parametrize("value", [65535, 4096, 32768])
def test_padding_outside_the_stated_bits_becomes_air(tmp_path, value):
    pixels = TISSUE.copy()
    pixels[:12] = value
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", pixels, PixelPaddingValue=value))
    assert (bits, notes["padding_outside_bits"]) == (12, True)
    np.testing.assert_array_equal(image[12:], TISSUE[12:])
    assert not image[:12].any()


def test_a_range_of_padding_outside_the_stated_bits_becomes_air(tmp_path):
    pixels = TISSUE.copy()
    pixels[:6], pixels[6:12] = 60000, 65535
    path = file_of(tmp_path / "a.dcm", pixels, PixelPaddingValue=60000, PixelPaddingRangeLimit=65535)
    image = read_dicom_pixels(path)[0]
    np.testing.assert_array_equal(image, np.where(np.arange(96)[:, None] < 12, 0, TISSUE))


def test_signed_padding_outside_the_stated_bits_becomes_air(tmp_path):
    pixels = TISSUE.astype(np.int16) - 2048
    pixels[:12] = -32768
    image, bits, _ = read_dicom_pixels(file_of(tmp_path / "a.dcm", pixels, PixelPaddingValue=-32768))
    assert bits == 12
    np.testing.assert_array_equal(image, np.where(np.arange(96)[:, None] < 12, 0, TISSUE))


# Signed values


def test_signed_values_without_their_sign_carried_on(tmp_path):
    pixels = (TISSUE.astype(np.int16) - 2048) & 0x0FFF
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", pixels.astype(np.int16)))
    assert (bits, "signed" in notes) == (12, False)
    np.testing.assert_array_equal(image, TISSUE)


def test_unsigned_values_called_signed_do_not_wrap(tmp_path):
    image, bits, notes = read_dicom_pixels(file_of(tmp_path / "a.dcm", TISSUE.astype(np.int16)))
    assert notes["signed"] == "no, the header says so"
    assert bits == 12
    np.testing.assert_array_equal(image, TISSUE)


def test_signed_values_that_are_never_negative_leave_air_dark(tmp_path):
    image, bits, _ = read_dicom_pixels(file_of(tmp_path / "a.dcm", TISSUE.astype(np.int16), BitsStored=16))
    assert bits == 16
    np.testing.assert_array_equal(image, TISSUE)


# Full scale of an inverted image


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1])
def test_the_full_scale_is_that_of_the_codestream(tmp_path, syntax):
    path = file_of(tmp_path / "a.dcm", 4095 - TISSUE, syntax, encoded_bits=12, BitsStored=16, **INVERTED)
    image, bits, notes = read_dicom_pixels(path)
    assert (bits, notes["bits_from"], notes["bits_found"]) == (12, "codestream", 12)
    np.testing.assert_array_equal(image, TISSUE)
    assert 0.2 < breast_mask(image, bits).mean() < 0.8


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_the_full_scale_is_that_of_the_values_where_there_is_no_codestream(tmp_path, syntax):
    path = file_of(tmp_path / "a.dcm", 4095 - TISSUE, syntax, BitsStored=16, **INVERTED)
    image, bits, notes = read_dicom_pixels(path)
    assert (bits, notes["inverted_at"]) == (16, 4095)
    np.testing.assert_array_equal(image, TISSUE)
    assert 0.2 < breast_mask(image, bits).mean() < 0.8


def test_padding_does_not_stretch_the_full_scale(tmp_path):
    pixels = 4095 - TISSUE
    pixels[:12] = 65535
    path = file_of(tmp_path / "a.dcm", pixels, BitsStored=16, PixelPaddingValue=65535, **INVERTED)
    np.testing.assert_array_equal(read_dicom_pixels(path)[0], np.where(np.arange(96)[:, None] < 12, 0, TISSUE))


def test_a_sound_header_is_believed_and_nothing_is_noted(tmp_path):
    for name, path in (("dark", breast_like(top=1500)), ("bright", TISSUE)):
        assert read_dicom_pixels(file_of(tmp_path / f"{name}.dcm", path))[1:] == (12, {})


# Real files


@pytest.mark.parametrize(
    ("name", "shape", "low", "high"),
    [
        ("MR_small.dcm", (64, 64), 0, 4000),
        ("MR_small_RLE.dcm", (64, 64), 0, 4000),
        ("MR_small_jp2klossless.dcm", (64, 64), 0, 4000),
        ("MR_small_jpeg_ls_lossless.dcm", (64, 64), 0, 4000),
        ("MR_small_bigendian.dcm", (64, 64), 0, 4000),
        ("CT_small.dcm", (128, 128), 128, 2191),
        ("JPEG2000.dcm", (1024, 256), None, None),
        ("J2K_pixelrep_mismatch.dcm", (512, 512), -2000, 3000),
        ("JPEGLSNearLossless_16.dcm", (50, 10), None, None),
    ],
)
def test_real_files_give_the_values_that_pydicom_gives(name, shape, low, high):
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"{name} is not on this disk")
    found = read_stored(open_dicom(Path(path), with_pixels=True), Path(path))
    assert found.levels.shape == shape
    np.testing.assert_array_equal(found.levels, pydicom.dcmread(path).pixel_array)
    if low is not None:
        assert low <= found.levels.min() and found.levels.max() <= high
