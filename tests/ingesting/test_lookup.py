"""Look-up tables as makers write them: packed, empty, of another depth; the levels that come out are the meant ones."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.mammogram.anatomy import breast_mask
from tests.support.dicom_files import breast_like, dataset, table, write

TISSUE = breast_like()
HALF = [level // 16 for level in range(4096)]
"""A table of 12 bits in and 8 bits out."""


def item(descriptor: list[int], data: bytes | None) -> Dataset:
    found = Dataset()
    found.add_new("LUTDescriptor", "US", descriptor)
    if data is not None:
        found.add_new("LUTData", "OW", data)
    return found


def packed(entries: list[int], order: str = "<") -> bytes:
    return np.array(entries, np.uint8).view("<u2").astype(f"{order}u2").tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_entries_of_8_bits_packed_two_in_a_word(tmp_path, order):
    lut = item([4096, 0, 8], packed(HALF, order))
    image, bits, notes = read_dicom_pixels(write(tmp_path / "a.dcm", TISSUE, VOILUTSequence=[lut]))
    assert (bits, notes["table_entries"]) == (8, "two in a word")
    np.testing.assert_array_equal(image, TISSUE // 16)


def test_packed_entries_that_pydicom_gives_as_numbers(tmp_path):
    words = np.frombuffer(packed(HALF), "<u2").tolist()
    image, bits, _ = read_dicom_pixels(write(tmp_path / "a.dcm", TISSUE, VOILUTSequence=[table((4096, 0, 8), words)]))
    assert bits == 8
    np.testing.assert_array_equal(image, TISSUE // 16)


def test_entries_of_8_bits_one_in_a_word(tmp_path):
    image, bits, notes = read_dicom_pixels(write(tmp_path / "a.dcm", VOILUTSequence=[table((4096, 0, 8), HALF)]))
    assert (bits, "table_entries" in notes) == (8, False)
    np.testing.assert_array_equal(image, TISSUE // 16)


def test_entries_of_8_bits_in_the_high_byte(tmp_path):
    lut = table((4096, 0, 8), [entry << 8 for entry in HALF])
    image, bits, notes = read_dicom_pixels(write(tmp_path / "a.dcm", VOILUTSequence=[lut]))
    assert (bits, notes["table_entries"]) == (8, "in the high byte")
    np.testing.assert_array_equal(image, TISSUE // 16)


@pytest.mark.parametrize("empty", [Dataset(), item([4096, 0, 12], None), item([4096, 0, 12], b"")])
def test_an_empty_item_is_passed_over_and_noted(tmp_path, empty):
    image, bits, notes = read_dicom_pixels(write(tmp_path / "a.dcm", TISSUE, VOILUTSequence=[empty]))
    assert (bits, notes["voi"]) == (12, "an empty table, not applied")
    np.testing.assert_array_equal(image, TISSUE)


def test_an_empty_item_before_a_table_does_not_hide_it(tmp_path):
    items = [Dataset(), table((4096, 0, 8), HALF)]
    image, _, notes = read_dicom_pixels(write(tmp_path / "a.dcm", TISSUE, VOILUTSequence=items))
    assert notes["voi"] == "table"
    np.testing.assert_array_equal(image, TISSUE // 16)


def test_an_empty_modality_table_is_passed_over_and_noted(tmp_path):
    image, _, notes = read_dicom_pixels(write(tmp_path / "a.dcm", TISSUE, ModalityLUTSequence=[Dataset()]))
    assert notes["modality"] == "an empty table, not applied"
    np.testing.assert_array_equal(image, TISSUE)


@pytest.mark.parametrize("stated", [14, 16])
def test_a_table_that_stays_far_below_its_depth_states_its_own(tmp_path, stated):
    same = list(range(4096))
    image, bits, notes = read_dicom_pixels(
        write(tmp_path / "a.dcm", TISSUE, VOILUTSequence=[table((4096, 0, stated), same)])
    )
    assert (bits, notes["table_bits"]) == (12, 12)
    np.testing.assert_array_equal(image, TISSUE)


@pytest.mark.parametrize("top", [4095, 4000, 2600])
def test_an_inverted_image_is_inverted_about_the_highest_entry_of_its_table(tmp_path, top):
    curve = [min(level, top) for level in range(4096)]
    path = write(
        tmp_path / "a.dcm",
        4095 - TISSUE,
        PhotometricInterpretation="MONOCHROME1",
        VOILUTSequence=[table((4096, 0, 16), curve)],
    )
    image, bits, _ = read_dicom_pixels(path)
    np.testing.assert_array_equal(image, top - np.minimum(4095 - TISSUE, top))
    assert bits == 12
    assert 0.2 < breast_mask(image, bits).mean() < 0.8


def test_a_table_deeper_than_it_states_loses_nothing(tmp_path):
    deep = [4 * level for level in range(4096)]
    image, bits, _ = read_dicom_pixels(write(tmp_path / "a.dcm", TISSUE, VOILUTSequence=[table((4096, 0, 12), deep)]))
    assert bits == 14
    np.testing.assert_array_equal(image, TISSUE * 4)


def test_a_table_for_signed_values_begins_below_zero(tmp_path):
    lut = table((4096, 65536 - 2048, 12), list(range(4096)))
    path = write(tmp_path / "a.dcm", TISSUE.astype(np.int16) - 2048, VOILUTSequence=[lut])
    np.testing.assert_array_equal(read_dicom_pixels(path)[0], TISSUE)


@pytest.mark.parametrize(
    ("descriptor", "data", "words"),
    [((4096, 0, 12), list(range(100)), "4096 entries holds 100"), ((256, 0, 12), [0] * 256, "all entries.*zero")],
)
def test_a_table_that_makes_no_sense_is_refused_with_the_reason(tmp_path, descriptor, data, words):
    path = write(tmp_path / "a.dcm", VOILUTSequence=[table(descriptor, data)])
    with pytest.raises(SourceError, match=words):
        read_dicom_pixels(path)


def test_the_table_of_a_big_endian_file(tmp_path):
    lut = item([4096, 0, 12], np.arange(4096, dtype=">u2").tobytes())
    ds = dataset(TISSUE.astype(">u2"), VOILUTSequence=[lut])
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(read_dicom_pixels(tmp_path / "a.dcm")[0], TISSUE)
