"""Which DICOM objects are mammograms, which frame of them is read, and the spacing of magnification views."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import PassedOver, Record, Skipped, open_source
from synthmammo.ingesting.sources.dicom import MANY_STUDIES
from synthmammo.ingesting.sources.dicom_frames import one_frame
from synthmammo.ingesting.sources.dicom_header import Accepted
from synthmammo.mammogram.sample import Laterality
from tests.support.archives import ARCHIVES
from tests.support.dicom_files import FOR_PRESENTATION, SECONDARY_CAPTURE, TOMOSYNTHESIS, breast_like, write

FLAT = breast_like()
FRAMES = np.stack([FLAT // 4, FLAT // 2, FLAT, FLAT // 3])


def found(folder, **settings):
    return list(open_source("dicom", folder, settings).records())


def one(tmp_path, settings=None, **attributes):
    write(tmp_path / "one", **attributes)
    records = found(tmp_path, **(settings or {}))
    assert len(records) == 1
    return records[0]


@pytest.mark.parametrize(
    ("attributes", "settings"),
    [
        ({"Modality": None}, {}),
        ({"Modality": "CR"}, {}),
        ({"Modality": "RG"}, {}),
        ({"Modality": "MG", "SOPClassUID": SECONDARY_CAPTURE}, {}),
        ({"Modality": "CR", "SOPClassUID": SECONDARY_CAPTURE, "BodyPartExamined": "BREAST"}, {"accept": "breast"}),
        ({"Modality": "OT", "BodyPartExamined": "BREAST"}, {"accept": "breast"}),
        ({"Modality": None, "SOPClassUID": SECONDARY_CAPTURE, "BodyPartExamined": "BREAST"}, {"accept": "breast"}),
    ],
)
def test_mammograms_are_read_under_other_modalities(tmp_path, attributes, settings):
    assert isinstance(one(tmp_path, settings, **attributes), Record)


@pytest.mark.parametrize(
    ("attributes", "settings", "reason"),
    [
        (
            {"Modality": "CR", "SOPClassUID": SECONDARY_CAPTURE},
            {"accept": "breast"},
            "Modality is CR, expected MG",
        ),
        (
            {"Modality": "CR", "SOPClassUID": SECONDARY_CAPTURE, "BodyPartExamined": "BREAST"},
            {},
            "Modality is CR, expected MG (its BodyPartExamined is BREAST: accept=breast reads it)",
        ),
        ({"Modality": "MR", "BodyPartExamined": "BREAST"}, {"accept": "breast"}, "Modality is MR, expected MG"),
        ({"Modality": "DX", "SOPClassUID": FOR_PRESENTATION}, {}, "Modality is DX, expected MG"),
    ],
)
def test_other_objects_are_not(tmp_path, attributes, settings, reason):
    skipped = one(tmp_path, settings, **attributes)
    assert isinstance(skipped, Skipped) and skipped.reason == reason


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"], False),
        (["DERIVED", "SECONDARY", "SLICE"], False),
        (["DERIVED", "PRIMARY", "TOMO_SLICE"], False),
        (["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"], True),
        (["DERIVED", "PRIMARY", "TOMO_2D", "LEFT"], True),
        (["DERIVED", "PRIMARY", "TOMO_PROJ", "RIGHT"], True),
        (["ORIGINAL", "PRIMARY"], True),
        (None, True),
    ],
)
def test_single_slices_of_a_tomosynthesis_are_told_from_images_made_of_all_slices(tmp_path, words, read):
    result = one(tmp_path, ImageType=words)
    assert isinstance(result, Record) is read
    if not read:
        assert result.reason.startswith("one slice of a tomosynthesis")


def test_an_image_made_of_all_slices_is_read_in_an_object_of_tomosynthesis(tmp_path):
    record = one(tmp_path, SOPClassUID=TOMOSYNTHESIS, ImageType=["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"])
    assert record.provenance["image_type"][-1] == "GENERATED_2D"
    write(tmp_path / "one", SOPClassUID=TOMOSYNTHESIS, ImageType=["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"])
    assert isinstance(found(tmp_path)[0], Skipped)


def group(**attributes):
    item = Dataset()
    for name, value in attributes.items():
        setattr(item, name, value)
    return item


TOMO = {
    "SOPClassUID": TOMOSYNTHESIS,
    "NumberOfFrames": len(FRAMES),
    "ImageLaterality": None,
    "SharedFunctionalGroupsSequence": [
        group(
            PixelMeasuresSequence=[group(PixelSpacing=[0.09, 0.1])],
            FrameAnatomySequence=[group(FrameLaterality="R")],
        )
    ],
}


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless])
@pytest.mark.parametrize(
    ("frames", "expected", "noted"),
    [("central", FRAMES[2], "3"), (1, FRAMES[0], "1"), ("4", FRAMES[3], "4"), ("maximum", FRAMES.max(0), "maximum")],
)
def test_one_frame_of_a_tomosynthesis_is_read(tmp_path, frames, expected, noted, syntax):
    write(tmp_path / "one", FRAMES, syntax=syntax, **TOMO)
    source = open_source("dicom", tmp_path, {"frames": frames})
    record = next(iter(source.records()))
    assert isinstance(record, Record), record
    assert record.spacing_mm == (0.09, 0.1) and record.laterality is Laterality.RIGHT
    picture = source.read(record)
    np.testing.assert_array_equal(picture.image, expected)
    assert (picture.notes["frame"], picture.notes["frames"]) == (noted, 4)


def test_the_maximum_is_the_brightest_where_bright_is_low(tmp_path):
    write(tmp_path / "one", 4095 - FRAMES, **TOMO, PhotometricInterpretation="MONOCHROME1")
    source = open_source("dicom", tmp_path, {"frames": "maximum"})
    np.testing.assert_array_equal(source.read(next(iter(source.records()))).image, FRAMES.max(0))


def test_frames_that_are_not_asked_for_or_not_there_are_refused(tmp_path):
    write(tmp_path / "one", FRAMES, **TOMO)
    assert "4 frames (--frames central, maximum or a number reads one image of it)" in found(tmp_path)[0].reason
    assert found(tmp_path, frames=5)[0].reason == "has 4 frames, and frame 5 is asked for"
    for wrong in ("middle", 0, -1, "1.5"):
        with pytest.raises(SourceError, match=f"frames: '{wrong}' is not understood"):
            open_source("dicom", tmp_path, {"frames": wrong})


MAGNIFIED = {"ViewModifierCodeSequence": [group(CodeValue="399163009")]}


@pytest.mark.parametrize(
    ("attributes", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.07, 0.07], "EstimatedRadiographicMagnificationFactor": 1.08}, (0.07, 0.07)),
        ({"ImagerPixelSpacing": [0.07, 0.14], "EstimatedRadiographicMagnificationFactor": 1.75}, (0.04, 0.08)),
        (
            {"ImagerPixelSpacing": [0.09, 0.09], "EstimatedRadiographicMagnificationFactor": 1.8, **MAGNIFIED},
            (0.05, 0.05),
        ),
        ({"ImagerPixelSpacing": [0.09, 0.09], **MAGNIFIED}, None),
        ({"ImagerPixelSpacing": [0.09, 0.09], "SeriesDescription": "L MAG CC"}, None),
        ({"ImagerPixelSpacing": [0.09, 0.09], "EstimatedRadiographicMagnificationFactor": 1.0, **MAGNIFIED}, None),
        (
            {"PixelSpacing": [0.05, 0.05], "ImagerPixelSpacing": [0.09, 0.09], **MAGNIFIED}
            | {"PixelSpacingCalibrationType": "GEOMETRY"},
            (0.05, 0.05),
        ),
    ],
)
def test_a_magnification_view_has_the_spacing_of_the_magnified_plane_or_none(tmp_path, attributes, spacing):
    assert one(tmp_path, **attributes).spacing_mm == pytest.approx(spacing)


def test_one_patient_id_for_many_studies_is_noted_and_studies_can_tell_patients_apart(tmp_path):
    for number in range(MANY_STUDIES):
        write(tmp_path / f"{number}.dcm", StudyInstanceUID=f"1.2.{number}", PatientID="ANONYMOUS")
    source = open_source("dicom", tmp_path)
    assert len({record.patient for record in source.records()}) == 1
    assert source.notes[0].startswith(f"one PatientID stands for {MANY_STUDIES} or more studies, up to {MANY_STUDIES}")
    assert "ANONYMOUS" not in source.notes[0] and "patient=study" in source.notes[0]
    source = open_source("dicom", tmp_path, {"patient": "study"})
    assert len({record.patient for record in source.records()}) == MANY_STUDIES and not source.notes


# What one of several frames shares with other objects


@pytest.mark.parametrize("frames", ["central", 3, "maximum"])
@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless])
def test_frames_whose_values_need_more_bits_than_stated_keep_them(tmp_path, frames, syntax):
    pixels = np.stack([breast_like(top=16383) // share for share in (4, 2, 1, 3)])
    path = write(tmp_path / "one.dcm", pixels, SOPClassUID=TOMOSYNTHESIS, NumberOfFrames=4, BitsStored=14)
    if syntax:
        path = write(
            tmp_path / "one.dcm", pixels, syntax=syntax, SOPClassUID=TOMOSYNTHESIS, NumberOfFrames=4, BitsStored=14
        )
    header = pydicom.dcmread(path)
    header.BitsStored, header.HighBit = 12, 11
    header.save_as(path)
    source = open_source("dicom", tmp_path, {"frames": frames})
    (record,) = source.records()
    picture = source.read(record)
    np.testing.assert_array_equal(picture.image, pixels[2])
    assert (picture.bits_stored, picture.notes["bits_found"]) == (14, 14)


def test_frames_of_signed_values_are_compared_with_their_signs(tmp_path):
    signed = np.stack([FLAT.astype(np.int16) - 2048, FLAT.astype(np.int16) // 2 - 2048])
    words = (signed.view(np.uint16) & 0x0FFF).view(np.int16)  # the signs do not reach all of the word
    write(tmp_path / "one.dcm", words, SOPClassUID=TOMOSYNTHESIS, NumberOfFrames=2, RescaleSlope=1)
    source = open_source("dicom", tmp_path, {"frames": "maximum"})
    (record,) = source.records()
    np.testing.assert_array_equal(source.read(record).image, FLAT)


# Tomosyntheses whose slices are single files


def slices(folder, count=5, **attributes):
    for number in range(1, count + 1):
        tags = {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"], "SeriesInstanceUID": "1.2.9"} | attributes
        # Names sort otherwise than the slices do.
        write(folder / f"{count - number}.dcm", FLAT // (number + 1), InstanceNumber=number, **tags)


@pytest.mark.parametrize(("frames", "number"), [("central", 3), (2, 2), ("5", 5)])
def test_one_slice_of_a_series_of_files_is_read(tmp_path, frames, number):
    slices(tmp_path / "left")
    slices(tmp_path / "right", 1, SeriesInstanceUID="1.2.10", ImageLaterality="R")
    write(tmp_path / "flat.dcm")
    source = open_source("dicom", tmp_path, {"frames": frames})
    listed = list(source.records())
    records = {
        record.laterality: record for record in listed if isinstance(record, Record) and "frame" in record.provenance
    }
    left = records[Laterality.LEFT]
    assert (left.provenance["frame"], left.provenance["frames"]) == (str(number), 5)
    np.testing.assert_array_equal(source.read(left).image, FLAT // (number + 1))
    assert sum(isinstance(one, PassedOver) for one in listed) == 4
    assert (Laterality.RIGHT in records) is (frames == "central")
    assert any(isinstance(one, Record) and "frame" not in one.provenance for one in listed)


def test_slices_in_single_files_are_refused_with_the_option_that_reads_them(tmp_path):
    slices(tmp_path, 2)
    assert all("--frames central, maximum or a number reads its series" in one.reason for one in found(tmp_path))


def test_readers_of_archives_read_one_frame_too(tmp_path):
    ARCHIVES["rsna_2022"](tmp_path, {})
    write(tmp_path / "train_images" / "10006" / "462822612.dcm", FRAMES, SOPClassUID=TOMOSYNTHESIS, NumberOfFrames=4)
    (skipped,) = open_source("rsna_2022", tmp_path).records()
    assert "4 frames" in skipped.reason
    source = open_source("rsna_2022", tmp_path, {"frames": "central"})
    (record,) = source.records()
    np.testing.assert_array_equal(source.read(record).image, FLAT)
    with pytest.raises(SourceError, match="frames: 'middle' is not understood"):
        open_source("cmmd", tmp_path, {"frames": "middle"})


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_expb.dcm", "rtdose_rle.dcm"])
@pytest.mark.parametrize("chosen", ["central", 1, "maximum"])
def test_frames_of_real_files_are_those_that_pydicom_reads(name, chosen):
    path = Path(get_testdata_file(name, download=False))  # implicit, big-endian and RLE
    frames = pydicom.dcmread(path).pixel_array
    expected = {"central": frames[7], 1: frames[0], "maximum": frames.max(0)}[chosen]
    dataset = pydicom.dcmread(path)
    noted = one_frame(dataset, path, Accepted(frames=chosen))
    np.testing.assert_array_equal(dataset.pixel_array, expected)
    assert noted["frames"] == 15
