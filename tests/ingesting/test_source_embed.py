"""EMBED: tables joined by examination and side, regions on the side of the breast, pathology before assessment."""

import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, View
from tests.support.archives import EMBED_FINDING, EMBED_IMAGE, write_table
from tests.support.dicom_files import breast_like, write

PATIENT = "images/cohort_1/60000001/1.2.3/1.2.4"
LEFT = breast_like()
RIGHT = LEFT[:, ::-1].copy()


def archive(folder, images, findings):
    rows = []
    for number, image in enumerate(images):
        tail = f"cohort_1/60000001/1.2.3/1.2.4/{number}.dcm"
        rows.append(EMBED_IMAGE | {"anon_dicom_path": f"/mnt/NAS3/mammo/anon_dicom/{tail}", "ROI_coords": "()"} | image)
        side = rows[-1]["ImageLateralityFinal"]
        write(folder / "images" / tail, LEFT if side == "L" else RIGHT, ImageLaterality=side, StudyID=str(number))
    write_table(folder / "tables" / "EMBED_OpenData_metadata.csv", rows)
    write_table(folder / "tables" / "EMBED_OpenData_clinical.csv", [EMBED_FINDING | finding for finding in findings])
    return open_source("embed", folder)


MASS = {"asses": "S", "massshape": "X", "massmargin": "S", "massdens": "+", "path_severity": "0", "bside": "L"}
CALCIFICATIONS = {"numfind": "2", "asses": "B", "calcfind": "PR", "calcdistri": "G", "path_severity": "4.0"}


def test_the_findings_of_an_examination_go_to_the_views_of_their_breast(tmp_path):
    images = [{}, {"ImageLateralityFinal": "R"}, {"ViewPosition": "MLO"}]
    source = archive(tmp_path, images, [MASS, {"side": "R", "asses": "N"}])
    left, right, oblique = source.records()
    assert (left.label, right.label, oblique.label) == ("malignant", "normal", "malignant")
    assert (left.view, left.laterality, right.laterality) == (View.CC, Laterality.LEFT, Laterality.RIGHT)
    assert (left.patient, left.density, left.split) == ("60000001", "b", None)
    (mass,) = left.annotations
    assert (mass.kind, mass.pathology, right.annotations) == (Kind.MASS, Pathology.MALIGNANT, ())
    assert mass.descriptors == {"shape": "irregular", "margin": "spiculated", "density": "high density", "birads": "4"}
    assert source.read(left).findings == ()  # no region: the finding has no place


def test_a_pathology_of_the_other_breast_is_not_that_of_the_image(tmp_path):
    source = archive(tmp_path, [{}], [MASS | {"side": "B", "bside": "R"}])
    (record,) = source.records()
    assert (record.label, record.annotations[0].pathology) == ("suspicious", Pathology.UNKNOWN)


@pytest.mark.parametrize(("description", "label"), [("MG Screening Bilateral", "normal"), ("MG Diag Left", "unknown")])
def test_a_breast_without_a_row_is_normal_in_an_examination_of_both(tmp_path, description, label):
    source = archive(tmp_path, [{"ImageLateralityFinal": "R"}], [MASS | {"desc": description}])
    (record,) = source.records()
    assert (record.label, record.annotations) == (label, ())


def test_an_examination_without_any_row_is_unknown(tmp_path):
    (record,) = archive(tmp_path, [{}], [{"acc_anon": "1"}]).records()
    assert record.label == "unknown"


def test_regions_are_brought_to_the_side_of_the_breast(tmp_path):
    given = "((30, 2, 50, 14),)"  # the breast of a left image lies on the left
    images = [{"ROI_coords": given}, {"ROI_coords": given, "ImageLateralityFinal": "R"}]
    source = archive(tmp_path, images, [MASS | {"side": "B", "bside": ""}])
    left, right = (source.read(record) for record in source.records())
    assert [finding.box for finding in left.findings] == [Box(30, 2, 50, 14)]
    assert [finding.box for finding in right.findings] == [Box(30, 50, 50, 62)]
    assert ("rois_mirrored" in left.notes, right.notes["rois_mirrored"]) == (False, [1])
    assert left.findings[0].pathology is Pathology.MALIGNANT


def test_two_lesions_on_one_view_share_only_what_is_true_of_both(tmp_path):
    regions = "(([30, 2, 50, 14], [60, 4, 70, 12]),)"
    source = archive(tmp_path, [{"ROI_coords": regions}], [MASS, CALCIFICATIONS])
    (record,) = source.records()
    first, second = source.read(record).findings
    assert (first.box, second.box) == (Box(30, 2, 50, 14), Box(60, 4, 70, 12))
    assert {first.kind, second.kind} == {Kind.OTHER} and first.pathology is Pathology.UNKNOWN
    assert record.label == "malignant"


def test_the_column_of_the_datathon_comes_first(tmp_path):
    image = {"ROI_coords": "[[[9, 9, 9, 9]]]", "DCM_ROI_coords": "[[[30, 2, 50, 14]]]"}
    (record,) = archive(tmp_path, [image], [MASS]).records()
    assert record.annotations[0].box == Box(30, 2, 50, 14)


@pytest.mark.parametrize("regions", ["((1, 2, 3),)", "((50, 2, 30, 14),)", "((30, 14, 50, 2),)"])
def test_regions_that_are_none_skip_the_image(tmp_path, regions):
    (skipped,) = archive(tmp_path, [{"ROI_coords": regions}], [MASS]).records()
    assert isinstance(skipped, Skipped) and "is not a list of [ymin, xmin, ymax, xmax]" in skipped.reason


def test_images_computed_from_tomosynthesis_are_read_on_demand(tmp_path):
    archive(tmp_path, [{}, {"FinalImageType": "cview"}, {"FinalImageType": "3D"}], [MASS])
    found = {
        choice: list(open_source("embed", tmp_path, {"images": choice}).records()) for choice in ("2D", "cview", "all")
    }
    kept = {choice: [isinstance(item, Record) for item in items] for choice, items in found.items()}
    assert kept == {"2D": [True, False, False], "cview": [False, True, False], "all": [True, True, False]}
    assert found["all"][1].provenance["computed_from_tomosynthesis"] is True
    with pytest.raises(SourceError, match="images: '3D' is not understood"):
        open_source("embed", tmp_path, {"images": "3D"})


def test_a_path_without_a_cohort_is_skipped(tmp_path):
    (skipped,) = archive(tmp_path, [{"anon_dicom_path": "/mnt/x/1.dcm"}], [MASS]).records()
    assert "expected a folder cohort_N" in skipped.reason


def test_the_reduced_tables_are_enough(tmp_path):
    expected = list(archive(tmp_path, [{}], [MASS]).records())
    for name in ("metadata", "clinical"):
        path = tmp_path / "tables" / f"EMBED_OpenData_{name}.csv"
        path.rename(path.with_name(f"EMBED_OpenData_{name}_reduced.csv"))
    found = list(open_source("embed", tmp_path).records())
    assert [(r.key, r.label, r.annotations) for r in found] == [(r.key, r.label, r.annotations) for r in expected]
