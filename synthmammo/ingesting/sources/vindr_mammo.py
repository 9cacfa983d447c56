"""VinDr-Mammo: 5,000 screening exams with BI-RADS assessments and boxes (Nguyen et al. 2023, Scientific Data 10, 277).

Layout: `breast-level_annotations.csv` (study_id, series_id, image_id, laterality, view_position, height, width,
breast_birads, breast_density, split), `finding_annotations.csv` (the same, with finding_categories, finding_birads,
xmin, ymin, xmax, ymax), and `images/STUDY_ID/IMAGE_ID.dicom`. An exam is a patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil, floor
from pathlib import Path

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.base import Annotation, Record, Skipped, key_of
from synthmammo.ingesting.sources.dicom_archive import DicomArchive, facts_beside, open_listed
from synthmammo.ingesting.sources.paths import below
from synthmammo.ingesting.sources.tables import TableRow, read_table
from synthmammo.ingesting.sources.terms import (
    BIRADS,
    NONE,
    assessment_label,
    birads_of,
    density_of,
    laterality_of,
    split_of,
    view_of,
    words,
)
from synthmammo.mammogram.sample import Box, Kind

IMAGE_TABLE = "breast-level_annotations.csv"
FINDING_TABLE = "finding_annotations.csv"
COLUMNS = ("study_id", "image_id", "laterality", "view_position", "breast_birads", "breast_density", "split")
FINDING_COLUMNS = ("image_id", "finding_categories", "finding_birads", "xmin", "ymin", "xmax", "ymax")
KINDS = {
    "mass": Kind.MASS,
    "suspicious calcification": Kind.CALCIFICATION,
    "architectural distortion": Kind.DISTORTION,
    "asymmetry": Kind.ASYMMETRY,
    "focal asymmetry": Kind.ASYMMETRY,
    "global asymmetry": Kind.ASYMMETRY,
}
OTHERS = {"Skin Thickening": Kind.OTHER, "No Finding": NONE}
"""Further categories of the table, of which many are of the kind "other"."""


_ASSESSED = tuple(f"BI-RADS {category}" for category in range(1, 6))


class VindrMammo(DicomArchive):
    """Reads VinDr-Mammo; labels are BI-RADS assessments, since no biopsies are published.

    A box of several categories gets the kind of the first of mass, calcification, distortion and asymmetry among them;
    all are kept as the descriptor `categories`.

    Args:
        path: Folder with the two tables and `images/`.

    Raises:
        SourceError: The folder is missing.
    """

    licence = "other (PhysioNet Restricted Health Data License 1.5.0)"
    citation = (
        "Nguyen, H. T., Nguyen, H. Q., Pham, H. H., et al. (2023). VinDr-Mammo: A large-scale benchmark dataset for "
        "computer-aided diagnosis in full-field digital mammography. Scientific Data 10, 277."
    )

    vocabulary = {
        "class": words("breast_birads", {word: assessment_label(word) for word in _ASSESSED}),
        "birads": words("breast_birads", dict(zip(_ASSESSED, BIRADS[1:5] + ("5",), strict=False))),
        "density": words("breast_density", {f"DENSITY {letter.upper()}": letter for letter in "abcd"}),
        "view": words("view_position", {"CC": "CC", "MLO": "MLO"}),
        "side": words("laterality", {"L": "L", "R": "R"}),
        "kind": words("finding_categories", {name.title(): kind for name, kind in KINDS.items()} | OTHERS),
    }

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per image of the breast-level table, in its order.

        Raises:
            SourceError: A table is missing or lacks a column.
        """
        findings: dict[str, list[TableRow]] = {}
        for row in read_table(self.folder / FINDING_TABLE, required=FINDING_COLUMNS):
            findings.setdefault(row["image_id"], []).append(row)
        for row in read_table(self.folder / IMAGE_TABLE, required=COLUMNS):
            path = self.folder / "images" / row["study_id"] / f"{row['image_id']}.dicom"
            try:
                below(self.folder, row["study_id"], row["image_id"])
                yield self._record(path, row, findings.get(row["image_id"], []))
            except SourceError as error:
                yield Skipped(path, error.message)

    def _record(self, path: Path, row: TableRow, findings: list[TableRow]) -> Record:
        header = open_listed(path, f"{IMAGE_TABLE} line {row.line}", self.accepted)
        side = laterality_of(row["laterality"])
        annotations = (_annotation(finding) for finding in findings)
        return Record(
            path,
            key=key_of(row["image_id"]),
            patient=row["study_id"],
            view=view_of(row["view_position"]),
            laterality=side,
            split=split_of(row["split"]),
            label=assessment_label(row["breast_birads"]),
            density=density_of(row["breast_density"]),
            annotations=tuple(annotation for annotation in annotations if annotation is not None),
            spacing_mm=head.spacing_mm(header)[0],
            provenance={"birads": birads_of(row["breast_birads"]), **facts_beside(header, side)},
        )


def _annotation(row: TableRow) -> Annotation | None:
    """The finding of a row; None for the rows that say there is none.

    Raises:
        SourceError: A coordinate is not a number.
    """
    edges = [row.number(column) for column in ("ymin", "xmin", "ymax", "xmax")]
    row0, col0, row1, col1 = edges
    if row0 is None or col0 is None or row1 is None or col1 is None:
        return None
    categories = [name.lower() for name in re.findall(r"['\"]([^'\"]+)['\"]", row["finding_categories"])]
    kind = next((KINDS[name] for name in KINDS if name in categories), Kind.OTHER)
    descriptors = {"categories": ", ".join(categories), "birads": birads_of(row["finding_birads"]) or ""}
    return Annotation(kind, descriptors=descriptors, box=Box(floor(row0), floor(col0), ceil(row1), ceil(col1)))
