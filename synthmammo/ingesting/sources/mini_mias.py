"""mini-MIAS: 322 films, mediolateral oblique, 1024 x 1024, 8 bits, 200 micrometres (Suckling et al. 1994).

Layouts read: PNG or PGM files (in `images/`, or beside the table) with either `annotations.csv` (columns image,
tissue, cls, severity, x, y_file, y_img, radius) or the archive's own `Info.txt` (`mdb001 G CIRC B 535 425 197`, with
the origin at the lower left).

Which breast: the lead markers on the films read L on odd numbers and R on even ones, wherever they are legible, as do
the file names of the full-size archive (`mdb001ll`, `mdb002rl`); accompanying notes of the small archive say the
reverse, wrongly. The lettering is mirrored: the films were scanned from their back, so that a left breast has its
chest wall on the right. Pixels are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import is_folder, is_there, open_archive, paths_below, read_file
from synthmammo.ingesting.sources.base import Annotation, Picture, Record, Skipped, worst_label
from synthmammo.ingesting.sources.lesions import locate
from synthmammo.ingesting.sources.paths import below
from synthmammo.ingesting.sources.rasters import read_raster
from synthmammo.ingesting.sources.tables import TableRow, read_table
from synthmammo.ingesting.sources.terms import words
from synthmammo.mammogram.sample import Kind, Laterality, Pathology, View

SUFFIXES = (".png", ".pgm")
SPACING_MM = (0.2, 0.2)
HEIGHT = 1024
TISSUES = {"F": "fatty", "G": "fatty-glandular", "D": "dense-glandular"}
CLASSES: dict[str, tuple[Kind, dict[str, str]]] = {
    "CALC": (Kind.CALCIFICATION, {}),
    "CIRC": (Kind.MASS, {"margin": "circumscribed"}),
    "SPIC": (Kind.MASS, {"margin": "spiculated"}),
    "MISC": (Kind.MASS, {"margin": "ill-defined"}),
    "ARCH": (Kind.DISTORTION, {}),
    "ASYM": (Kind.ASYMMETRY, {}),
}
PATHOLOGIES = {"B": Pathology.BENIGN, "M": Pathology.MALIGNANT}
COLUMNS = ("image", "tissue", "cls", "severity", "x", "y_file", "radius")


class MiniMias:
    """Reads mini-MIAS; a lesion's box and mask are those of the circle that the archive draws around it.

    A pair of films (001 and 002, 003 and 004, ...) is one patient. Findings without a place (mdb059, 216, 233, 245)
    decide the film's label and have no box.

    Args:
        path: Folder of the archive.

    Raises:
        SourceError: The folder is missing.
    """

    licence = "other (mini-MIAS licence agreement: research only; no rent, lease or sale)"
    citation = (
        "Suckling, J., Parker, J., Dance, D. R., et al. (1994). The Mammographic Image Analysis Society digital "
        "mammogram database. Excerpta Medica International Congress Series 1069, 375-378."
    )
    vocabulary = {
        "class": words("severity", PATHOLOGIES) | words("cls", {"NORM": "normal"}),
        "pathology": words("severity", PATHOLOGIES),
        "view": words("image", {"mdb001": "MLO"}),
        "side": words("image", {"mdb001": "L", "mdb002": "R"}),
        "kind": words("cls", {word: kind for word, (kind, _) in CLASSES.items()}),
    }

    def __init__(self, path: str | Path) -> None:
        self.folder = open_archive(path)
        self.notes: list[str] = []

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per film of the table, in the table's order.

        Raises:
            SourceError: There is no table, or it cannot be read.
        """
        rows = self._rows()
        listed = {row["image"] for row in rows}
        for name, findings in groupby(rows, key=lambda row: row["image"]):
            try:
                path = self._file(name)
            except SourceError as error:
                yield Skipped(self.folder / name, error.message)
                continue
            if path is None:
                yield Skipped(self.folder / name, "listed in the table, but there is no PNG or PGM file of this name")
            else:
                yield self._record(path, name, list(findings))
        for path in sorted(p for folder in self._folders() for p in paths_below(folder, SUFFIXES, 1)):
            if path.stem.startswith("mdb") and path.stem not in listed:
                yield Skipped(path, "not listed in the table")

    def read(self, record: Record) -> Picture:
        """The film, unchanged.

        Raises:
            SourceError: The file is damaged.
        """
        image, bits = read_raster(record.path)
        findings, lesions = locate(record.annotations, (image.shape[0], image.shape[1]))
        return Picture(image, bits, findings, lesions, record.spacing_mm)

    def _rows(self) -> list[TableRow]:
        table = self.folder / "annotations.csv"
        if is_there(table):
            rows = read_table(table, required=COLUMNS)
        else:
            info = next((self.folder / name for name in ("Info.txt", "info.txt") if is_there(self.folder / name)), None)
            if info is None:
                hint = "Expected annotations.csv or the archive's Info.txt beside the images."
                raise SourceError("no table of findings in this folder", where=self.folder, hint=hint)
            rows = _info_rows(info)
        return sorted(rows, key=lambda row: row["image"])

    def _folders(self) -> list[Path]:
        return [folder for folder in (self.folder / "images", self.folder) if is_folder(folder)]

    def _file(self, name: str) -> Path | None:
        paths = (below(folder, f"{name}{suffix}") for folder in self._folders() for suffix in SUFFIXES)
        return next((path for path in paths if is_there(path)), None)

    def _record(self, path: Path, name: str, rows: list[TableRow]) -> Record:
        number = int(name[3:]) if name[3:].isdecimal() and len(name) < 9 else 0
        annotations = tuple(_annotation(row) for row in rows if row["cls"] != "NORM")
        return Record(
            path,
            key=name,
            patient=f"mias{(number + 1) // 2:03d}",
            view=View.MLO,
            laterality=Laterality.LEFT if number % 2 else Laterality.RIGHT,
            label=worst_label(annotations),
            annotations=annotations,
            spacing_mm=SPACING_MM,
            provenance={"file": path.name, "tissue": TISSUES.get(rows[0]["tissue"], rows[0]["tissue"])},
        )


def _annotation(row: TableRow) -> Annotation:
    kind, descriptors = CLASSES.get(row["cls"], (Kind.OTHER, {}))
    column, height, radius = row.number("x"), row.number("y_file"), row.number("radius")
    circle = None
    if column is not None and height is not None and radius is not None:
        circle = (HEIGHT - height, column, radius)
    pathology = PATHOLOGIES.get(row["severity"], Pathology.UNKNOWN)
    return Annotation(kind, pathology, {**descriptors, "outline": "circle"} if circle else descriptors, circle=circle)


def _info_rows(path: Path) -> list[TableRow]:
    names = ("image", "tissue", "cls", "severity", "x", "y_file", "radius")
    rows = []
    for line, content in enumerate(read_file(path).decode("latin-1").splitlines(), start=1):
        words = content.split()
        if len(words) < 3 or not (words[0].startswith("mdb") and words[0][3:].isdigit()):
            continue
        # A finding without a place has a remark in words instead of three numbers.
        places = words[4:7] if len(words) >= 7 and all(word.isdigit() for word in words[4:7]) else []
        rows.append(TableRow(dict(zip(names, [*words[:4], *places], strict=False)), path, line))
    return rows
