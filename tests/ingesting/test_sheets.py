"""Tables as spreadsheets: read as the CSV of the same sheet, and a clear message without the package."""

import importlib.util
import sys

import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import sheets
from synthmammo.ingesting.sources.base import Record, open_source
from synthmammo.ingesting.sources.tables import find_table, read_table
from tests.support.archives import ARCHIVES, CMMD
from tests.support.workbooks import workbook

INSTALLED = importlib.util.find_spec("python_calamine") is not None
needs_package = pytest.mark.skipif(not INSTALLED, reason="the extra [excel] is not installed")


@needs_package
def test_cells_are_texts_as_in_a_csv_file(tmp_path):
    path = workbook(tmp_path / "t.xlsx", one=[["ID", "x", "ok"], ["a & b", 4.0, True], ["c", 0.25, False]])
    assert [row.cells for row in read_table(path, required=("id", "x"))] == [
        {"id": "a & b", "x": "4", "ok": "1"},
        {"id": "c", "x": "0.25", "ok": "0"},
    ]


@needs_package
def test_the_sheet_with_the_columns_is_read(tmp_path):
    path = workbook(tmp_path / "t.xlsx", notes=[["remarks"], ["x"]], all=[["id"], ["1"]])
    assert [row["id"] for row in read_table(path, required=("id",))] == ["1"]
    with pytest.raises(SourceError, match=r"t\.xlsx: column 'patient' is missing"):
        read_table(path, required=("patient",))


@needs_package
def test_the_spreadsheet_of_an_archive_is_read(tmp_path):
    ARCHIVES["cmmd"](tmp_path, {})
    expected = list(open_source("cmmd", tmp_path).records())
    (tmp_path / "CMMD_clinicaldata_revision.csv").unlink()
    workbook(tmp_path / "CMMD_clinicaldata_revision.xlsx", Sheet1=[list(CMMD), list(CMMD.values())])
    found = list(open_source("cmmd", tmp_path).records())
    assert found == expected and isinstance(found[0], Record)


@needs_package
def test_what_is_no_spreadsheet_is_one_clear_error(tmp_path):
    path = tmp_path / "t.xlsx"
    for content in (b"", b"PK\x03\x04", b"id,x\n1,2\n"):
        path.write_bytes(content)
        with pytest.raises(SourceError, match="the spreadsheet cannot be read"):
            read_table(path)


@needs_package
def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "LARGEST", 100)
    with pytest.raises(SourceError, match="more than 100"):
        read_table(workbook(tmp_path / "t.xlsx", one=[["id"], ["1"]]))


def test_without_the_package_the_message_names_the_extra_and_the_way_around(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    path = workbook(tmp_path / "t.xlsx", one=[["id"], ["1"]])
    with pytest.raises(SourceError, match=r"synthmammo\[excel\].*save it as t\.csv"):
        read_table(path)


def test_of_a_table_in_both_forms_the_csv_is_read(tmp_path):
    for name in ("Radiology_manual_annotations.xlsx", "radiology-manual-annotations.csv", "other.csv"):
        (tmp_path / name).write_text("id\n")
    assert find_table(tmp_path, "Radiology manual annotations").name == "radiology-manual-annotations.csv"
    with pytest.raises(SourceError, match=r"Segmentations\.csv is missing"):
        find_table(tmp_path, "Segmentations")
