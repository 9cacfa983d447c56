"""Annotation tables (CSV) of archives, with errors that name the file and the line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synthmammo.errors import SourceError


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


def read_table(path: Path, required: Sequence[str] = (), delimiters: str = ",;\t") -> list[TableRow]:
    """Read the rows of a CSV file with a header; the delimiter is the one that the header holds most often.

    Args:
        path: Path of the file, which is UTF-8 (with or without a byte-order mark) or Latin-1.
        required: Lower-case names of the columns that must be there; none by default.
        delimiters: Characters that may separate columns; comma, semicolon and tab by default.

    Raises:
        SourceError: The file cannot be read, is empty, or lacks a column.
    """
    text = _text(path)
    lines = text.splitlines()
    if not lines or not lines[0].strip():
        raise SourceError("the table is empty", where=path, hint="Expected a header line and one line per row.")
    delimiter = max(delimiters, key=lines[0].count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise SourceError(f"not a table of comma-separated values ({error})", where=path) from error
    columns = [" ".join(name.lower().split()) for name in rows[0][1]]
    missing = [name for name in required if name not in columns]
    if missing:
        message = f"column {', '.join(repr(name) for name in missing)} is missing"
        raise SourceError(message, where=path, hint=f"Found: {', '.join(columns)}.")
    return [
        TableRow(dict(zip(columns, (cell.strip() for cell in row), strict=False)), path, line)
        for line, row in rows[1:]
        if any(cell.strip() for cell in row)
    ]


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"the table cannot be read ({error.strerror})", where=path) from error
    if b"\0" in content:
        raise SourceError("not a text file", where=path, hint="Save the table as comma-separated values (CSV).")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
