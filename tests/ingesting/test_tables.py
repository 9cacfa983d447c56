"""Tables are read whatever their delimiter, encoding and case; errors name the file and the line."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.tables import TableRow, read_table, stream_table

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=["Cs", "Zl", "Zp", "Cc"]))


def test_a_table_is_read_whatever_its_delimiter_encoding_and_case(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes('File Name;Bi-Rads\n1;4a\n\n2;"x\ny"\n3;é\n'.encode("latin-1"))
    rows = read_table(path, required=("file name", "bi-rads"))
    assert [(row["file name"], row["bi-rads"], row.line) for row in rows] == [
        ("1", "4a", 2),
        ("2", "x\ny", 5),
        ("3", "é", 6),
    ]
    assert rows[0]["absent"] == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_encodings(tmp_path, encoding):
    path, mark = tmp_path / "t.csv", b"\xff\xfe" if encoding == "utf-16-le" else b""
    path.write_bytes(mark + "id,name\r\n1,Zoë\r\n".encode(encoding))
    assert [row.cells for row in read_table(path, required=("id",))] == [{"id": "1", "name": "Zoë"}]


def test_a_large_table_is_streamed_with_the_wanted_columns_only(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbfID,More,Other\n1,"x\ny",5\n\n2,z\n')
    rows = list(stream_table(path, ("id",), ("more", "absent")))
    assert [(row.cells, row.line) for row in rows] == [({"id": "1", "more": "x\ny"}, 3), ({"id": "2", "more": "z"}, 5)]
    with pytest.raises(SourceError, match="column 'patient' is missing"):
        list(stream_table(path, ("patient",)))


@pytest.mark.parametrize(("content", "words"), [(b"", "empty"), (b"a,\0", "not a text file"), (None, "cannot be read")])
def test_a_bad_large_table_is_one_clear_error(tmp_path, content, words):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SourceError, match=words):
        list(stream_table(tmp_path / "t.csv", ("a",)))


@pytest.mark.parametrize(("text", "value"), [("1", True), ("0.0", False), ("True", True), ("no", False), ("", None)])
def test_flags(text, value):
    assert TableRow({"x": text}, None, 1).flag("x") is value


def test_a_flag_that_is_none_names_line_and_column(tmp_path):
    with pytest.raises(SourceError, match="line 3, column 'x': expected 0 or 1, found 'maybe'"):
        TableRow({"x": "maybe"}, tmp_path, 3).flag("x")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"\x00\x01", "not a text file"), (b"a,b\n1,2\n", "column 'file' is missing")],
)
def test_a_bad_table_is_one_clear_error(tmp_path, content, words):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SourceError, match=words):
        read_table(tmp_path / "t.csv", required=("file",))
    with pytest.raises(SourceError, match="cannot be read"):
        read_table(tmp_path / "absent.csv")


def test_a_cell_that_is_no_number_names_line_and_column(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n3,nan\n4,five\n")
    rows = read_table(tmp_path / "t.csv")
    assert rows[0].number("y") == 2
    assert rows[0].number("z") is None
    for row, found in zip(rows[1:], ("nan", "five"), strict=True):
        with pytest.raises(SourceError, match=f"line {row.line}, column 'y': expected a number, found '{found}'"):
            row.number("y")


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_what_was_written_is_read_but_for_blanks_around_it(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("One", " Two  words "), *rows])
    expected = [(first.strip(), second.strip()) for first, second in rows]
    found = [(row["one"], row["two words"]) for row in read_table(path)]
    assert found == [row for row in expected if any(row)]


@given(st.floats(-1e9, 1e9))
def test_a_decimal_comma_is_a_point(value):
    for text in (repr(value), repr(value).replace(".", ",")):
        assert TableRow({"x": text}, None, 1).number("x") == value
