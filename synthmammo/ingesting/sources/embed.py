"""EMBED, the open data of the Emory Breast Imaging Dataset: 480,323 images of 22,382 patients (Jeong et al. 2023).

Layout: `tables/EMBED_OpenData_metadata.csv` (one row per file: empi_anon, acc_anon, anon_dicom_path, FinalImageType,
ImageLateralityFinal, ViewPosition, spot_mag, ROI_coords, ...) and `tables/EMBED_OpenData_clinical.csv` (one row per
finding: asses, tissueden, side, path_severity, bside, massshape, ...), or the `_reduced` tables, and the images at
`images/cohort_N/PATIENT/STUDY/SERIES/IMAGE.dcm`. Columns, codes and how the tables are joined (by examination and
side) are those of https://github.com/Emory-HITI/EMBED_Open_Data (README.md, Sample_Notebook.ipynb and
references/AWS_Open_Data_Clinical_Legend.csv).

Regions were found on mirrored copies of some images, and the table does not say which (issue 9 there): each is tested
against the breast on the image, see `orientation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, floor
from pathlib import Path
from typing import Any

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.ages import age_band
from synthmammo.ingesting.sources.archive_files import is_there
from synthmammo.ingesting.sources.base import Annotation, Picture, Record, Skipped, choice, key_of
from synthmammo.ingesting.sources.dicom_archive import DicomArchive, facts_beside, open_listed
from synthmammo.ingesting.sources.dicom_pixels import read_dicom_pixels
from synthmammo.ingesting.sources.embed_terms import (
    ASSESSMENTS,
    KINDS,
    SEVERITIES,
    exam_class,
    findings_of,
)
from synthmammo.ingesting.sources.lesions import in_common, locate
from synthmammo.ingesting.sources.orientation import on_the_breast
from synthmammo.ingesting.sources.paths import below
from synthmammo.ingesting.sources.tables import TableRow, find_table, read_table, stream_table
from synthmammo.ingesting.sources.terms import NONE, assessment_label, density_of, laterality_of, view_of, words
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.sample import Box, Kind, Laterality

METADATA, CLINICAL = "EMBED_OpenData_metadata", "EMBED_OpenData_clinical"
COLUMNS = ("empi_anon", "acc_anon", "anon_dicom_path", "imagelateralityfinal", "viewposition")
MORE_COLUMNS = ("finalimagetype", "spot_mag", "roi_coords", "dcm_roi_coords", "cohort_num")
CLINICAL_COLUMNS = ("acc_anon", "asses", "tissueden", "side")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_COHORT = re.compile(r"cohort_?\d+", re.IGNORECASE)


class Embed(DicomArchive):
    """Reads EMBED. A pathology that was reported for a finding comes before the assessment of its examination.

    Findings are those that the examination describes for the breast. Where a view has regions, these are its findings,
    with only what all findings of the breast share, because the tables do not say which region is which finding;
    otherwise the findings have no place. A breast without a row in an examination of both breasts is normal.

    Args:
        path: Folder with `tables` and `images`.
        images: Images that are read: "2D", the default, the full-field views; "cview" the synthetic views that were
            computed from tomosynthesis; "all" both.
        frames: Treatment of multi-frame objects, see `DicomArchive`.

    Raises:
        SourceError: The folder is missing, or the setting is not known.
    """

    licence = (
        "other (EMBED Research Use Agreement: on registration, personal non-commercial research only; no part may be "
        "passed on, and no model made from it released, without Emory's permission)"
    )
    citation = (
        "Jeong, J. J., Vey, B. L., Bhimireddy, A., et al. (2023). The EMory BrEast imaging Dataset (EMBED): A racially "
        "diverse, granular dataset of 3.4 million screening and diagnostic mammographic images. Radiology: Artificial "
        "Intelligence 5(1), e220047. https://doi.org/10.1148/ryai.220047"
    )
    vocabulary = {
        "class": words("asses", {code: assessment_label(category) for code, category in ASSESSMENTS.items()})
        | words("path_severity", SEVERITIES),
        "pathology": words("path_severity", SEVERITIES),
        "birads": words("asses", ASSESSMENTS),
        "density": words("tissueden", {"1": "a", "2": "b", "3": "c", "4": "d", "5": NONE}),
        "view": words("ViewPosition", {"CC": "CC", "MLO": "MLO", "ML": NONE, "XCCL": NONE}),
        "side": words("ImageLateralityFinal", {"L": "L", "R": "R"}),
        "kind": words("massshape", KINDS) | words("calcfind", {"A": "calcification"}),
    }

    def __init__(self, path: str | Path, *, images: str = "2D", frames: str | int = "refuse") -> None:
        super().__init__(path, frames=frames)
        self._images = choice(path, "images", images, ("2D", "cview", "all"))

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per file of the metadata, in its order.

        Raises:
            SourceError: A table is missing or lacks a column.
        """
        metadata = find_table(self.folder, METADATA + "_reduced", METADATA)
        exams: dict[str, list[TableRow]] = {}
        for row in read_table(find_table(self.folder, CLINICAL + "_reduced", CLINICAL), required=CLINICAL_COLUMNS):
            exams.setdefault(_identifier(row["acc_anon"]), []).append(row)
        for row in stream_table(metadata, COLUMNS, MORE_COLUMNS):
            path = Path(row["anon_dicom_path"])
            try:
                yield self._record(self._file(row), row, exams.get(_identifier(row["acc_anon"]), []))
            except SourceError as error:
                yield Skipped(path, error.message)

    def read(self, record: Record) -> Picture:
        """The image, with its regions on the side of the breast.

        Raises:
            SourceError: The file is damaged.
        """
        image, bits, notes = read_dicom_pixels(record.path, accepted=self.accepted)
        shape, breast, annotations = (image.shape[0], image.shape[1]), None, record.annotations
        boxes = [annotation.box for annotation in annotations if annotation.box is not None]
        if boxes:
            breast = breast_mask(image, bits)
            sided = on_the_breast(boxes, breast)
            annotations = tuple(replace(lesion, box=box) for lesion, box in zip(annotations, sided.boxes, strict=True))
            notes |= {"rois_mirrored": list(sided.mirrored)} if sided.mirrored else {}
            notes |= {"rois_in_doubt": list(sided.doubtful)} if sided.doubtful else {}
        return Picture(image, bits, *locate(annotations, shape), record.spacing_mm, notes, breast)

    def _file(self, row: TableRow) -> Path:
        """Where a file lies here: the table has the path of the archive's own machine."""
        parts = Path(row["anon_dicom_path"].replace("\\", "/")).parts
        start = next((i for i, part in enumerate(parts) if _COHORT.fullmatch(part)), None)
        if start is None:
            raise SourceError(f"{row.where('anon_dicom_path')}: expected a folder cohort_N in the path", where=row.path)
        tail = "/".join(parts[start:])
        paths = [below(folder, tail) for folder in (self.folder / "images", self.folder)]
        return next((path for path in paths if is_there(path)), paths[0])

    def _record(self, path: Path, row: TableRow, exam: list[TableRow]) -> Record:
        if reason := self._refusal(row["finalimagetype"].lower()):
            raise SourceError(reason, where=path)
        header = open_listed(path, f"{row.path.name} line {row.line}", self.accepted)
        side = laterality_of(row["imagelateralityfinal"])
        rows = [found for found in exam if side is None or laterality_of(found["side"]) in (side, None)]
        return Record(
            path,
            key=key_of(row["empi_anon"], side, row["viewposition"], path.stem[-12:]),
            patient=_identifier(row["empi_anon"]),
            view=view_of(row["viewposition"]),
            laterality=side or head.laterality(header),
            label=exam_class(rows, exam, side),
            density=next((density for found in exam if (density := density_of(found["tissueden"]))), None),
            annotations=_annotations(row, rows, side),
            spacing_mm=head.spacing_mm(header)[0],
            provenance=_facts(row, rows) | facts_beside(header, side),
        )

    def _refusal(self, kind: str) -> str | None:
        kind = "cview" if kind in ("cview", "c-view") else kind
        if kind not in ("", "2d", "cview"):
            return f"FinalImageType is '{kind}', expected 2D or cview"
        wanted = self._images.lower()
        return None if not kind or wanted in ("all", kind) else f"FinalImageType is '{kind}', and images is {wanted}"


def _identifier(text: str) -> str:
    return text.removesuffix(".0")


def _annotations(row: TableRow, rows: Sequence[TableRow], side: Laterality | None) -> tuple[Annotation, ...]:
    findings = findings_of(rows, side)
    boxes = _regions(row)
    if not boxes:
        return findings
    shared = in_common(findings) if findings else Annotation(Kind.OTHER)
    return tuple(replace(shared, box=box) for box in boxes)


def _regions(row: TableRow) -> tuple[Box, ...]:
    """The regions of an image, "((ymin, xmin, ymax, xmax), ...)" in brackets of any kind.

    Raises:
        SourceError: The numbers are not corners of boxes.
    """
    column = "dcm_roi_coords" if row["dcm_roi_coords"] else "roi_coords"
    numbers = [float(number) for number in _NUMBER.findall(row[column])]
    corners = [numbers[i : i + 4] for i in range(0, len(numbers), 4)]
    if any(len(four) < 4 or not (four[0] <= four[2] and four[1] <= four[3]) for four in corners):
        message = f"{row.where(column)}: '{row[column][:60]}' is not a list of [ymin, xmin, ymax, xmax]"
        raise SourceError(message, where=row.path)
    return tuple(Box(floor(top), floor(left), ceil(bottom), ceil(right)) for top, left, bottom, right in corners)


def _facts(row: TableRow, rows: Sequence[TableRow]) -> dict[str, Any]:
    categories = [ASSESSMENTS[found["asses"].upper()] for found in rows if found["asses"].upper() in ASSESSMENTS]
    facts = {
        "birads": max(categories, default=None),
        "projection": row["viewposition"] if view_of(row["viewposition"]) is None else None,
        "computed_from_tomosynthesis": row["finalimagetype"].lower() in ("cview", "c-view") or None,
        "special_view": row["spot_mag"].removesuffix(".0") == "1" or None,
        "cohort": row["cohort_num"].removesuffix(".0"),
        "age": age_band(row.number("age_at_study")),
    }
    return {name: value for name, value in facts.items() if value not in ("", None)}
