"""RSNA 2022, CMMD and CSAW-CC: labels of breasts, lesions without a place, masks in pieces."""

import numpy as np
import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import Skipped, open_source
from synthmammo.mammogram.sample import Box, Kind, Pathology
from tests.support.archives import ARCHIVES, CMMD, CSAW, FILM, RSNA, save, write_table
from tests.support.dicom_files import breast_like, write

# RSNA 2022


def test_rsna_2022(tmp_path):
    rows = [
        RSNA | {"cancer": "1", "biopsy": "1", "invasive": "1", "density": "C", "BIRADS": "0.0"},
        RSNA | {"image_id": "2", "view": "ML", "biopsy": "1", "implant": "1", "difficult_negative_case": "True"},
        RSNA | {"image_id": "3", "cancer": "maybe"},
        RSNA | {"image_id": "4", "cancer": ""},
    ]
    write_table(tmp_path / "train.csv", rows)
    for row in rows:
        write(tmp_path / "images" / "10006" / f"{row['image_id']}.dcm")
    source = open_source("rsna_2022", tmp_path)
    cancer, biopsy, strange, empty = source.records()
    assert (cancer.label, cancer.split, cancer.density, cancer.provenance["birads"]) == ("malignant", None, "c", "0")
    (lesion,) = cancer.annotations
    assert (lesion.pathology, lesion.descriptors, lesion.box) == (Pathology.MALIGNANT, {"invasive": "yes"}, None)
    assert (biopsy.label, biopsy.view, biopsy.provenance["projection"]) == ("benign", None, "ML")
    assert biopsy.provenance["implant"] is biopsy.provenance["difficult_negative"] is True
    assert "expected 0 or 1, found 'maybe'" in strange.reason and "it is empty" in empty.reason
    assert source.read(cancer).findings == ()


# CMMD


def test_cmmd(tmp_path):
    rows = [CMMD | {"abnormality": "both", "classification": "Malignant", "subtype": "Luminal A"}]
    rows += [CMMD | {"ID1": "D2-0002", "LeftRight": "R", "abnormality": "cyst"}, CMMD | {"ID1": "D2-0009"}]
    write_table(tmp_path / "CMMD_clinicaldata_revision.csv", rows)
    for patient, side, number in (("D1-0001", "L", 1), ("D1-0001", "R", 2), ("D2-0002", "R", 1), ("D9-0001", "L", 1)):
        write(tmp_path / "CMMD" / patient / f"1-{number}.dcm", FILM, PatientID=patient, ImageLaterality=side)
    source = open_source("cmmd", tmp_path)
    left, right, cyst, unlisted, absent = source.records()
    assert (left.label, right.label, left.patient) == ("malignant", "unknown", "D1-0001")
    assert [lesion.kind for lesion in left.annotations] == [Kind.MASS, Kind.CALCIFICATION]
    assert left.annotations[0].descriptors == {"subtype": "Luminal A"} and right.annotations == ()
    assert "column 'abnormality': 'cyst' is not understood" in cyst.reason
    assert "'D9-0001' is not listed" in unlisted.reason
    assert (absent.path.name, "no DICOM file has this PatientID" in absent.reason) == ("D2-0009", True)
    assert len({left.key, right.key}) == 2


# CSAW-CC


def csaw(folder, mask, row=None):
    write_table(folder / "CSAW-CC_breast_cancer_screening_data.csv", [CSAW | (row or {})])
    write(folder / "Batch_1" / "Batch_1" / CSAW["anon_filename"])
    if mask is not None:
        save(folder / "masks" / CSAW["anon_filename"].replace(".dcm", "_mask.png"), mask)
    return open_source("csaw_cc", folder)


def test_two_lesions_in_one_mask(tmp_path):
    mask = np.zeros((96, 64), np.uint8)
    mask[30:50, 10:30], mask[60:64, 4:9] = 255, 255
    source = csaw(tmp_path, mask)
    (record,) = source.records()
    picture = source.read(record)
    assert [finding.box for finding in picture.findings] == [Box(30, 10, 50, 30), Box(60, 4, 64, 9)]
    assert {finding.pathology for finding in picture.findings} == {Pathology.MALIGNANT}
    assert (picture.lesions > 0).sum() == 420
    assert (record.label, record.provenance["percent_density"]) == ("malignant", 22.5)


def test_a_mask_of_another_size_is_brought_to_the_image(tmp_path):
    mask = np.zeros((48, 32), np.uint8)
    mask[15:25, 5:15] = 1
    source = csaw(tmp_path, mask)
    (record,) = source.records()
    picture = source.read(record)
    assert ([finding.box for finding in picture.findings], picture.notes["mask_resized"]) == (
        [Box(30, 10, 50, 30)],
        True,
    )


def test_an_empty_mask_leaves_the_lesion_without_a_place(tmp_path):
    source = csaw(tmp_path, np.zeros((96, 64), np.uint8))
    (record,) = source.records()
    assert (record.label, source.read(record).findings) == ("malignant", ())


@pytest.mark.parametrize(("row", "label", "lesions"), [
    ({"x_case": "0", "x_cancer_laterality": "", "rad_timing": ""}, "normal", 0),
    ({"rad_timing": "1.0"}, "malignant", 1),
    ({"rad_timing": "3"}, "unknown", 0),
    ({"rad_timing": "1", "x_cancer_laterality": "Right"}, "unknown", 0),
])  # fmt: skip
def test_images_without_a_mask(tmp_path, row, label, lesions):
    (record,) = csaw(tmp_path, None, row).records()
    assert (record.label, len(record.annotations)) == (label, lesions)


def test_a_mask_that_is_no_image_fails_for_its_image_only(tmp_path):
    source = csaw(tmp_path, np.zeros((96, 64), np.uint8))
    (tmp_path / "masks" / CSAW["anon_filename"].replace(".dcm", "_mask.png")).write_bytes(b"x")
    (record,) = source.records()
    with pytest.raises(SourceError, match=r"_mask\.png: not an image"):
        source.read(record)


def test_a_side_that_is_none_skips_the_image(tmp_path):
    (skipped,) = csaw(tmp_path, None, {"imagelaterality": "B"}).records()
    assert isinstance(skipped, Skipped) and "column 'imagelaterality': 'B'" in skipped.reason


# What all have


@pytest.mark.parametrize("name", ["embed", "rsna_2022", "csaw_cc"])
def test_a_file_of_another_kind_is_skipped(name, tmp_path):
    ARCHIVES[name](tmp_path, {})
    (path,) = tmp_path.rglob("*.dcm")
    write(path, breast_like(), Modality="CT")
    (skipped,) = open_source(name, tmp_path).records()
    assert isinstance(skipped, Skipped) and "expected MG" in skipped.reason
