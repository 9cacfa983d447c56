"""RSNA Screening Mammography Breast Cancer Detection, 2022: 54,706 screening images of two sites (Carr et al. 2022).

Layout: `train.csv` (site_id, patient_id, image_id, laterality, view, age, cancer, biopsy, invasive, BIRADS, implant,
density, machine_id, difficult_negative_case) and `train_images/PATIENT_ID/IMAGE_ID.dcm`, or `images/`; as the page
"Dataset Description" of https://kaggle.com/competitions/rsna-breast-cancer-detection says. The test images have no
labels and are not read, so the archive has no split of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.ages import age_band
from synthmammo.ingesting.sources.archive_files import is_folder
from synthmammo.ingesting.sources.base import Annotation, Record, Skipped, key_of
from synthmammo.ingesting.sources.dicom_archive import DicomArchive, facts_beside, open_listed
from synthmammo.ingesting.sources.paths import below
from synthmammo.ingesting.sources.tables import TableRow, read_table
from synthmammo.ingesting.sources.terms import NONE, birads_of, density_of, laterality_of, view_of, words
from synthmammo.mammogram.sample import Kind, Pathology

TABLE = "train.csv"
FOLDERS = ("train_images", "images", ".")
COLUMNS = ("patient_id", "image_id", "laterality", "view", "cancer", "biopsy")


class Rsna2022(DicomArchive):
    """Reads RSNA 2022; no lesion has a place.

    A breast with cancer is malignant, one that had a biopsy without cancer benign, any other normal: no cancer was
    found and none suspected strongly enough. That holds for the breast, not for each of its views. The assessment of
    the examination (0, 1 or 2, of one site) is kept as `birads`. Cancers and biopsied lesions are findings without a
    place, so that no normal patch is cut from these images.

    Args:
        path: Folder with `train.csv` and the images.

    Raises:
        SourceError: The folder is missing.
    """

    licence = "other (RSNA 2022 on Kaggle: competition rules, non-commercial use, no redistribution)"
    citation = (
        "Carr, C., Kitamura, F., Partridge, G., Kalpathy-Cramer, J., Mongan, J., Andriole, K., Lavender, Vazirabad, "
        "M., Riopel, M., Ball, R., Dane, S., & Chen, Y. (2022). RSNA Screening Mammography Breast Cancer Detection. "
        "Kaggle. https://kaggle.com/competitions/rsna-breast-cancer-detection"
    )
    vocabulary = {
        "class": words("cancer", {"1": "malignant", "0": "normal"}) | words("biopsy", {"1": "benign"}),
        "pathology": words("cancer", {"1": Pathology.MALIGNANT}) | words("biopsy", {"1": Pathology.BENIGN}),
        "birads": words("BIRADS", {"0": "0", "1": "1", "2": "2"}),
        "density": words("density", {letter.upper(): letter for letter in "abcd"}),
        "view": words("view", {"CC": "CC", "MLO": "MLO", "ML": NONE, "LM": NONE, "AT": NONE, "LMO": NONE}),
        "side": words("laterality", {"L": "L", "R": "R"}),
        "kind": words("cancer", {"1": Kind.OTHER}),
    }

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per image of the table, in its order.

        Raises:
            SourceError: The table is missing or lacks a column.
        """
        rows = read_table(self.folder / TABLE, required=COLUMNS)
        images = next((folder for name in FOLDERS if is_folder(folder := self.folder / name)), self.folder)
        for row in rows:
            path = images / row["patient_id"] / f"{row['image_id']}.dcm"
            try:
                yield self._record(below(images, row["patient_id"], f"{row['image_id']}.dcm"), row)
            except SourceError as error:
                yield Skipped(path, error.message)

    def _record(self, path: Path, row: TableRow) -> Record:
        header = open_listed(path, f"{TABLE} line {row.line}", self.accepted)
        side = laterality_of(row["laterality"])
        pathology = _pathology(row)
        label = "normal" if pathology is None else str(pathology)
        return Record(
            path,
            key=key_of(row["patient_id"], row["image_id"]),
            patient=row["patient_id"],
            view=view_of(row["view"]),
            laterality=side or head.laterality(header),
            label=label,
            density=density_of(row["density"]),
            annotations=() if pathology is None else (Annotation(Kind.OTHER, pathology, _descriptors(row)),),
            spacing_mm=head.spacing_mm(header)[0],
            provenance=_facts(row) | facts_beside(header, side),
        )


def _pathology(row: TableRow) -> Pathology | None:
    cancer = row.flag("cancer")
    if cancer is None:
        raise SourceError(f"{row.where('cancer')}: it is empty", where=row.path)
    if cancer:
        return Pathology.MALIGNANT
    return Pathology.BENIGN if row.flag("biopsy") else None


def _descriptors(row: TableRow) -> dict[str, str]:
    invasive = row.flag("invasive")
    return {} if invasive is None or not row.flag("cancer") else {"invasive": "yes" if invasive else "no"}


def _facts(row: TableRow) -> dict[str, Any]:
    facts = {
        "birads": birads_of(row["birads"]),
        "projection": row["view"] if view_of(row["view"]) is None else None,
        "implant": row.flag("implant"),
        "site": row["site_id"],
        "age": age_band(row.number("age")),
        "difficult_negative": row.flag("difficult_negative_case") or None,
    }
    return {name: value for name, value in facts.items() if value not in ("", None)}
