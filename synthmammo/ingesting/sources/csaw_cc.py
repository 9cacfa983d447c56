"""CSAW-CC: 98,788 screening images of 8,723 women of one Swedish region, with masks of cancers (Strand 2022).

Layout: `CSAW-CC_breast_cancer_screening_data.csv` (anon_patientid, exam_year, x_case, x_cancer_laterality, x_type,
x_lymphnode_met, rad_timing, rad_recall, imagelaterality, viewposition, libra_percentdensity, anon_filename, ...; one
row per image), DICOM files of the names in it (`00045_20990909_L_CC_1.dcm`) in any folder, and masks beside them or in
another folder (`00045_20990909_L_CC_1_mask.png`). Names and columns are those that public readers of the archive use.

The archive's own description of its variables comes with the data (https://doi.org/10.5878/45vm-t798) and was not at
hand. Public analyses of its table take rad_timing as the time from an examination to the cancer: 1 found by it (within
60 days), 2 an interval cancer (60 to 729 days later), 3 later still; by their counts the examinations of every woman
with a cancer have 3, and at most the last one 1 or 2. What follows from it here is cautious: 1 alone is "malignant".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.archive_files import paths_below
from synthmammo.ingesting.sources.base import Annotation, Picture, Record, Skipped, key_of
from synthmammo.ingesting.sources.dicom_archive import DicomArchive, facts_beside, open_listed
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.ingesting.sources.lesions import locate
from synthmammo.ingesting.sources.rasters import read_raster
from synthmammo.ingesting.sources.tables import TableRow, find_table, read_table
from synthmammo.ingesting.sources.terms import laterality_of, view_of, words
from synthmammo.mammogram.geometry import resize_mask
from synthmammo.mammogram.sample import Kind, Laterality, Mask, Pathology

TABLE = "CSAW-CC_breast_cancer_screening_data"
COLUMNS = ("anon_patientid", "anon_filename", "x_case", "x_cancer_laterality", "imagelaterality", "viewposition")
SCREEN_DETECTED = "1"
"""rad_timing of an examination after which the cancer was found within 60 days; 2 is an interval cancer, 3 a later
one."""


class CsawCc(DicomArchive):
    """Reads CSAW-CC; every connected piece of a mask is a lesion.

    An image of the breast with the cancer is malignant where it has a mask, or where the cancer was found by this
    examination; earlier images of that breast, and all of the woman's other breast, are "unknown". Women without a
    cancer are normal. Composition is measured by LIBRA, not assessed, so there is no BI-RADS density: the percentage
    is kept as `percent_density`.

    Args:
        path: Folder with the table, the images and the masks.

    Raises:
        SourceError: The folder is missing.
    """

    licence = "other (CSAW-CC: on application to Karolinska Institutet through the Swedish National Data Service)"
    citation = (
        "Strand, F. (2022). CSAW-CC (mammography): a dataset for AI research to improve screening, diagnostics and "
        "prognostics of breast cancer. Karolinska Institutet, Swedish National Data Service. "
        "https://doi.org/10.5878/45vm-t798; Dembrower, K., Lindholm, P., & Strand, F. (2020). A multi-million "
        "mammography image dataset and population-based screening cohort for the training and evaluation of deep "
        "neural networks: the Cohort of Screen-Aged Women (CSAW). Journal of Digital Imaging 33, 408-413."
    )
    vocabulary = {
        "class": words("x_case", {"0": "normal"})
        | words("rad_timing", {"1": "malignant", "2": "unknown", "3": "unknown"}),
        "pathology": words("x_case", {"1": Pathology.MALIGNANT}),
        "view": words("viewposition", {"CC": "CC", "MLO": "MLO"}),
        "side": words("imagelaterality", {"Left": "L", "Right": "R"}),
        "kind": words("mask", {"present": Kind.OTHER}),
    }

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per row of the table, in its order.

        Raises:
            SourceError: There is no table, or it cannot be read.
        """
        rows = read_table(find_table(self.folder, TABLE, "CSAW-CC"), required=COLUMNS)
        files = {path.name: path for path in paths_below(self.folder, (".dcm", ".png"))}
        for row in rows:
            name = row["anon_filename"]
            path = files.get(name if name.lower().endswith(".dcm") else f"{name}.dcm", self.folder / name)
            try:
                yield self._record(path, row, files)
            except SourceError as error:
                yield Skipped(path, error.message)

    def read(self, record: Record) -> Picture:
        """The image, with the pieces of its mask.

        Raises:
            SourceError: The image or its mask is damaged.
        """
        image, bits, notes = read_dicom_pixels(record.path, accepted=self.accepted)
        shape = (image.shape[0], image.shape[1])
        annotations, masks = record.annotations, {}
        for annotation in record.annotations:
            for path in annotation.mask_files:
                mask = np.asarray(read_raster(path)[0] > 0)
                if mask.shape != shape:
                    notes["mask_resized"] = True
                    mask = resize_mask(mask, shape)
                pieces = _pieces(mask)
                annotations = tuple(replace(annotation, mask_files=()) for _ in pieces) or record.annotations
                masks = dict(enumerate(pieces))
        return Picture(image, bits, *locate(annotations, shape, masks), record.spacing_mm, notes)

    def _record(self, path: Path, row: TableRow, files: dict[str, Path]) -> Record:
        header = open_listed(path, f"{row.path.name} line {row.line}", self.accepted)
        side = laterality_of(row["imagelaterality"])
        if side is None:
            found = row["imagelaterality"]
            raise SourceError(f"{row.where('imagelaterality')}: '{found}' is not understood", where=path)
        mask = files.get(f"{path.stem}_mask.png")
        pathology = _pathology(row, side, mask)
        annotation = Annotation(Kind.OTHER, Pathology.MALIGNANT, mask_files=(mask,) if mask else ())
        return Record(
            path,
            key=key_of(path.stem),
            patient=row["anon_patientid"],
            view=view_of(row["viewposition"]),
            laterality=side,
            label=pathology,
            annotations=(annotation,) if mask or pathology == "malignant" else (),
            spacing_mm=head.spacing_mm(header)[0],
            provenance=_facts(row) | facts_beside(header, side),
        )


def _pieces(mask: Mask) -> list[Mask]:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    return [np.asarray(labels == number) for number in range(1, count + 1)]


def _pathology(row: TableRow, side: Laterality, mask: Path | None) -> str:
    """Class of an image.

    Raises:
        SourceError: The row does not say whether the woman had a cancer.
    """
    case = row.flag("x_case")
    if case is None:
        raise SourceError(f"{row.where('x_case')}: it is empty", where=row.path)
    if mask is not None:
        return "malignant"
    if not case:
        return "normal"
    found = laterality_of(row["x_cancer_laterality"]) is side and row["rad_timing"][:1] == SCREEN_DETECTED
    return "malignant" if found else "unknown"


def _facts(row: TableRow) -> dict[str, Any]:
    facts = {
        "exam_year": row["exam_year"],
        "rad_timing": row["rad_timing"].removesuffix(".0"),
        "x_type": row["x_type"].removesuffix(".0"),
        "percent_density": row.number("libra_percentdensity"),
    }
    return {name: value for name, value in facts.items() if value not in ("", None)}
