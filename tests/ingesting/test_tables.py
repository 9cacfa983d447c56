"""Tables are read whatever their delimiter, encoding and case; errors name the file and the line."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.tables import TableRow, read_table

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
