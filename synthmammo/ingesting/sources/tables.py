"""Annotation tables of archives, as CSV or as a spreadsheet, with errors that name the file and the line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import open_file, paths_below, read_file
from synthmammo.ingesting.sources.sheets import SUFFIXES as SHEETS
from synthmammo.ingesting.sources.sheets import read_sheets

DELIMITERS = ",;\t"
"""Characters that may separate columns; the one that the header holds most often does."""
_BLOCK = 1 << 20
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

_Lines = list[tuple[int, list[str]]]
"""Rows of a table with the number of the line that each ends on, from 1; the first is the header."""


@dataclass(frozen=True)
class TableRow:
    """One row of a table.

    Attributes:
        cells: Stripped text by lower-case column name.
        path: Path of the table.
        line: Number of the line in the table, from 1.
    """

    cells: dict[str, str]
    path: Path
    line: int

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def where(self, column: str) -> str:
        """The place of a cell, for a message: "table.csv line 3, column 'side'"."""
        return f"{self.path.name} line {self.line}, column '{column}'"

    def number(self, column: str) -> float | None:
        """The number in a column, None where the cell is empty.

        Raises:
            SourceError: The cell holds something else.
        """
        text = self[column]
        if not text:
            return None
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = float("nan")
        if not abs(value) < float("inf"):
            message = f"line {self.line}, column '{column}': expected a number, found '{text}'"
            raise SourceError(message, where=self.path, hint="Correct the cell, or empty it.")
        return value

    def flag(self, column: str) -> bool | None:
        """Whether a column says 1, true or yes, or 0, false or no; None where the cell is empty.

        Raises:
            SourceError: The cell holds something else.
        """
        text = self[column].lower().removesuffix(".0")
        if text and text not in _FLAGS:
            message = f"line {self.line}, column '{column}': expected 0 or 1, found '{self[column]}'"
            raise SourceError(message, where=self.path, hint="Correct the cell, or empty it.")
        return _FLAGS.get(text)


def read_table(path: Path, required: Sequence[str] = (), delimiters: str = DELIMITERS) -> list[TableRow]:
    """Read the rows of a table with a header.

    Args:
        path: Path of a CSV file, which is UTF-8 (with or without a byte-order mark), UTF-16 with one, or Latin-1; or of
            a spreadsheet, of which the first sheet with the required columns is read.
        required: Lower-case names of the columns that must be there; none by default.
        delimiters: Characters that may separate columns of a CSV file; comma, semicolon and tab by default.

    Raises:
        SourceError: The file cannot be read, is empty, or lacks a column; or it is a spreadsheet, and the package that
            reads these is not installed.
    """
    if path.suffix.lower() in SHEETS:
        sheets = read_sheets(path)
        lines = next((sheet for sheet in sheets if not _missing(sheet, required)), sheets[0] if sheets else [])
    else:
        lines = _lines(_text(path), path, delimiters)
    if not lines or not any(cell.strip() for cell in lines[0][1]):
        raise SourceError("the table is empty", where=path, hint="Expected a header line and one line per row.")
    return list(_rows(iter(lines), path, required))


def stream_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[TableRow]:
    """The rows of a CSV file that is too large to be held in memory, one at a time, with the named columns only.

    Args:
        path: Path of the file, which is UTF-8, with or without a byte-order mark.
        required: Lower-case names of the columns that must be there.
        optional: Lower-case names of further columns that are kept where they are there; none by default.

    Raises:
        SourceError: The file cannot be read, is empty, or lacks a column.
    """
    try:
        with open_file(path) as file:
            if b"\0" in file.read(_BLOCK):
                raise SourceError("not a text file", where=path, hint="Save the table as UTF-8 (CSV).")
        with open_file(path) as file:
            text = io.TextIOWrapper(file, "utf-8-sig", "replace", "")
            header = text.readline(_BLOCK)
            if not header.strip():
                raise SourceError("the table is empty", where=path, hint="Expected a header line and one per row.")
            reader = csv.reader(text, delimiter=max(DELIMITERS, key=header.count))
            first = next(csv.reader([header], delimiter=max(DELIMITERS, key=header.count)), [])
            lines = ((reader.line_num + 1, row) for row in reader)
            yield from _rows(_with_header(first, lines), path, required, {*required, *optional})
    except OSError as error:
        raise SourceError(f"the table cannot be read ({error.strerror})", where=path) from error
    except csv.Error as error:
        raise SourceError(f"not a table of comma-separated values ({error})", where=path) from error


def find_table(folder: Path, *names: str) -> Path:
    """A table of an archive: in its folder or one below it, a CSV file before a spreadsheet.

    Args:
        folder: Folder of the archive.
        names: Beginnings of the file's name, the best first; case, blanks and signs do not matter.

    Raises:
        SourceError: There is none.
    """
    suffixes = (".csv", ".tsv", *SHEETS)
    paths = paths_below(folder, suffixes, 2)
    for name in names:
        found = [path for path in paths if _squashed(path.stem).startswith(_squashed(name))]
        if found:
            return min(found, key=lambda path: (suffixes.index(path.suffix.lower()), len(path.name), path))
    hint = f"Expected {names[0]}.csv, or the archive's spreadsheet, in the folder or one below it."
    raise SourceError(f"{names[0]}.csv is missing", where=folder, hint=hint)


def _squashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _with_header(header: list[str], lines: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield 1, header
    yield from lines


def _columns(names: Iterable[str]) -> list[str]:
    return [" ".join(name.lower().split()) for name in names]


def _missing(lines: _Lines, required: Sequence[str]) -> list[str]:
    columns = _columns(lines[0][1]) if lines else []
    return [name for name in required if name not in columns]


def _rows(
    lines: Iterator[tuple[int, list[str]]], path: Path, required: Sequence[str], kept: set[str] | None = None
) -> Iterator[TableRow]:
    header = next(lines)
    columns = _columns(header[1])
    if missing := _missing([header], required):
        message = f"column {', '.join(repr(name) for name in missing)} is missing"
        raise SourceError(message, where=path, hint=f"Found: {', '.join(columns)[:500]}.")
    places = [(i, name) for i, name in enumerate(columns) if kept is None or name in kept]
    for line, row in lines:
        if any(cell.strip() for cell in row):
            yield TableRow({name: row[i].strip() for i, name in places if i < len(row)}, path, line)


def _lines(text: str, path: Path, delimiters: str) -> _Lines:
    first = text.splitlines()[:1]
    if not first:
        return []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(delimiters, key=first[0].count))
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise SourceError(f"not a table of comma-separated values ({error})", where=path) from error


def _text(path: Path) -> str:
    try:
        content = read_file(path)
    except OSError as error:
        raise SourceError(f"the table cannot be read ({error.strerror})", where=path) from error
    try:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return content.decode("utf-16")
        if b"\0" in content:
            raise SourceError("not a text file", where=path, hint="Save the table as comma-separated values (CSV).")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
