"""Readers of archives: the tables, outlines and films that each collection publishes, spreadsheets and zip archives."""

from __future__ import annotations

import csv
import io
import random
import struct
import zipfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from synthmammo.errors import SynthmammoError
from tests.support import pvrg
from tests.support.archives import ARCHIVES, CESM, CMMD, CSAW, EMBED_FINDING, EMBED_IMAGE, FILM, ICS, RSNA, save
from tests.support.dicom_files import breast_like, write
from tools.fuzz import containers, plain
from tools.fuzz.mutation import Change
from tools.fuzz.reader import Reader

_CASE = "cancers/cancer_01/case3024"
_FILES = {
    "csv-embed": ("embed", "tables/EMBED_OpenData_metadata.csv"),
    "csv-embed-clinical": ("embed", "tables/EMBED_OpenData_clinical.csv"),
    "csv-rsna": ("rsna_2022", "train.csv"),
    "csv-cmmd": ("cmmd", "CMMD_clinicaldata_revision.csv"),
    "csv-csaw": ("csaw_cc", "CSAW-CC_breast_cancer_screening_data.csv"),
    "csv-cesm": ("cdd_cesm", "Radiology manual annotations.csv"),
    "csv-cesm-outlines": ("cdd_cesm", "Radiology_hand_drawn_segmentations_v2.csv"),
    "ddsm-ics": ("ddsm", f"{_CASE}/B-3024-1.ics"),
    "ddsm-overlay": ("ddsm", f"{_CASE}/B_3024_1.LEFT_CC.OVERLAY"),
    "inbreast-xml": ("inbreast", "AllXML/20586908.xml"),
    "mias-info": ("mini_mias", "Info.txt"),
}
"""Source, and the file that is changed, by the name of the reader; `tests.support.archives` makes what is beside it."""

_WORDS = (
    b"../../../../etc/passwd", b"/etc/passwd", b"\0", b'"', b",,,,", b"\n\n", b"nan", b"1e999", b"-1", b"\xff", b"((((",
    b"1e308", b"99999999999999999999", b"((0, 0, 9999999, 9999999),)", b"LEFT_CC LINES 0 PIXELS_PER_LINE 0 ",
    b"BOUNDARY", b"ABNORMALITY 1\n", b"RESOLUTION ....", b"NON_", b"7 7 7 7", b"999999 999999", b"<!ENTITY a 'b'>",
    b"&a;",
    b"<real>",
    b'{"name": "polygon", "all_points_x": [], "all_points_y": []}', b'"rx": 1e99', b"mdb001 G CIRC B 1 1 99999999\n",
)  # fmt: skip
"""Texts that mean something in one of the tables, or nothing in any."""


def _rows_of(path: Path, source: str) -> object:
    """Read a whole archive: what the package refuses of one image leaves that one out."""
    from synthmammo.ingesting.sources.base import Record, open_source

    reader = open_source(source, path)
    return [_image(reader.read, record) for record in reader.records() if isinstance(record, Record)]


def _image(read: object, record: object) -> object:
    try:
        return read(record)  # type: ignore[operator]
    except SynthmammoError as error:
        return error


def _read(source: str, file: str, path: Path) -> object:
    return _rows_of(path.parents[file.count("/")], source)


def _corpus(source: str, file: str, folder: Path) -> list[bytes]:
    ARCHIVES[source](folder, {})
    return [(folder / file).read_bytes()]


def _around(source: str, folder: Path) -> None:
    ARCHIVES[source](folder, {})


def _table(name: str) -> Reader:
    source, file = _FILES[name]
    changes: tuple[Change, ...] = (csv_cell,) if file.endswith(".csv") else (plain.cell,)
    read, corpus = partial(_read, source, file), partial(_corpus, source, file)
    return Reader(name, file, corpus, read, changes, _WORDS, partial(_around, source))


def csv_cell(rng: random.Random, data: bytes) -> bytes:
    """A table of comma-separated values with one other cell, quoted where it must be; at times one more row."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode("latin-1"))))
    except csv.Error:
        return data
    if not rows:
        return data
    if rng.random() < 0.2:
        rows.append(list(rng.choice(rows)))
    row = rng.choice(rows[1:] or rows)
    if row:
        place = rng.randrange(len(row))
        row[place] = str(plain.changed_value(rng, row[place] if rng.random() < 0.6 else rng.choice(row)))
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", errors="replace")


_LJPEG = f"{_CASE}/B_3024_1.LEFT_CC.LJPEG"


def _ljpeg_case(folder: Path) -> None:
    """A case whose one film is 9 lines of 7 pixels, as those of `pvrg`."""
    case = folder / _CASE
    case.mkdir(parents=True, exist_ok=True)
    film = ICS.format(DENSITY="2", film="LEFT_CC", marks="NON_OVERLAY")
    sized = film.replace("LINES 96 PIXELS_PER_LINE 64", f"LINES {pvrg.LINES} PIXELS_PER_LINE {pvrg.WIDTH}")
    (case / "B-3024-1.ics").write_text(sized)


def _ljpeg_corpus(folder: Path) -> list[bytes]:
    return [pvrg.ljpeg(bits, selection) for bits in (12, 16) for selection in range(1, 8)]


_SHEETS: Sequence[Mapping[str, str]] = (EMBED_IMAGE, EMBED_FINDING, RSNA, CMMD, CSAW, CESM)


def _sheet_corpus(folder: Path) -> list[bytes]:
    from tests.support.workbooks import workbook

    rows = [[list(row), list(row.values())] for row in _SHEETS]
    found = [workbook(folder / f"{number}.xlsx", one=table) for number, table in enumerate(rows)]
    found.append(workbook(folder / "typed.xlsx", one=[["a", "b", "c"], [1, 2.5, True]], two=[["x"], ["y"]]))
    return [path.read_bytes() for path in found]


def _read_sheet(path: Path) -> object:
    from synthmammo.ingesting.sources.tables import read_table

    return read_table(path)


def _zip_corpus(folder: Path) -> list[bytes]:
    mammogram = write(folder / "a.dcm", breast_like(20, 12)).read_bytes()
    picture = save(folder / "a.png", FILM[:20, :12].copy()).read_bytes()
    table = b"file,patient,label\nimages/a.png,p1,normal\n"
    members = {"case/a.dcm": mammogram, "images/a.png": picture, "table.csv": table, "readme.txt": b"no image"}
    return [_zipped(members, kind) for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]


def _zipped(members: Mapping[str, bytes], kind: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return buffer.getvalue()


def _read_zip(path: Path) -> object:
    """The archive as one of DICOM files, then as one of pictures: each may be refused, and the other is tried."""
    found = []
    for source in ("dicom", "folder"):
        try:
            found.append(_rows_of(path, source))
        except SynthmammoError as error:
            refused = error
    if not found:
        raise refused
    return found


_DIRECTORY, _END = b"PK\1\2", b"PK\5\6"
_NUMBERS = (0, 1, 2, 8, 9, 12, 14, 99, 0xFFFF, 2**31, 2**32 - 1)


def zip_field(rng: random.Random, data: bytes) -> bytes:
    """A zip archive with one other number in its directory: flags, method, checksum, sizes, lengths or place."""
    places = [at for at in range(len(data)) if data[at : at + 4] in (_DIRECTORY, _END)]
    if not places:
        return data
    at = rng.choice(places)
    fields = ("H", 8), ("H", 10), ("I", 16), ("I", 20), ("I", 24), ("H", 28), ("H", 30), ("I", 42)
    ends = ("H", 8), ("H", 10), ("I", 12), ("I", 16), ("H", 20)
    kind, offset = rng.choice(fields if data[at : at + 4] == _DIRECTORY else ends)
    size = struct.calcsize(kind)
    if at + offset + size > len(data):
        return data
    number = struct.pack(f"<{kind}", rng.choice(_NUMBERS) % 256**size)
    return data[: at + offset] + number + data[at + offset + size :]


def readers() -> list[Reader]:
    """Readers of archives."""
    zipped = (containers.zip_member, zip_field)
    film = partial(_read, "ddsm", _LJPEG)
    return [
        *map(_table, _FILES),
        Reader("ddsm-ljpeg", _LJPEG, _ljpeg_corpus, film, around=_ljpeg_case),
        Reader("spreadsheet", "a.xlsx", _sheet_corpus, _read_sheet, zipped, needs="python_calamine"),
        Reader("zip", "a.zip", _zip_corpus, _read_zip, zipped, _WORDS[:3]),
    ]
