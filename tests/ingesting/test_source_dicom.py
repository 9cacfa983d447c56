"""DICOM: whatever a maker writes, bright is dense, no level is lost, and what is no mammogram says why."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from synthmammo.ingesting.sources.base import Record, open_source
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.mammogram.sample import Laterality, View
from tests.support.dicom_files import (
    CT,
    FOR_PROCESSING,
    SECONDARY_CAPTURE,
    breast_like,
    jpeg_lossless,
    table,
    write,
)
from tests.support.dicom_records import only, reason_for

TISSUE = breast_like()


TOP = 4095


def record_of(tmp_path, **attributes):
    write(tmp_path / "a.dcm", **attributes)
    found = only(tmp_path)
    assert isinstance(found, Record), found
    return found


# Pixels


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_every_lossless_syntax_gives_the_same_pixels(tmp_path, syntax):
    path = write(tmp_path / "a.dcm", TISSUE, syntax=syntax)
    image, bits, _ = read_dicom_pixels(path)
    assert (bits, image.dtype) == (12, np.uint16)
    np.testing.assert_array_equal(image, TISSUE)


def test_jpeg_lossless_is_read(tmp_path):
    path = write(tmp_path / "a.dcm", TISSUE)
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate([jpeg_lossless(TISSUE, 12)])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    ds.save_as(path)
    np.testing.assert_array_equal(read_dicom_pixels(path)[0], TISSUE)


@pytest.mark.parametrize(("stored", "kept"), [(8, 8), (10, 12), (12, 12), (13, 14), (14, 14), (15, 16), (16, 16)])
def test_depths_grow_to_the_next_by_a_shift_that_can_be_undone(tmp_path, stored, kept):
    pixels = breast_like(top=2**stored - 1)
    image, bits, notes = read_dicom_pixels(write(tmp_path / "a.dcm", pixels, BitsStored=stored))
    assert bits == kept
    assert notes.get("shifted_bits", 0) == kept - stored
    np.testing.assert_array_equal(image >> (kept - stored), pixels)


def test_monochrome1_is_inverted(tmp_path):
    path = write(tmp_path / "a.dcm", TOP - TISSUE, PhotometricInterpretation="MONOCHROME1")
    image, _, notes = read_dicom_pixels(path)
    np.testing.assert_array_equal(image, TISSUE)
    assert notes["inverted"]


def test_padding_becomes_air(tmp_path):
    pixels = TISSUE.copy()
    pixels[:10] = 3000
    image, _, _ = read_dicom_pixels(write(tmp_path / "a.dcm", pixels, PixelPaddingValue=3000))
    assert not image[:10].any()
    np.testing.assert_array_equal(image[10:], np.where(TISSUE == 3000, 0, TISSUE)[10:])


def test_bits_above_the_stored_ones_are_ignored(tmp_path):
    image, _, _ = read_dicom_pixels(write(tmp_path / "a.dcm", TISSUE | np.uint16(1 << 14)))
    np.testing.assert_array_equal(image, TISSUE)


def test_signed_values_start_from_zero(tmp_path):
    path = write(tmp_path / "a.dcm", (TISSUE.astype(np.int16) - 2048))
    np.testing.assert_array_equal(read_dicom_pixels(path)[0], TISSUE)


def test_a_linear_rescale_keeps_the_levels_and_a_negative_one_inverts(tmp_path):
    up = write(tmp_path / "a.dcm", RescaleSlope=2.5, RescaleIntercept=-7)
    down = write(tmp_path / "b.dcm", TOP - TISSUE, RescaleSlope=-1, RescaleIntercept=TOP)
    np.testing.assert_array_equal(read_dicom_pixels(up)[0], TISSUE)
    np.testing.assert_array_equal(read_dicom_pixels(down)[0], TISSUE)


def test_a_voi_table_is_applied_and_can_be_ignored(tmp_path):
    ramp = [min(2 * level, 16383) for level in range(4096)]
    path = write(tmp_path / "a.dcm", VOILUTSequence=[table((4096, 0, 14), ramp)])
    image, bits, notes = read_dicom_pixels(path)
    assert (bits, notes["voi"]) == (14, "table")
    np.testing.assert_array_equal(image, TISSUE * 2)
    ignored, bits, notes = read_dicom_pixels(path, voi="ignore")
    assert bits == 12
    assert "voi" not in notes
    np.testing.assert_array_equal(ignored, TISSUE)


def test_a_modality_table_is_applied(tmp_path):
    reverse = [TOP - level for level in range(4096)]
    lut = table((4096, 0, 16), reverse)
    lut.ModalityLUTType = "US"
    image, bits, notes = read_dicom_pixels(write(tmp_path / "a.dcm", ModalityLUTSequence=[lut]))
    assert (bits, notes["table_bits"]) == (12, 12)  # 16 is what such a table must state, whatever it holds
    np.testing.assert_array_equal(image, TOP - TISSUE)


def test_a_sigmoid_window_is_applied_and_a_linear_one_only_when_asked(tmp_path):
    window = {"WindowCenter": 2048, "WindowWidth": 1024}
    sigmoid = write(tmp_path / "a.dcm", VOILUTFunction="SIGMOID", **window)
    linear = write(tmp_path / "b.dcm", **window)
    curved = read_dicom_pixels(sigmoid)[0]
    expected = np.rint(TOP / (1 + np.exp(-4 * (TISSUE.astype(float) - 2048) / 1024)))
    np.testing.assert_array_equal(curved, expected)
    np.testing.assert_array_equal(read_dicom_pixels(linear)[0], TISSUE)
    clipped = read_dicom_pixels(linear, voi="apply")[0]
    assert clipped[TISSUE < 1535].max() == 0
    assert clipped[TISSUE > 2560].min() == TOP


@pytest.mark.parametrize("sign", [1, -1])
def test_for_processing_becomes_attenuation_whichever_way_exposure_grows(tmp_path, sign):
    exposure = np.rint(4095 * np.exp(-3.0 * TISSUE / TOP)).astype(np.uint16)
    stored = exposure if sign == 1 else TOP - exposure
    raw = {"SOPClassUID": FOR_PROCESSING, "PresentationIntentType": "FOR PROCESSING"}
    relation = {"PixelIntensityRelationship": "LIN", "PixelIntensityRelationshipSign": sign}
    path = write(tmp_path / "a.dcm", stored, **raw, **relation)
    image, bits, notes = read_dicom_pixels(path)
    assert (bits, notes["for_processing"]) == (16, "log")
    inside = TISSUE > 0
    # The logarithm of an exponential attenuation is the attenuation.
    slope = image[inside] / TISSUE[inside]
    assert slope.std() / slope.mean() < 0.02
    assert image[~inside].max() == 0
    inverted, bits, _ = read_dicom_pixels(path, raw="invert")
    assert bits == 12
    np.testing.assert_array_equal(inverted, TOP - exposure)
    assert "For Processing" in reason_for(tmp_path, raw="skip")
    assert only(tmp_path).provenance["intensities"] == "for processing"


# Header


@pytest.mark.parametrize(
    "attributes",
    [
        {"ImageLaterality": "R", "ViewPosition": "MLO"},
        {"ImageLaterality": None, "Laterality": "R", "ViewPosition": None, "PatientOrientation": "MLO"},
        {"ImageLaterality": None, "ViewPosition": None, "SeriesDescription": "R MLO"},
        {"ImageLaterality": None, "ViewPosition": "", "SeriesDescription": "Mammo RMLO screening"},
        {"ImageLaterality": None, "ViewPosition": None, "PatientID": "Mass-Test_P_00173_RIGHT_MLO"},
    ],
)
def test_side_and_view_are_found_wherever_they_are(tmp_path, attributes):
    record = record_of(tmp_path, **attributes)
    assert (record.laterality, record.view) == (Laterality.RIGHT, View.MLO)


@pytest.mark.parametrize(("code", "view"), [("R-10242", View.CC), ("399368009", View.MLO), ("R-10224", None)])
def test_a_view_code_names_the_view(tmp_path, code, view):
    item = Dataset()
    item.CodeValue = code
    assert record_of(tmp_path, ViewPosition=None, ViewCodeSequence=[item]).view is view


def test_what_no_attribute_tells_stays_unknown(tmp_path):
    record = record_of(tmp_path, ImageLaterality="B", ViewPosition="XCCL", SeriesDescription="L screening")
    assert (record.laterality, record.view) == (None, None)
    assert record.provenance["projection"] == "XCCL"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ImagerPixelSpacing": [0.07, 0.08]}, (0.07, 0.08)),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.09, 0.09]}, (0.1, 0.1)),
        (
            {
                "ImagerPixelSpacing": [0.1, 0.1],
                "PixelSpacing": [0.09, 0.09],
                "PixelSpacingCalibrationType": "GEOMETRY",
            },
            (0.09, 0.09),
        ),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, (0.05, 0.05)),
        ({"ImagerPixelSpacing": [0, 0]}, None),
        ({}, None),
    ],
)
def test_spacing(tmp_path, attributes, expected):
    record = record_of(tmp_path, EstimatedRadiographicMagnificationFactor=1.05, **attributes)
    assert record.spacing_mm == expected
    assert record.provenance["magnification"] == 1.05


def test_all_views_of_a_cbis_patient_are_one_patient_and_ids_do_not_show(tmp_path):
    for name in ("LEFT_CC", "LEFT_MLO", "RIGHT_CC"):
        write(tmp_path / f"{name}.dcm", PatientID=f"Mass-Test_P_00173_{name}")
    write(tmp_path / "other.dcm", PatientID="Mrs Example")
    records = list(open_source("dicom", tmp_path).records())
    assert len({record.patient for record in records}) == 2
    assert len({record.key for record in records}) == 4
    assert sorted(str(record.split) for record in records) == ["None", "test", "test", "test"]
    shown = " ".join(f"{r.key} {r.patient} {r.provenance}" for r in records)
    assert "Example" not in shown
    assert "00173" not in shown


@pytest.mark.parametrize("uid", [SECONDARY_CAPTURE, CT])
def test_any_class_with_modality_mg_is_read(tmp_path, uid):
    assert record_of(tmp_path, SOPClassUID=uid).view is View.CC
