"""The brightest values of a tomosynthesis whose slices are single files."""

import numpy as np
import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.ingest import ingest
from synthmammo.ingesting.sources.base import Record, open_source
from tests.support.dicom_files import breast_like, write

SLICES = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]


def planes(number):
    """A slice in which another quarter is bright."""
    plane = breast_like(48, 32) // 4
    plane[12 * number : 12 * number + 12] *= 3
    return plane


def series(folder, count=4, **attributes):
    tags = {"ImageType": SLICES, "SeriesInstanceUID": "1.2.9"} | attributes
    for number in range(count):
        write(folder / f"{number}.dcm", planes(number), InstanceNumber=number + 1, **tags)


def opened(folder):
    source = open_source("dicom", folder, {"frames": "maximum"})
    return source, [one for one in source.records() if isinstance(one, Record)]


def test_the_image_holds_the_brightest_value_of_all_slices(tmp_path):
    series(tmp_path / "left")
    series(tmp_path / "right", 2, SeriesInstanceUID="1.2.10", ImageLaterality="R")
    source, (left, right) = opened(tmp_path)
    assert (left.provenance["frame"], left.provenance["frames"]) == ("maximum", 4)
    np.testing.assert_array_equal(source.read(left).image, np.max([planes(number) for number in range(4)], 0))
    np.testing.assert_array_equal(source.read(right).image, np.max([planes(0), planes(1)], 0))


def test_where_white_is_zero_the_darkest_stored_value_is_the_brightest(tmp_path):
    for number in range(4):
        stored = 4095 - planes(number)
        tags = {"ImageType": SLICES, "SeriesInstanceUID": "1.2.9", "PhotometricInterpretation": "MONOCHROME1"}
        write(tmp_path / f"{number}.dcm", stored, InstanceNumber=number + 1, **tags)
    source, (record,) = opened(tmp_path)
    np.testing.assert_array_equal(source.read(record).image, np.max([planes(number) for number in range(4)], 0))


def test_a_slice_of_another_size_is_named(tmp_path):
    series(tmp_path, 3)
    write(tmp_path / "2.dcm", planes(0)[:40], InstanceNumber=3, ImageType=SLICES, SeriesInstanceUID="1.2.9")
    source, (record,) = opened(tmp_path)
    with pytest.raises(SourceError, match=r"2\.dcm: a slice of 40 x 32 pixels and 12 bits differs from the first"):
        source.read(record)


def test_a_series_becomes_one_sample(tmp_path):
    series(tmp_path / "in")
    settings = {"frames": "maximum"}
    manifest = ingest("dicom", tmp_path / "in", tmp_path / "out", settings=settings, workers=1).manifest
    assert manifest.samples == 1
