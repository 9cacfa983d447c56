"""INbreast: 410 full-field digital mammograms with outlined lesions (Moreira et al. 2012, Academic Radiology 19, 236).

Layout: `AllDICOMs/NUMBER_PATIENT_MG_SIDE_VIEW_ANON.dcm`, `AllXML/NUMBER.xml` (property lists that OsiriX exports; an
image without one has no annotation), and `INbreast.csv` (File Name, Laterality, View, ACR, Bi-Rads, ...; separated by
semicolons) or the spreadsheet `INbreast.xls`. The table has no patients any more; they are the second word of the file
names.
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.archive_files import is_there, paths_below, read_file
from synthmammo.ingesting.sources.base import Annotation, Record, Skipped, key_of
from synthmammo.ingesting.sources.dicom_archive import DicomArchive, facts_beside, open_listed
from synthmammo.ingesting.sources.tables import TableRow, find_table, read_table
from synthmammo.ingesting.sources.terms import (
    assessment_label,
    birads_of,
    density_of,
    laterality_of,
    view_of,
    words,
)
from synthmammo.mammogram.sample import Kind, Pathology

TABLE = "INbreast"
COLUMNS = ("file name", "laterality", "view", "acr", "bi-rads")
KINDS = {
    "spiculated": Kind.MASS,
    "mass": Kind.MASS,
    "calcification": Kind.CALCIFICATION,
    "cluster": Kind.CALCIFICATION,
    "distortion": Kind.DISTORTION,
    "asymmetry": Kind.ASYMMETRY,
    "assymetry": Kind.ASYMMETRY,
}
"""Kinds by a word in the name of an outline, as the annotators spelt it."""


_ASSESSED = ("1", "2", "3", "4a", "4b", "4c", "5", "6")


class Inbreast(DicomArchive):
    """Reads INbreast; every outline is a finding with its mask, named by the descriptor `outline`.

    Labels are BI-RADS assessments. In an image with more than 255 outlines (single calcifications), those past
    the 255th keep their box only.

    Args:
        path: Folder with `AllDICOMs`, `AllXML` and the table.

    Raises:
        SourceError: The folder is missing.
    """

    licence = "other (INbreast: on request, research only)"
    citation = (
        "Moreira, I. C., Amaral, I., Domingues, I., Cardoso, A., Cardoso, M. J., & Cardoso, J. S. (2012). INbreast: "
        "toward a full-field digital mammographic database. Academic Radiology 19(2), 236-248."
    )

    vocabulary = {
        "class": words("Bi-Rads", {word: assessment_label(word) for word in _ASSESSED}),
        "pathology": words("Bi-Rads", {"5": Pathology.UNKNOWN, "6": Pathology.MALIGNANT}),
        "birads": words("Bi-Rads", {word: word for word in _ASSESSED}),
        "density": words("ACR", dict(zip("1234", "abcd", strict=True))),
        "view": words("View", {"CC": "CC", "MLO": "MLO"}),
        "side": words("Laterality", {"L": "L", "R": "R"}),
        "kind": words("Name", {name.title(): kind for name, kind in KINDS.items()}),
    }

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per row of the table, in its order.

        Raises:
            SourceError: The table is missing or lacks a column.
        """
        table = find_table(self.folder, TABLE)
        files = {path.name.split("_")[0]: path for path in paths_below(self.folder / "AllDICOMs", (".dcm",), 1)}
        for row in read_table(table, required=COLUMNS):
            number = row["file name"].removesuffix(".0")
            if not (number.isdecimal() and len(number) < 20):
                continue  # the table ends with remarks
            path = files.get(number, self.folder / "AllDICOMs" / number)
            try:
                yield self._record(path, number, row)
            except SourceError as error:
                yield Skipped(path, error.message)

    def _record(self, path: Path, number: str, row: TableRow) -> Record:
        header = open_listed(path, f"{row.path.name} line {row.line}", self.accepted)
        parts, side = path.stem.split("_"), laterality_of(row["laterality"])
        return Record(
            path,
            key=key_of(number),
            patient=parts[1] if len(parts) > 1 else number,
            # File names write ML for the oblique view that the table calls MLO.
            view=view_of(row["view"]) or view_of("MLO" if "ML" in parts else ""),
            laterality=side or head.laterality(header),
            label=assessment_label(row["bi-rads"]),
            density=density_of(row["acr"]),
            annotations=outlines(self.folder / "AllXML" / f"{number}.xml", row["bi-rads"]),
            spacing_mm=head.spacing_mm(header)[0],
            provenance={"birads": birads_of(row["bi-rads"]), **facts_beside(header, side)},
        )


def outlines(path: Path, birads: str = "") -> tuple[Annotation, ...]:
    """The outlined lesions of a property list; none where the file is absent.

    Args:
        path: A file of `AllXML`.
        birads: Assessment of the image; 6 makes its lesions proven malignant.

    Raises:
        SourceError: The file is not a property list of outlines.
    """
    if not is_there(path):
        return ()
    try:
        images = plistlib.loads(read_file(path))["Images"]
        regions = [region for image in images for region in image["ROIs"]]
        found = [(str(region.get("Name", "")).lower(), _points(region)) for region in regions]
    except (OSError, ExpatError, plistlib.InvalidFileException, LookupError, TypeError, ValueError) as error:
        raise SourceError(f"its outlines cannot be read: {path.name} is damaged ({error})", where=path) from error
    pathology = Pathology.MALIGNANT if birads.startswith("6") else Pathology.UNKNOWN
    return tuple(
        Annotation(_kind(name), pathology, {"outline": name}, outline=points)
        for name, points in found
        if points and "pectoral" not in name
    )


def _points(region: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    # "(x, y)", from the upper left.
    pairs = (text.strip("() ").split(",") for text in region["Point_px"])
    return tuple((float(row), float(column)) for column, row in pairs)


def _kind(name: str) -> Kind:
    return next((kind for word, kind in KINDS.items() if word in name), Kind.OTHER)
