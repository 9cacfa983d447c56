"""Squeezed whole views of CBIS-DDSM: true aspect, boxes that move with the pixels, only the breast, a canvas."""

import csv
import json
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from synthmammo.cli.main import main
from synthmammo.dataset.card import card
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.workers.local import Local
from synthmammo.errors import SourceError
from synthmammo.ingesting.ingest import ingest_archive
from synthmammo.ingesting.options import IngestOptions
from synthmammo.ingesting.sources.base import Record, open_source
from synthmammo.mammogram.sample import Box, Kind, Laterality, Pathology, SpacingOrigin, View
from tests.support.cbis_views import MARK_XYWH, OVAL, ROW_COLUMNS, ROWS, UM, row, skips, squeezed

HERE = Local(1)


COLUMNS = "file,patient,side,view,split,masses,boxes_xywh,density,native_rows,native_columns,native_um,digitizer"


MARK = 185
"""Brighter than this is the lesion, and the label where it was not cut off."""


IRREGULAR = OVAL | {"shape": "IRREGULAR-ARCHITECTURAL_DISTORTION", "pathology": "MALIGNANT"}


DISTORTION = IRREGULAR | {"shape": "ARCHITECTURAL_DISTORTION", "margins": "NA"}


def write(folder, rows, films=None):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS.split(","))
        table.writeheader()
        table.writerows(rows)
    for cells in rows:
        film = (films or {}).get(cells["file"], squeezed(cells["side"]))
        Image.fromarray(film).save(folder / cells["file"], quality=95)
    return folder


@pytest.fixture
def archive(tmp_path):
    rows = [
        row("P_01_LEFT_CC", masses=[IRREGULAR]),
        row("P_01_LEFT_MLO", view="MLO", masses=[IRREGULAR]),
        row("P_02_RIGHT_CC", side="RIGHT", split="val"),
        row("P_02_RIGHT_MLO", side="RIGHT", view="MLO", split="val"),
    ]
    return write(tmp_path / "views", rows)


def read(folder, file, **settings):
    source = open_source("cbis_ddsm_views", folder, settings)
    record = next(item for item in source.records() if isinstance(item, Record) and item.key == file)
    return record, source.read(record)


def assert_box_is_on_the_lesion(picture, within=1):
    (finding,) = picture.findings
    lit = picture.image > MARK
    lit[:, : finding.box.col0 - 10] = False  # the label
    lit[:, finding.box.col1 + 10 :] = False
    seen = Box.around(lit)
    assert max(abs(a - b) for a, b in zip(finding.box, seen, strict=True)) <= within


# What the manifest says


def test_a_record_says_what_the_manifest_says(archive):
    source = open_source("cbis_ddsm_views", archive)
    first, _, third, fourth = source.records()
    assert (first.key, first.patient, first.view, first.laterality) == ("P_01_LEFT_CC", "P_01", View.CC, "L")
    assert (first.split, first.label, first.density) == ("train", "malignant", "c")
    assert (third.split, third.label, third.laterality, fourth.view) == (
        *("validation", "benign", Laterality.RIGHT),
        View.MLO,
    )
    assert first.annotations[0].descriptors == {
        "shape": "irregular, architectural distortion",
        "margin": "ill-defined",
        "birads": "3",
        "subtlety": "4",
    }
    assert first.provenance == {
        "file": "images/P_01_LEFT_CC.jpg",
        "boxes_xywh": json.dumps([MARK_XYWH]),
        "digitizer": "X",
        "film": {"rows": ROWS, "columns": ROW_COLUMNS, "um": UM},
    }
    assert source.notes == []
    assert (source.licence, "Lee" in source.citation) == ("CC-BY-3.0", True)


def test_views_can_be_the_classes(archive):
    labels = [record.label for record in open_source("cbis_ddsm_views", archive, {"label": "view"}).records()]
    assert labels == ["CC", "MLO", "CC", "MLO"]


def test_boxes_of_masses_that_differ_keep_what_is_true_of_all(tmp_path):
    boxes = [[100, 300, 40, 30], [300, 310, 50, 40]]
    rows = [
        row("P_01_LEFT_CC", masses=[OVAL, OVAL], boxes=boxes),
        row("P_02_LEFT_CC", masses=[OVAL, IRREGULAR], boxes=boxes),
        row("P_03_LEFT_CC", masses=[DISTORTION, DISTORTION | {"assessment": "5"}], boxes=boxes),
    ]
    source = open_source("cbis_ddsm_views", write(tmp_path, rows))
    same, mixed, distorted = source.records()
    assert {mass.descriptors["shape"] for mass in same.annotations} == {"oval"}
    assert "masses" not in same.provenance
    assert mixed.label == "malignant"
    assert [(mass.kind, mass.pathology) for mass in mixed.annotations] == [(Kind.MASS, Pathology.UNKNOWN)] * 2
    assert mixed.annotations[0].descriptors == {"margin": "ill-defined", "birads": "3", "subtlety": "4"}
    assert [mass["pathology"] for mass in mixed.provenance["masses"]] == ["benign", "malignant"]
    assert {(mass.kind, mass.pathology) for mass in distorted.annotations} == {(Kind.DISTORTION, Pathology.MALIGNANT)}
    assert "2 views list several masses that differ" in source.notes[0]
    assert [finding.box.col0 for finding in source.read(mixed).findings] == [57, 172]


# Pixels


def test_the_true_aspect_at_800_rows(archive):
    record, picture = read(archive, "P_01_LEFT_CC")
    assert picture.image.shape == (800, 460)
    assert picture.spacing_mm == record.spacing_mm == (0.29, 0.29)
    assert (picture.bits_stored, picture.breast.shape) == (8, (800, 460))
    assert not picture.breast[:70].any()  # the label
    assert picture.breast[300:360, 69:115].all()
    assert set(picture.notes) == {"lossy_ratio"}
    assert picture.notes["lossy_ratio"] == pytest.approx(640_000 / record.path.stat().st_size, abs=1e-3)
    (finding,) = picture.findings
    assert finding.box == Box(300, 69, 360, 115)
    assert_box_is_on_the_lesion(picture)


@pytest.mark.parametrize("file", ["P_01_LEFT_CC", "P_02_RIGHT_MLO"])
def test_a_pixel_spacing(archive, file):
    _, picture = read(archive, file, spacing_mm=0.9)
    assert picture.image.shape == (258, 148)
    assert picture.spacing_mm == (0.9, 0.9)
    assert_box_is_on_the_lesion(picture)


@pytest.mark.parametrize("file", ["P_01_LEFT_CC", "P_02_RIGHT_MLO"])
@pytest.mark.parametrize("spacing_mm", [None, 0.9])
def test_only_the_breast_with_its_chest_wall_on_the_right(archive, file, spacing_mm):
    _, picture = read(archive, file, breast_only=True, spacing_mm=spacing_mm)
    assert_box_is_on_the_lesion(picture)
    assert picture.notes.get("mirrored", False) == ("LEFT" in file)
    assert not picture.image[~picture.breast].any()
    assert Box.around(picture.breast) == Box(0, 0, *picture.image.shape)
    heights = picture.breast.sum(0)
    assert heights[-1] > 0.95 * heights.max() > 5 * heights[0]
    spacing_mm = spacing_mm or 0.29
    # 640 of 800 rows and 520 of 800 columns, and a margin of two pixels and the softening on each side.
    assert picture.image.shape[0] * spacing_mm == pytest.approx(185.6, abs=10 * spacing_mm)
    assert picture.image.shape[1] * spacing_mm == pytest.approx(86.7, abs=6 * spacing_mm)


def test_a_box_is_cut_to_the_breast_and_one_outside_is_left_out(tmp_path):
    boxes = [[400, 380, 300, 40], [700, 600, 50, 50]]
    folder = write(tmp_path, [row("P_01_LEFT_CC", masses=[OVAL, OVAL], boxes=boxes)])
    out = tmp_path / "out"
    ingest_archive(
        "cbis_ddsm_views", folder, out, IngestOptions(settings={"breast_only": True, "spacing_mm": 1.0}), engine=HERE
    )
    (sample,) = Dataset.open(out)
    (finding,) = sample.findings
    assert finding.box.col0 == 0 < finding.box.col1 < sample.shape[1]
    assert sample.unlocated == ("mass benign",)


@pytest.mark.parametrize(("file", "centred"), [("P_01_LEFT_CC", True), ("P_02_RIGHT_MLO", False)])
def test_a_canvas_around_the_breast(archive, file, centred):
    _, alone = read(archive, file, spacing_mm=1.0, breast_only=True)
    _, picture = read(archive, file, spacing_mm=1.0, breast_only=True, canvas_px=256)
    height, width = alone.image.shape
    above = (256 - height) // 2 if centred else 0
    assert picture.image.shape == picture.breast.shape == (256, 256)
    assert picture.spacing_mm == (1.0, 1.0)
    np.testing.assert_array_equal(picture.image[above : above + height, 256 - width :], alone.image)
    np.testing.assert_array_equal(picture.breast[above : above + height, 256 - width :], alone.breast)
    assert picture.image.sum() == alone.image.sum()
    assert picture.findings[0].box == alone.findings[0].box.moved(above, 256 - width)
    assert "scaled_to_fit" not in picture.notes


@pytest.mark.parametrize(("file", "left"), [("P_01_LEFT_CC", True), ("P_02_RIGHT_CC", False)])
def test_a_canvas_around_a_whole_film_is_beside_its_chest_wall(archive, file, left):
    _, picture = read(archive, file, spacing_mm=1.0, canvas_px=256)
    beside = picture.image[:, 133:] if left else picture.image[:, :-133]
    assert not beside.any()
    assert picture.image[12:244, 0 if left else 255].any()
    assert picture.breast[110:140, 10 if left else 245].all()
    assert picture.image[~picture.breast].any()
    assert "mirrored" not in picture.notes
    assert_box_is_on_the_lesion(picture)


@pytest.mark.parametrize("breast_only", [True, False])
def test_a_view_that_is_too_large_is_scaled_down(archive, breast_only):
    _, alone = read(archive, "P_01_LEFT_CC", spacing_mm=1.0, breast_only=breast_only)
    _, picture = read(archive, "P_01_LEFT_CC", spacing_mm=1.0, breast_only=breast_only, canvas_px=128)
    factor = 128 / alone.image.shape[0]
    assert picture.image.shape == (128, 128)
    assert picture.spacing_mm == pytest.approx((1 / factor,) * 2)
    assert picture.notes["scaled_to_fit"] == round(factor, 4)
    assert_box_is_on_the_lesion(picture)
    assert not (breast_only and picture.image[~picture.breast].any())


def test_a_film_of_unknown_size_is_kept_only_when_asked(tmp_path):
    unknown = {"native_rows": "", "native_columns": "", "native_um": ""}
    folder = write(tmp_path, [row("P_01_LEFT_CC"), row("P_02_LEFT_CC", **unknown)])
    assert skips(folder) == {
        "P_02_LEFT_CC.jpg": "the size of the film is not known (unknown_size=median_aspect keeps such views, without a "
        "spacing)"
    }
    record, picture = read(folder, "P_02_LEFT_CC", unknown_size="median_aspect", breast_only=True, canvas_px=512)
    assert (record.spacing_mm, picture.spacing_mm) == (None, None)
    assert picture.notes["scaled_to_fit"] < 1
    assert read(folder, "P_02_LEFT_CC", unknown_size="median_aspect")[1].image.shape == (800, 460)
    assert read(folder, "P_01_LEFT_CC", unknown_size="median_aspect")[1].spacing_mm == (0.29, 0.29)


# What cannot be used


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            {"boxes": [[760, 300, 80, 60]]},
            r"line 3, column 'boxes_xywh': the box \[760, .* is not inside the 800 x 800",
        ),
        ({"boxes": [[-1, 300, 80, 60]]}, "is not inside"),
        ({"boxes": [[100, 300, 0, 60]]}, "is not inside"),
        ({"boxes": [[100, 300, float("nan"), 60]]}, "is not inside"),
        ({"boxes": [[100, 300, 60]]}, r"is not \[x, y, width, height\]"),
        ({"boxes": []}, "expected a JSON list"),
        ({"boxes_xywh": "100 300 60 80"}, "column 'boxes_xywh': expected a JSON list, found '100 300 60 80'"),
        ({"masses": (OVAL, OVAL), "boxes": [MARK_XYWH]}, "2 masses, but 1 boxes"),
        ({"side": "BOTH"}, "column 'side': 'BOTH' is not understood"),
        ({"view": "ML"}, "column 'view': 'ML'"),
        ({"split": "some"}, "column 'split': 'some'"),
        ({"patient": ""}, "column 'patient': it is empty"),
        ({"native_um": "fifty"}, r"manifest.csv line 3, column 'native_um': expected a number, found 'fifty'"),
        ({"native_um": "0.05"}, "4640 x 2668 pixels of 0.05 micrometres cannot be"),
    ],
)
def test_a_wrong_row_is_skipped_with_its_reason(tmp_path, cells, words):
    folder = write(tmp_path, [row("P_01_LEFT_CC"), row("P_02_LEFT_CC", **cells)])
    (reason,) = skips(folder).values()
    with pytest.raises(SourceError, match=words):
        raise SourceError(reason)


def test_a_missing_and_an_unlisted_image_are_skipped(archive):
    (archive / "images" / "P_01_LEFT_CC.jpg").rename(archive / "images" / "other.jpg")
    assert skips(archive) == {
        "P_01_LEFT_CC.jpg": "manifest.csv line 2: there is no such image",
        "other.jpg": "not listed in manifest.csv",
    }


def test_an_image_that_cannot_be_read_is_skipped_and_the_rest_goes_on(archive, tmp_path):
    (archive / "images" / "P_01_LEFT_CC.jpg").write_bytes(b"no picture")
    Image.fromarray(squeezed()[:400]).save(archive / "images" / "P_01_LEFT_MLO.jpg")
    Image.fromarray(np.full((800, 800), 90, np.uint8)).save(archive / "images" / "P_02_RIGHT_CC.jpg")
    options = IngestOptions(settings={"breast_only": True, "spacing_mm": 1.0})
    summary = ingest_archive("cbis_ddsm_views", archive, tmp_path / "out", options, engine=HERE)
    assert {skip.path.name: skip.reason for skip in summary.skipped} == {
        "P_01_LEFT_CC.jpg": "not an image file",
        "P_01_LEFT_MLO.jpg": "expected 800 x 800 pixels of 8 bits, found 400 x 800 pixels of 8 bits",
        "P_02_RIGHT_CC.jpg": "no breast is clear on it",
    }
    assert summary.manifest.samples == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"spacing_mm": 0}, "spacing_mm: '0' is not understood\n  Expected a number from 0.05 to 5"),
        ({"spacing_mm": "wide"}, "spacing_mm: input should be a valid number.*found 'wide'"),
        ({"spacing_mm": float("nan")}, "spacing_mm: 'nan'"),
        ({"canvas_px": 256.5}, "canvas_px: input should be a valid integer.*found 256.5"),
        ({"canvas_px": 9}, "canvas_px: '9' is not understood\n  Expected a whole number from 16 to 4096"),
        ({"canvas_px": True}, "canvas_px: 'True'"),
        ({"breast_only": "maybe"}, "breast_only: input should be a valid boolean.*found 'maybe'"),
        ({"label": "veiw"}, "label: 'veiw' is not understood\n  Did you mean 'view'"),
        ({"unknown_size": "keep"}, "unknown_size: 'keep' is not understood\n  Known: median_aspect, skip"),
        ({"unknown_size": "median_aspect", "spacing_mm": 1}, "contradict each other"),
        ({"spacing": 1}, "has no setting 'spacing'\n  Did you mean 'spacing_mm'"),
    ],
)
def test_a_wrong_setting_is_one_clear_message(archive, settings, words):
    with pytest.raises(SourceError, match=words):
        open_source("cbis_ddsm_views", archive, settings)


def test_a_missing_manifest_or_column_is_one_clear_message(tmp_path):
    with pytest.raises(SourceError, match=r"no manifest.csv in this folder"):
        list(open_source("cbis_ddsm_views", tmp_path).records())
    (tmp_path / "manifest.csv").write_text("file,patient,side,view,split,label\n")
    with pytest.raises(SourceError, match="'masses', 'boxes_xywh', 'native_rows', .* is missing"):
        list(open_source("cbis_ddsm_views", tmp_path).records())


# As datasets


def test_the_command_makes_a_dataset_and_says_what_was_scaled(archive, tmp_path):
    out = tmp_path / "out"
    settings = ("spacing_mm=1.0", "breast_only=true", "canvas_px=128", "label=view")
    arguments = ["ingest", "cbis_ddsm_views", str(archive), "--out", str(out), "--workers", "1"]
    result = CliRunner().invoke(main, [*arguments, *(word for text in settings for word in ("--set", text))])
    assert result.exit_code == 0, result.output
    assert "note: 4 of 4 images were too large for the canvas and scaled down" in result.output
    assert "| scaled down to fit | 4 of 4, which have a coarser spacing than the others |" in card(out).read_text()
    samples = {sample.key: sample for sample in Dataset.open(out)}
    assert Counter((sample.split, sample.label) for sample in samples.values()) == {
        (split, label): 1 for split in ("train", "validation") for label in ("CC", "MLO")
    }
    for sample in samples.values():
        assert (sample.shape, sample.spacing_origin) == ((128, 128), SpacingOrigin.KNOWN)
        np.testing.assert_array_equal(sample.image > 0, (sample.image > 0) & sample.breast)


def test_the_same_settings_give_the_same_bytes(archive, tmp_path):
    options = IngestOptions(settings={"spacing_mm": 0.9, "breast_only": True, "canvas_px": 256})
    for name in ("a", "b"):
        summary = ingest_archive("cbis_ddsm_views", archive, tmp_path / name, options, engine=HERE)
        assert (summary.manifest.samples, summary.notes) == (4, ())
    shards = sorted((tmp_path / "a" / "parquet").iterdir())
    assert [path.name for path in shards] == [
        "train-00000-of-00001.parquet",
        "validation-00000-of-00001.parquet",
    ]
    assert all(path.read_bytes() == (tmp_path / "b" / "parquet" / path.name).read_bytes() for path in shards)


def test_a_view_turned_twice_is_not_mirrored(archive, tmp_path):
    options = IngestOptions(settings={"breast_only": True, "spacing_mm": 1.0}, chest_wall="left")
    ingest_archive("cbis_ddsm_views", archive, tmp_path / "out", options, engine=HERE)
    mirrored = {sample.key: sample.provenance["mirrored"] for sample in Dataset.open(tmp_path / "out")}
    assert mirrored == {key: "RIGHT" in key for key in mirrored}
