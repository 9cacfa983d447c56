"""Spreadsheets in which archives publish their tables, through the package `python-calamine` (extra `[excel]`)."""

from __future__ import annotations

import warnings
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import open_whole, read_file, size_of

SUFFIXES = (".xlsx", ".xls", ".ods")
LARGEST = 1 << 28
"""Most bytes that a spreadsheet may hold, unpacked; the tables of archives have a few megabytes."""


def read_sheets(path: Path) -> list[list[tuple[int, list[str]]]]:
    """The cells of every sheet as texts, each row with its number from 1; empty rows are left out.

    Whole numbers have no decimals, and truth values are 1 and 0, as in a CSV file of the same sheet.

    Raises:
        SourceError: The package is not installed, or the file cannot be read.
    """
    calamine = _calamine(path)
    if (size := _unpacked(path)) > LARGEST:
        raise SourceError(f"the spreadsheet holds {size:,} bytes, more than {LARGEST:,}", where=path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = calamine.load_workbook(BytesIO(read_file(path)))
            sheets = [book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names]
    except Exception as error:
        # The parser is in another language, and has an error of its own for each part of a file.
        hint = f"Or save it as {path.stem}.csv (comma-separated)."
        raise SourceError(f"the spreadsheet cannot be read ({error})", where=path, hint=hint) from error
    return [
        [(number, cells) for number, row in enumerate(sheet, start=1) if any(cells := [_text(cell) for cell in row])]
        for sheet in sheets
    ]


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()


def _unpacked(path: Path) -> int:
    try:
        with open_whole(path) as file:
            if not is_zipfile(file):
                return size_of(path)
            with ZipFile(file) as packed:
                return sum(part.file_size for part in packed.infolist())
    except (OSError, BadZipFile) as error:
        raise SourceError(f"the spreadsheet cannot be read ({error})", where=path) from error


def _calamine(path: Path) -> Any:
    try:
        return import_module("python_calamine")
    except ImportError as error:
        hint = f"Install it with: pip install 'synthmammo[excel]'. Or save it as {path.stem}.csv (comma-separated)."
        message = "reading a spreadsheet needs the package 'python-calamine', which is not installed"
        raise SourceError(message, where=path, hint=hint) from error
