"""CBIS-DDSM: digitised films with masses and calcifications, and the mask of every lesion (Lee et al. 2017).

Two layouts are read. The collection as The Cancer Imaging Archive publishes it: the description tables
(`mass_case_description_train_set.csv` and three more, in the folder or one below it) and the DICOM tree in any shape,
because files are found by the PatientID in their headers (`Mass-Training_P_00001_LEFT_CC` for a film, with `_1` at
the end for the crop and the mask of its first lesion); paths in the tables do not match the tree that downloads give.
And a folder of patches with `manifest.csv` (file, split, patient, label, side, view, density, shape, margins, ...).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources import dicom_header as head
from synthmammo.ingesting.sources.archive_files import is_there, open_archive, paths_below
from synthmammo.ingesting.sources.base import Picture, Record, Skipped, key_of, worst_label
from synthmammo.ingesting.sources.cbis_terms import CITATION, LICENCE, VOCABULARY, annotation_of
from synthmammo.ingesting.sources.dicom_files import dicom_files
from synthmammo.ingesting.sources.dicom_pixels import decode_levels, read_dicom_pixels
from synthmammo.ingesting.sources.lesions import locate
from synthmammo.ingesting.sources.paths import below
from synthmammo.ingesting.sources.rasters import read_raster
from synthmammo.ingesting.sources.tables import TableRow, read_table
from synthmammo.ingesting.sources.terms import density_of, laterality_of, split_of, view_of, words
from synthmammo.mammogram.geometry import resize_mask
from synthmammo.mammogram.sample import Box, Kind, Mask

TABLES = "*_case_description_*_set.csv"
PATCHES = "manifest.csv"
COLUMNS = ("patient_id", "left or right breast", "image view", "abnormality id", "pathology", "image file path")
PATCH_COLUMNS = ("file", "split", "patient", "label", "side", "view")


class CbisDdsm:
    """Reads CBIS-DDSM.

    A film's lesions are instance labels from the ROI masks. Mask and crop lie in one series in either order: the mask
    is the file with two grey values. A mask of another size than its film is resized. The official split was drawn
    for masses and calcifications apart, so a few patients are in both halves. Patches have no mask: a finding's box
    is the whole patch, with the descriptor `extent: unknown`. No pixel spacing is published with the images.

    Args:
        path: Folder of the collection, or of the patches.

    Raises:
        SourceError: The folder is missing.
    """

    licence = LICENCE
    citation = CITATION
    vocabulary = {
        **VOCABULARY,
        "density": words("breast_density", dict(zip("1234", "abcd", strict=True))),
        "view": words("image view", {"CC": "CC", "MLO": "MLO"}),
        "side": words("left or right breast", {"LEFT": "L", "RIGHT": "R"}),
        "kind": words("abnormality type", {"mass": Kind.MASS, "calcification": Kind.CALCIFICATION})
        | words(
            "mass shape", {"ARCHITECTURAL_DISTORTION": Kind.DISTORTION, "ASYMMETRIC_BREAST_TISSUE": Kind.ASYMMETRY}
        ),
    }

    def __init__(self, path: str | Path) -> None:
        self.folder = open_archive(path)
        self.notes: list[str] = []

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per film or patch, sorted.

        Raises:
            SourceError: There are no tables, or one cannot be read.
        """
        tables = [path for path in paths_below(self.folder, (".csv",), 2) if path.match(TABLES)]
        if tables:
            yield from self._films(tables)
        elif is_there(self.folder / PATCHES):
            yield from self._patches(read_table(self.folder / PATCHES, required=PATCH_COLUMNS))
        else:
            hint = "Expected mass_case_description_train_set.csv and its three sisters, or manifest.csv of a patch set."
            raise SourceError("no description tables in this folder", where=self.folder, hint=hint)

    def read(self, record: Record) -> Picture:
        """The film with its lesion masks, or the patch.

        Raises:
            SourceError: The file is damaged.
        """
        if record.is_patch:
            image, bits = read_raster(record.path)
            shape = (image.shape[0], image.shape[1])
            whole = tuple(replace(annotation, box=Box(0, 0, *shape)) for annotation in record.annotations)
            return Picture(image, bits, *locate(whole, shape))
        image, bits, notes = read_dicom_pixels(record.path)
        shape = (image.shape[0], image.shape[1])
        masks: dict[int, Mask] = {}
        for number, annotation in enumerate(record.annotations):
            mask = _lesion_mask(annotation.mask_files)
            if mask is None:
                notes.setdefault("masks_missing", []).append(number + 1)
                continue
            if mask.shape != shape:
                notes.setdefault("masks_resized", []).append(number + 1)
            masks[number] = resize_mask(mask, shape)
        return Picture(image, bits, *locate(record.annotations, shape, masks), notes=notes)

    def _films(self, tables: list[Path]) -> Iterator[Record | Skipped]:
        files = self._files_by_id()
        rows = sorted(
            ((_film_id(table, row), row) for table in tables for row in read_table(table, COLUMNS)), key=_order
        )
        for film, group in groupby(rows, key=lambda pair: pair[0]):
            if film not in files:
                table = next(group)[1].path.name
                yield Skipped(Path(film), f"listed in {table}, but its DICOM file is missing")
            else:
                yield self._film(film, [row for _, row in group], files)
        listed = {film for film, _ in rows}
        for identifier, paths in files.items():
            match = head.CBIS_ID.fullmatch(identifier)
            if match and match[6] is None and identifier not in listed:
                yield Skipped(paths[0], "not listed in the description tables")

    def _files_by_id(self) -> dict[str, list[Path]]:
        files: dict[str, list[Path]] = {}
        for path in dicom_files(self.folder).files:
            try:
                identifier = head.text(head.open_dicom(path, with_pixels=False), "PatientID")
            except SourceError:
                continue  # damaged: its film or lesion is then reported as missing
            files.setdefault(identifier, []).append(path)
        return files

    def _film(self, film: str, rows: list[TableRow], files: dict[str, list[Path]]) -> Record:
        first = rows[0]
        annotations = tuple(annotation_of(row, tuple(files.get(f"{film}_{row['abnormality id']}", ()))) for row in rows)
        return Record(
            files[film][0],
            key=key_of(film),
            patient=first["patient_id"],
            view=view_of(first["image view"]),
            laterality=laterality_of(first["left or right breast"]),
            split="test" if "-Test_" in film else "train",
            label=worst_label(annotations),
            density=density_of(first["breast_density"] or first["breast density"]),
            annotations=annotations,
            provenance={"film": film},
        )

    def _patches(self, rows: list[TableRow]) -> Iterator[Record | Skipped]:
        for row in sorted(rows, key=lambda row: row["file"]):
            path = self.folder / row["file"]
            try:
                reason = "" if is_there(below(self.folder, row["file"])) else "there is no such image"
            except SourceError as error:
                reason = error.message
            if reason:
                yield Skipped(path, f"{PATCHES} line {row.line}: {reason}")
                continue
            annotation = annotation_of(row)
            yield Record(
                path,
                key=key_of(Path(row["file"]).stem),
                patient=row["patient"],
                view=view_of(row["view"]),
                laterality=laterality_of(row["side"]),
                split=split_of(row["split"]),
                label=row["label"],
                density=density_of(row["density"]),
                annotations=(replace(annotation, descriptors=annotation.descriptors | {"extent": "unknown"}),),
                is_patch=True,
                provenance={"file": row["file"]},
            )


def _film_id(table: Path, row: TableRow) -> str:
    kind = "Calc" if table.name.lower().startswith("calc") else "Mass"
    half = "Test" if "_test_" in table.name.lower() else "Training"
    return f"{kind}-{half}_{row['patient_id']}_{row['left or right breast']}_{row['image view']}"


def _order(pair: tuple[str, TableRow]) -> tuple[str, float]:
    return pair[0], pair[1].number("abnormality id") or 0


def _lesion_mask(files: tuple[Path, ...]) -> Mask | None:
    found: list[Mask] = []
    for path in files:
        pixels = decode_levels(head.open_dicom(path, with_pixels=True), path)
        low, high = pixels.min(), pixels.max()
        if low < high and ((pixels == low) | (pixels == high)).all():
            found.append(np.asarray(pixels == high))
    return max(found, key=lambda mask: mask.size, default=None)
