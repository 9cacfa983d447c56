"""Files of a DDSM case beside its images: `.ics`, which lists them, and `.OVERLAY`, which outlines lesions.

Formats: http://www.eng.usf.edu/cvprg/Mammography/DDSM/case_description.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import read_file, size_of
from synthmammo.ingesting.sources.base import Annotation
from synthmammo.ingesting.sources.cbis_terms import annotation_of
from synthmammo.ingesting.sources.tables import TableRow

LARGEST = 1 << 22
"""Most bytes of a file; overlays have some thousand."""
STEPS = np.array([(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)])
"""Step (row, column) of each chain code: 0 goes up, 2 to the right, 4 down, 6 to the left."""
COLUMNS = {"SHAPE": "mass shape", "MARGINS": "mass margins", "TYPE": "calc type", "DISTRIBUTION": "calc distribution"}
"""The same words have these columns in the tables of CBIS-DDSM."""
_WHOLE = re.compile(r"-?\d{1,6}")
_VIEW = re.compile(
    r"(LEFT|RIGHT)_(CC|MLO)\s+LINES\s+(\d+)\s+PIXELS_PER_LINE\s+(\d+)\s+BITS_PER_PIXEL\s+(\d+)\s+"
    r"RESOLUTION\s+([\d.]+)\s+(NON_)?OVERLAY"
)


@dataclass(frozen=True)
class CaseView:
    """One film of a case: side, view, lines, pixels per line, bits, micrometres per pixel, and whether it has marks."""

    side: str
    view: str
    lines: int
    width: int
    bits: int
    um: float
    marked: bool


@dataclass(frozen=True)
class Case:
    """What an `.ics` file says: name of the case, density 1 to 4, name of the digitizer, and its films."""

    name: str
    density: str
    digitizer: str
    views: tuple[CaseView, ...]


def read_case(path: Path) -> Case:
    """Read an `.ics` file.

    Raises:
        SourceError: It cannot be read, or lists no film.
    """
    text = _text(path)
    views = tuple(
        CaseView(side, view, int(lines), int(width), int(bits), float(um), not none)
        for side, view, lines, width, bits, um, none in _VIEW.findall(text)
    )
    if not views:
        hint = "Expected lines such as LEFT_CC LINES 4696 PIXELS_PER_LINE 3024 BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY."
        raise SourceError("lists no film", where=path, hint=hint)
    return Case(_field(text, "filename") or path.stem, _field(text, "DENSITY"), _field(text, "DIGITIZER"), views)


def read_overlay(path: Path) -> tuple[Annotation, ...]:
    """The lesions of an `.OVERLAY` file, each with its outer outline.

    Cores inside an outline are left out. Words are those of CBIS-DDSM, which was made from these files.

    Raises:
        SourceError: The file cannot be read, or an outline is not a chain of codes from 0 to 7.
    """
    parts = re.split(r"^[ \t]*ABNORMALITY[ \t]+\d+[ \t\r]*$", _text(path), flags=re.MULTILINE)
    return tuple(_abnormality(part, path) for part in parts[1:])


def _abnormality(text: str, path: Path) -> Annotation:
    cells = {"pathology": _field(text, "PATHOLOGY").replace("_", " ")}
    cells |= {name: found for name in ("assessment", "subtlety") if (found := _field(text, name.upper()))}
    kinds = re.findall(r"^[ \t]*LESION_TYPE[ \t]+(\S+)(.*)$", text, re.MULTILINE)
    for kind, terms in kinds:
        cells.setdefault("abnormality type", kind.lower())
        words = terms.split()
        cells |= {COLUMNS[name]: word for name, word in zip(words, words[1:], strict=False) if name in COLUMNS}
    lesion = annotation_of(TableRow(cells, path, 1))
    kind = lesion.kind if kinds and kinds[0][0] in ("MASS", "CALCIFICATION") else lesion.kind.OTHER
    chain = re.search(r"^[ \t]*BOUNDARY[ \t\r]*$([^#]*?)(#|\Z|^[ \t]*[A-Z])", text, re.MULTILINE | re.DOTALL)
    return Annotation(kind, lesion.pathology, lesion.descriptors, outline=_outline(chain[1], path) if chain else None)


def _outline(text: str, path: Path) -> tuple[tuple[float, float], ...]:
    """Points (row, column) of a chain: the column and row of its start, and one code per step."""
    words = text.split()
    if len(words) < 2 or not all(_WHOLE.fullmatch(word) for word in words):
        raise SourceError("an outline is not a column, a row and chain codes", where=path)
    column, row, *codes = (int(word) for word in words)
    if not all(0 <= code <= 7 for code in codes):
        raise SourceError("an outline has a chain code that is not from 0 to 7", where=path)
    steps = STEPS[np.array(codes, int)] if codes else np.zeros((0, 2), int)
    points = np.cumsum(np.vstack([[(row, column)], steps]), axis=0)
    return tuple((float(r), float(c)) for r, c in points)


def _field(text: str, name: str) -> str:
    lines = (line.split(maxsplit=1) for line in text.splitlines())
    return next((words[1].strip() for words in lines if len(words) == 2 and words[0] == name), "")


def _text(path: Path) -> str:
    try:
        if size_of(path) > LARGEST:
            raise SourceError(f"larger than {LARGEST:,} bytes", where=path)
        return read_file(path).decode("latin-1")
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", where=path) from error
