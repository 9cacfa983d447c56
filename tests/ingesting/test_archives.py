"""Every reader, on what goes wrong in real archives: places, sides, splits, tables and files."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthmammo.dataset.splits import assign_splits
from synthmammo.errors import SourceError
from synthmammo.ingesting.ingest import ingest
from synthmammo.ingesting.listing import list_images
from synthmammo.ingesting.sources.base import Record, Skipped, open_source
from synthmammo.ingesting.sources.samples import to_sample
from synthmammo.sharing.publication import restricted
from tests.support.archives import ARCHIVES
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
LOCATED = (
    *("folder", "mini_mias", "cbis_ddsm", "cbis_ddsm_views", "ddsm", "vindr_mammo", "inbreast", "embed", "csaw_cc"),
    "cdd_cesm",
)
"""Archives of which a lesion has a place."""

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
def test_the_image_is_read(name, tmp_path):
    ARCHIVES[name](tmp_path, {})
    record, picture = read_one(name, tmp_path)
    assert int(picture.image.max()) >> picture.bits_stored == 0


@pytest.mark.parametrize("name", LOCATED)
def test_the_lesion_is_where_it_was_drawn(name, tmp_path):
    ARCHIVES[name](tmp_path, {"places": "30 10 50 30"})
    _, picture = read_one(name, tmp_path)
    (finding,) = picture.findings
    scale = np.array([800 / 96, picture.image.shape[1] / 64] * 2) if name == "cbis_ddsm_views" else 1
    assert np.allclose(finding.box, np.array((30, 10, 50, 30)) * scale, atol=1)


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


every_located = pytest.mark.parametrize("name", LOCATED)
REFUSED = ("cbis_ddsm_views",)
"""Readers that skip an image of which a box leaves it: such a box is in other units than those of the table."""


@every_located
def test_a_place_outside_the_image_is_left_out_and_the_lesion_stays_known(name, tmp_path):
    ARCHIVES[name](tmp_path, {"places": "500 510 520 530"})
    source = open_source(name, tmp_path)
    (record,) = source.records()
    if name in REFUSED:
        assert isinstance(record, Skipped) and "is not inside" in record.reason
        return
    picture = source.read(record)
    assert picture.findings == ()
    assert not picture.lesions.any()
    sample = to_sample(record, picture, source=name, split="train")
    assert len(sample.unlocated) == 1, sample.provenance


@every_located
def test_a_place_that_leaves_the_image_is_cut_at_its_edge(name, tmp_path):
    ARCHIVES[name](tmp_path, {"places": "40 -5 60 15"})
    source = open_source(name, tmp_path)
    (record,) = source.records()
    if name in REFUSED:
        assert isinstance(record, Skipped) and "is not inside" in record.reason
        return
    (finding,) = source.read(record).findings
    assert finding.box.col0 == 0 and np.allclose(finding.box, (40, 0, 60, 15), atol=1)


@every_located
def test_two_lesions_on_one_view_are_two_findings(name, tmp_path):
    ARCHIVES[name](tmp_path, {"places": "30 10 50 30; 60 4 80 24"})
    record, picture = read_one(name, tmp_path)
    first, second = sorted(picture.findings, key=lambda finding: finding.box.row0)
    scale = np.array([800 / 96, picture.image.shape[1] / 64] * 2) if name == "cbis_ddsm_views" else 1
    assert np.allclose(first.box, np.array((30, 10, 50, 30)) * scale, atol=1.5)
    assert np.allclose(second.box, np.array((60, 4, 80, 24)) * scale, atol=1.5)
    assert first.label == second.label == 0 or first.label != second.label
    assert len(record.annotations) >= 1


def test_a_chain_of_other_codes_skips_the_film(tmp_path):
    ARCHIVES["ddsm"](tmp_path, {"chain": "2 2 9 4"})
    (skipped,) = open_source("ddsm", tmp_path).records()
    assert isinstance(skipped, Skipped) and "chain code that is not from 0 to 7" in skipped.reason


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
    records = list(list_images(open_source(name, tmp_path), tmp_path).records)
    if name == "folder":  # rows of one file are lesions of one image
        records = [records[0], replace(records[0], key="b", split=words[1])]
    splits, notes = assign_splits([(r.patient, r.label, r.split) for r in records], "official", {"train": 1.0}, 0)
    assert len(records) == 2 and len(splits) == 1
    assert any("1 patient" in note for note in notes), notes


# Datasets


@every_archive
def test_a_dataset_keeps_licence_and_citation(name, tmp_path):
    ARCHIVES[name](tmp_path / "archive", {})
    dataset = ingest(name, tmp_path / "archive", tmp_path / "dataset")
    source = open_source(name, tmp_path / "archive")
    assert (len(dataset), dataset.manifest.licence) == (1, source.licence)
    assert dataset.manifest.citation == source.citation
    assert name in ("dicom", "folder") or len(source.citation) > 40
    assert restricted(dataset.manifest) != source.licence.startswith("CC-BY-")
