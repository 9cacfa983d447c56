"""The Chinese Mammography Database, CMMD: 1,775 patients with a biopsy of every listed breast (Cui et al. 2021).

Layout: `CMMD_clinicaldata_revision.xlsx` of The Cancer Imaging Archive, or the same as CSV (ID1, LeftRight, Age,
number, abnormality, classification, subtype: one row per breast), and the DICOM tree in any shape, since files are
found by the PatientID in their headers (`D1-0001`). The projection is in ViewCodeSequence. Columns and values as
public readers of the collection use them (BiomedSciAI/fuse-med-ml, examples/fuse_examples/imaging/classification/cmmd).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.base import Annotation, Record, Skipped, key_of, worst_label
from synthmammo.ingesting.sources.dicom_archive import DicomArchive, facts_beside, open_listed
from synthmammo.ingesting.sources.dicom_files import dicom_files
from synthmammo.ingesting.sources.tables import TableRow, find_table, read_table
from synthmammo.ingesting.sources.terms import laterality_of, words
from synthmammo.mammogram.sample import Kind, Laterality, Pathology

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TABLE = "CMMD_clinicaldata_revision"
COLUMNS = ("id1", "leftright", "abnormality", "classification")
KINDS = {
    "mass": (Kind.MASS,),
    "calcification": (Kind.CALCIFICATION,),
    "both": (Kind.MASS, Kind.CALCIFICATION),
}
PATHOLOGIES = {"benign": Pathology.BENIGN, "malignant": Pathology.MALIGNANT}


class Cmmd(DicomArchive):
    """Reads CMMD; no lesion has a place.

    A row of the table holds for all views of its breast. The other breast of a patient, of which the table says
    nothing, is "unknown". "both" is a mass and a calcification.

    Args:
        path: Folder with the table and the DICOM files.

    Raises:
        SourceError: The folder is missing.
    """

    licence = "CC-BY-4.0"
    citation = (
        "Cui, C., Li, L., Cai, H., Fan, Z., Zhang, L., Dan, T., Li, J., & Wang, J. (2021). The Chinese Mammography "
        "Database (CMMD): An online mammography database with biopsy confirmed types for machine diagnosis of breast. "
        "The Cancer Imaging Archive. https://doi.org/10.7937/tcia.eqde-4b16"
    )
    vocabulary = {
        "class": words("classification", {"Benign": "benign", "Malignant": "malignant"}),
        "pathology": words("classification", {"Benign": Pathology.BENIGN, "Malignant": Pathology.MALIGNANT}),
        "view": words("ViewCodeSequence", {"399162004": "CC", "399368009": "MLO"}),
        "side": words("LeftRight", {"L": "L", "R": "R"}),
        "kind": words("abnormality", {word: kinds[0] for word, kinds in KINDS.items()}),
    }

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per DICOM file, sorted by path.

        Raises:
            SourceError: There is no table, it cannot be read, or there are no DICOM files.
        """
        table = find_table(self.folder, TABLE, "CMMD_clinicaldata")
        rows: dict[str, list[TableRow]] = {}
        for row in read_table(table, required=COLUMNS):
            rows.setdefault(row["id1"].upper(), []).append(row)
        found: set[str] = set()
        for path in dicom_files(self.folder).files:
            try:
                header = open_listed(path, table.name, self.accepted)
                found.add(head.text(header, "PatientID").upper())
                yield self._record(path, header, rows, table.name)
            except SourceError as error:
                yield Skipped(path, error.message)
        for patient in sorted(rows.keys() - found):
            yield Skipped(self.folder / patient, f"listed in {table.name}, but no DICOM file has this PatientID")

    def _record(self, path: Path, header: Dataset, rows: dict[str, list[TableRow]], table: str) -> Record:
        patient, side = head.text(header, "PatientID"), head.laterality(header)
        if patient.upper() not in rows:
            raise SourceError(f"its PatientID '{patient}' is not listed in {table}", where=path)
        annotations = tuple(_annotations(rows[patient.upper()], side))
        return Record(
            path,
            key=key_of(patient, side, head.view_name(header), path.stem),
            patient=patient,
            view=head.view(header),
            laterality=side,
            label=worst_label(annotations) if annotations else "unknown",
            annotations=annotations,
            spacing_mm=head.spacing_mm(header)[0],
            provenance=facts_beside(header, side),
        )


def _annotations(rows: list[TableRow], side: Laterality | None) -> Iterator[Annotation]:
    """The lesions that the table gives for a breast.

    Raises:
        SourceError: A word of the table is not understood.
    """
    for row in rows:
        if side is None or laterality_of(row["leftright"]) is not side:
            continue
        kinds = KINDS.get(row["abnormality"].lower())
        pathology = PATHOLOGIES.get(row["classification"].lower())
        if kinds is None or pathology is None:
            column = "abnormality" if kinds is None else "classification"
            raise SourceError(f"{row.where(column)}: '{row[column]}' is not understood", where=row.path)
        descriptors = {"subtype": row["subtype"]} if row["subtype"] else {}
        yield from (Annotation(kind, pathology, descriptors) for kind in kinds)
