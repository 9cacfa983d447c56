"""Every reader, on what goes wrong in real archives: places, sides, splits, tables and files."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthmammo.dataset.splits import assign_splits
from synthmammo.errors import SourceError
from synthmammo.ingesting.ingest import _listed
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from tests.support.archives import ARCHIVES, BOX
from tests.support.dicom_files import write

TABLES = {
    "folder": "table.csv",
    "cbis_ddsm": "mass_case_description_train_set.csv",
    "cbis_ddsm_views": "manifest.csv",
    "vindr_mammo": "breast-level_annotations.csv",
    "inbreast": "INbreast.csv",
    "embed": "tables/EMBED_OpenData_metadata.csv",
    "rsna_2022": "train.csv",
    "cmmd": "CMMD_clinicaldata_revision.csv",
    "csaw_cc": "CSAW-CC_breast_cancer_screening_data.csv",
    "cdd_cesm": "Radiology manual annotations.csv",
}
"""The table of an archive that names its images."""
FILE_COLUMNS = {"folder": "file", "cbis_ddsm_views": "file", "csaw_cc": "anon_filename", "embed": "anon_dicom_path"}
FILE_COLUMNS |= {"vindr_mammo": "image_id", "rsna_2022": "image_id", "inbreast": "File Name", "cdd_cesm": "Image_name"}
FILE_COLUMNS |= {"cmmd": "ID1", "cbis_ddsm": "patient_id"}
"""The column of it that says which."""
LOCATED = ("folder", "cbis_ddsm", "cbis_ddsm_views", "ddsm", "vindr_mammo", "inbreast", "embed", "cdd_cesm")
"""Archives of which a lesion has a place; those of CSAW-CC are in its own tests."""

every_archive = pytest.mark.parametrize("name", ARCHIVES)
every_table = pytest.mark.parametrize("name", TABLES)


def read_one(name: str, folder: Path):
    source = open_source(name, folder)
    (record,) = source.records()
    assert isinstance(record, Record), record
    return record, source.read(record)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rewrite(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8", delimiter: str = ",") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


# The image and its lesion


@every_archive
def test_the_image_is_read_and_its_lesion_is_where_it_was_drawn(name, tmp_path):
    ARCHIVES[name](tmp_path, {})
    record, picture = read_one(name, tmp_path)
    assert int(picture.image.max()) >> picture.bits_stored == 0
    if name in LOCATED:
        (finding,) = picture.findings
        # The squeezed views are 800 rows high.
        scale = 800 / 96 if name == "cbis_ddsm_views" else 1
        assert np.allclose(finding.box[::2], np.array(BOX[::2]) * scale, atol=1)
        assert name == "cbis_ddsm_views" or np.allclose(finding.box[1::2], BOX[1::2], atol=1)


@every_archive
def test_two_readings_of_an_archive_are_the_same(name, tmp_path):
    ARCHIVES[name](tmp_path, {})
    assert list(open_source(name, tmp_path).records()) == list(open_source(name, tmp_path).records())


# Tables


@every_table
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_table_of_another_encoding_is_read_the_same(name, encoding, tmp_path):
    if name == "embed" and encoding != "utf-8-sig":
        pytest.skip("too large to be guessed at: streamed as UTF-8")
    ARCHIVES[name](tmp_path, {})
    expected = list(open_source(name, tmp_path).records())
    path = tmp_path / TABLES[name]
    rewrite(path, rows_of(path), encoding)
    assert list(open_source(name, tmp_path).records()) == expected


@every_table
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_of_another_delimiter_is_read_the_same(name, delimiter, tmp_path):
    ARCHIVES[name](tmp_path, {})
    expected = list(open_source(name, tmp_path).records())
    path = tmp_path / TABLES[name]
    rewrite(path, rows_of(path), delimiter=delimiter)
    assert list(open_source(name, tmp_path).records()) == expected


@every_table
def test_a_missing_column_names_table_and_column(name, tmp_path):
    ARCHIVES[name](tmp_path, {})
    path, column = tmp_path / TABLES[name], FILE_COLUMNS[name]
    rewrite(path, [{key: cell for key, cell in row.items() if key != column} for row in rows_of(path)])
    with pytest.raises(SourceError, match=rf"{path.name}.*column '{column.lower()}'"):
        list(open_source(name, tmp_path).records())


@every_table
def test_a_missing_table_is_one_clear_error(name, tmp_path):
    ARCHIVES[name](tmp_path, {})
    (tmp_path / TABLES[name]).unlink()
    with pytest.raises(SourceError):
        list(open_source(name, tmp_path).records())


@every_table
def test_a_file_that_is_listed_but_absent_is_skipped_with_the_reason(name, tmp_path):
    ARCHIVES[name](tmp_path, {})
    path = tmp_path / TABLES[name]
    rows, column = rows_of(path), FILE_COLUMNS[name]
    others = {"inbreast": "99999999", "cmmd": "D1-9999", "cdd_cesm": "P9_L_DM_CC", "embed": "/x/cohort_2/9/gone.dcm"}
    other = others.get(name, "gone.dcm")
    rewrite(path, [*rows, {**rows[0], column: other}])
    found = list(open_source(name, tmp_path).records())
    assert sum(isinstance(item, Record) for item in found) == 1
    (skipped,) = [item for item in found if isinstance(item, Skipped)]
    assert any(word in skipped.reason for word in ("missing", "no such image", "no DICOM file")), skipped


@pytest.mark.parametrize("name", ["vindr_mammo", "rsna_2022", "embed", "csaw_cc", "inbreast"])
@pytest.mark.parametrize("path", ["../../../secret", "/etc/hostname", "..\\..\\secret"])
def test_no_path_of_a_table_leads_out_of_the_archive(name, path, tmp_path):
    folder = tmp_path / "archive"
    ARCHIVES[name](folder, {})
    for secret in (tmp_path / "secret.dcm", tmp_path / "secret.dicom", tmp_path / "secret"):
        write(secret)
    table = folder / TABLES[name]
    prefix = "/mnt/cohort_1/" if name == "embed" else ""
    columns = {"vindr_mammo": "study_id", "rsna_2022": "patient_id"}
    rewrite(table, [{**row, columns.get(name, FILE_COLUMNS[name]): prefix + path} for row in rows_of(table)])
    assert [item for item in open_source(name, folder).records() if isinstance(item, Record)] == []


# Places


@pytest.mark.parametrize(("name", "cells"), [
    ("folder", {"ymin": "500", "ymax": "520"}),
    ("ddsm", {"chain": "2 2 2 4 4 4 6 6 6 0 0 0 7 7 9"}),
    ("embed", {"ROI_coords": "((500, 10, 520, 30),)"}),
])  # fmt: skip
def test_a_place_outside_the_image_is_left_out_or_the_image_skipped(name, cells, tmp_path):
    ARCHIVES[name](tmp_path, cells)
    source = open_source(name, tmp_path)
    (found,) = source.records()
    if isinstance(found, Skipped):
        assert "chain code above 7" in found.reason
    else:
        assert source.read(found).findings == ()


@pytest.mark.parametrize("name", ["vindr_mammo", "inbreast", "embed", "rsna_2022", "csaw_cc"])
def test_a_side_that_the_header_contradicts_is_that_of_the_table_and_noted(name, tmp_path):
    columns = {"vindr_mammo": "laterality", "inbreast": "Laterality", "embed": "ImageLateralityFinal"}
    columns |= {"rsna_2022": "laterality", "csaw_cc": "imagelaterality"}
    ARCHIVES[name](tmp_path, {columns[name]: "Right" if name == "csaw_cc" else "R"})  # headers say L
    record, _ = read_one(name, tmp_path)
    assert (record.laterality, record.provenance["header_laterality"]) == ("R", "L")


def test_a_side_that_the_name_of_the_file_contradicts_is_refused(tmp_path):
    ARCHIVES["cdd_cesm"](tmp_path, {"Side": "R"})
    (skipped,) = open_source("cdd_cesm", tmp_path).records()
    assert isinstance(skipped, Skipped) and "R, but the file's name says L" in skipped.reason


# Patients and splits


@pytest.mark.parametrize(("name", "column", "words"), [
    ("vindr_mammo", "split", ("training", "test")),
    ("cbis_ddsm_views", "split", ("train", "test")),
    ("folder", "split", ("train", "test")),
])  # fmt: skip
def test_a_patient_in_two_official_splits_is_in_one_and_it_is_said(name, column, words, tmp_path):
    ARCHIVES[name](tmp_path, {})
    path = tmp_path / TABLES[name]
    rows = rows_of(path)
    rewrite(path, [{**row, column: word} for word in words for row in rows])
    records, _ = _listed(open_source(name, tmp_path), tmp_path, None)
    if name == "folder":  # rows of one file are lesions of one image
        records = [records[0], replace(records[0], key="b", split=words[1])]
    splits, notes = assign_splits([(r.patient, r.label, r.split) for r in records], "official", {"train": 1.0}, 0)
    assert len(records) == 2 and len(splits) == 1
    assert any("1 patient" in note for note in notes), notes
