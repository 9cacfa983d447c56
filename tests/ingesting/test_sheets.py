"""Tables as spreadsheets: read as the CSV of the same sheet, and a clear message without the package."""

import importlib.util
import sys
import zipfile
from xml.sax.saxutils import escape

import pytest

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import sheets
from synthmammo.ingesting.sources.base import Record, open_source
from synthmammo.ingesting.sources.tables import find_table, read_table
from tests.support.archives import ARCHIVES, CMMD

INSTALLED = importlib.util.find_spec("python_calamine") is not None
needs_package = pytest.mark.skipif(not INSTALLED, reason="the extra [excel] is not installed")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def cell(value):
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def workbook(path, **tables):
    """A workbook of Office Open XML, as small as it may be."""
    names = list(tables)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(names, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}relationships">'
        + "".join(f'<Relationship Id="r{i}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>'
                  for i in range(1, len(names) + 1))
        + "</Relationships>",
    }  # fmt: skip
    for i, name in enumerate(names, 1):
        rows = "".join(f"<row>{''.join(cell(value) for value in row)}</row>" for row in tables[name])
        parts[f"xl/worksheets/sheet{i}.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return path


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
