"""INbreast: 410 full-field digital mammograms with outlined lesions (Moreira et al. 2012, Academic Radiology 19, 236).

Layout: `AllDICOMs/NUMBER_PATIENT_MG_SIDE_VIEW_ANON.dcm`, `AllXML/NUMBER.xml` (property lists that OsiriX exports; an
image without one has no annotation), and `INbreast.csv` (File Name, Laterality, View, ACR, Bi-Rads, ...; separated by
semicolons). The table has no patients any more; they are the second word of the file names.
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.base import Annotation, Picture, Record, Skipped, existing_folder, key_of
from synthmammo.ingesting.sources.dicom_facts import header_facts
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.ingesting.sources.lesions import locate
from synthmammo.ingesting.sources.tables import TableRow, read_table
from synthmammo.ingesting.sources.terms import assessment_label, density_of, laterality_of, view_of
from synthmammo.mammogram.sample import Kind, Pathology

TABLE = "INbreast.csv"
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


class Inbreast:
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

    def __init__(self, path: str | Path) -> None:
        self.folder = existing_folder(path)
        self.notes: list[str] = []

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per row of the table, in its order.

        Raises:
            SourceError: The table is missing or lacks a column.
        """
        if not (self.folder / TABLE).is_file():
            hint = f"The archive ships INbreast.xls: save it as {TABLE} (comma- or semicolon-separated)."
            raise SourceError(f"{TABLE} is missing", where=self.folder, hint=hint)
        files = {path.name.split("_")[0]: path for path in sorted((self.folder / "AllDICOMs").glob("*.dcm"))}
        for row in read_table(self.folder / TABLE, required=COLUMNS):
            number = row["file name"].removesuffix(".0")
            if not number.isdigit():
                continue  # the table ends with remarks
            path = files.get(number, self.folder / "AllDICOMs" / number)
            try:
                yield self._record(path, number, row)
            except SourceError as error:
                yield Skipped(path, error.message)

    def read(self, record: Record) -> Picture:
        """The image, with the masks of its outlines.

        Raises:
            SourceError: The file is damaged.
        """
        image, bits, notes = read_dicom_pixels(record.path)
        found = locate(record.annotations, (image.shape[0], image.shape[1]))
        return Picture(image, bits, *found, record.spacing_mm, notes)

    def _record(self, path: Path, number: str, row: TableRow) -> Record:
        if not path.is_file():
            raise SourceError(f"listed in {TABLE} line {row.line}, but the file is missing", where=path)
        header = head.open_dicom(path, with_pixels=False)
        if reason := head.refusal(header):
            raise SourceError(reason, where=path)
        words = path.stem.split("_")
        return Record(
            path,
            key=key_of(number),
            patient=words[1] if len(words) > 1 else number,
            # File names write ML for the oblique view that the table calls MLO.
            view=view_of(row["view"]) or view_of("MLO" if "ML" in words else ""),
            laterality=laterality_of(row["laterality"]) or head.laterality(header),
            label=assessment_label(row["bi-rads"]),
            density=density_of(row["acr"]),
            annotations=outlines(self.folder / "AllXML" / f"{number}.xml", row["bi-rads"]),
            spacing_mm=head.spacing_mm(header)[0],
            provenance={"birads": row["bi-rads"], **header_facts(header)},
        )


def outlines(path: Path, birads: str = "") -> tuple[Annotation, ...]:
    """The outlined lesions of a property list; none where the file is absent.

    Args:
        path: A file of `AllXML`.
        birads: Assessment of the image; 6 makes its lesions proven malignant.

    Raises:
        SourceError: The file is not a property list of outlines.
    """
    if not path.is_file():
        return ()
    try:
        with path.open("rb") as file:
            images = plistlib.load(file)["Images"]
        regions = [region for image in images for region in image["ROIs"]]
        found = [(str(region.get("Name", "")).lower(), _points(region)) for region in regions]
    except (OSError, ExpatError, plistlib.InvalidFileException, KeyError, TypeError, ValueError) as error:
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
