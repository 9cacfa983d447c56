"""CDD-CESM: low-energy and subtracted images, outlines of the VGG Image Annotator, rows of one image together."""

import json

import numpy as np
import pytest

from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, View
from tests.support.archives import CESM, FILM, save, write_table

CLASS = "Pathology Classification/ Follow up"
POLYGON = {"name": "polygon", "all_points_x": [10, 30, 30, 10], "all_points_y": [30, 30, 50, 50]}


def archive(folder, rows, regions, **settings):
    write_table(folder / "Radiology manual annotations.csv", [CESM | row for row in rows])
    listed = [{"#filename": name, "region_shape_attributes": text} for name, text in regions]
    write_table(folder / "Radiology_hand_drawn_segmentations_v2.csv", listed)
    for row in rows:
        name = (CESM | row)["Image_name"]
        kind = "Low energy" if "_DM_" in name else "Subtracted"
        save(folder / f"{kind} images of CDD-CESM" / f"{name}.jpg", np.asarray(FILM))
    return open_source("cdd_cesm", folder, settings)


def test_two_lesions_on_one_view_share_only_what_is_true_of_both(tmp_path):
    rows = [{"Findings": "Mass$Calcifications"}, {"Findings": "Asymmetry", CLASS: "Benign", "BIRADS": "3"}]
    shapes = [POLYGON, {"name": "ellipse", "cx": 20, "cy": 70, "rx": 6, "ry": 4}]
    source = archive(tmp_path, rows, [("P1_L_DM_CC .jpg", json.dumps(shape)) for shape in shapes])
    (record,) = source.records()
    assert (record.key, record.patient, record.label, record.density) == ("P1_L_DM_CC", "P1", "malignant", "c")
    assert (record.view, record.laterality, record.provenance["birads"]) == (View.CC, Laterality.LEFT, "4")
    picture = source.read(record)
    polygon, ellipse = picture.findings
    assert polygon.box == Box(30, 10, 51, 31)
    assert np.allclose(ellipse.box, (66, 14, 75, 27), atol=1)
    assert (polygon.kind, polygon.pathology) == (Kind.OTHER, Pathology.UNKNOWN)
    assert picture.spacing_mm is None and picture.notes["lossy_ratio"] >= 1


def test_one_lesion_gives_its_outlines_all_that_is_known_of_it(tmp_path):
    source = archive(tmp_path, [{"Findings": "Mass enhancement"}], [("P1_L_DM_CC.jpg", json.dumps(POLYGON))])
    (record,) = source.records()
    (finding,) = source.read(record).findings
    assert (finding.kind, finding.pathology, finding.descriptors["birads"]) == (Kind.MASS, Pathology.MALIGNANT, "4")


def test_subtracted_images_are_read_on_demand(tmp_path):
    rows = [{}, {"Image_name": "P1_L_CM_CC", "Type": "CESM"}]
    archive(tmp_path, rows, [("", "")])
    names = {
        choice: [record.key for record in open_source("cdd_cesm", tmp_path, {"images": choice}).records()]
        for choice in ("low_energy", "subtracted", "both")
    }
    low, subtracted = ["P1_L_DM_CC"], ["P1_L_CM_CC"]
    assert names == {"low_energy": low, "subtracted": subtracted, "both": subtracted + low}


@pytest.mark.parametrize("shape", [
    {"name": "rect", "x": 10, "y": 30, "width": 20, "height": 20},
    {"name": "circle", "cx": 20, "cy": 40, "r": 10},
    {"name": "polyline", "all_points_x": [10, 30, 30], "all_points_y": [30, 50, 30]},
])  # fmt: skip
def test_shapes(tmp_path, shape):
    source = archive(tmp_path, [{}], [("P1_L_DM_CC.jpg", json.dumps(shape))])
    (record,) = source.records()
    (finding,) = source.read(record).findings
    assert np.allclose(finding.box, (30, 10, 50, 30), atol=1)


@pytest.mark.parametrize("text", [
    "{", "[]", '{"name": "star"}', '{"name": "polygon", "all_points_x": [1], "all_points_y": [1, 2]}',
    '{"name": "circle", "cx": 1e99, "cy": 2, "r": 3}', '{"name": "circle", "cx": null, "cy": 2, "r": 3}',
    '{"name": "circle", "cx": NaN, "cy": 2, "r": 3}', "[" * 5000,
])  # fmt: skip
def test_a_shape_that_is_none_skips_the_image(tmp_path, text):
    (found,) = archive(tmp_path, [{}], [("P1_L_DM_CC.jpg", text)]).records()
    if text == "[]":  # the annotator's way to say that there is no region
        assert isinstance(found, Record) and found.annotations[0].outline is None
    else:
        assert isinstance(found, Skipped) and "is not a shape of the VGG Image Annotator" in found.reason


def test_an_outline_outside_the_image_is_left_out(tmp_path):
    shape = POLYGON | {"all_points_x": [500, 520, 520, 500]}
    source = archive(tmp_path, [{}], [("P1_L_DM_CC.jpg", json.dumps(shape))])
    (record,) = source.records()
    assert source.read(record).findings == ()


def test_what_no_table_lists_or_no_word_says_is_skipped(tmp_path):
    rows = [{CLASS: "perhaps"}]
    archive(tmp_path, rows, [("", "")])
    save(tmp_path / "Low energy images of CDD-CESM" / "P2_R_DM_MLO.jpg")
    save(tmp_path / "Low energy images of CDD-CESM" / "figure.jpg")
    reasons = [found.reason for found in open_source("cdd_cesm", tmp_path).records()]
    assert [reason.partition(": '")[2] or reason for reason in reasons] == [
        "its name is not of the form P1_L_DM_MLO",
        "perhaps' is not understood",
        "not listed in the table 'Radiology manual annotations'",
    ]
