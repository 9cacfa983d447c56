"""Whole views of CBIS-DDSM as a folder of JPEGs that were squeezed to 800 x 800 pixels, with boxes (Lee et al. 2017).

Layout: `manifest.csv` and `images/`. A row is a view: file, patient, side, view, split, density, the masses (JSON, a
list of {shape, margins, assessment, subtlety, pathology}), their boxes (JSON, a list of [x, y, width, height] in pixels
of the squeezed image), and rows, columns and micrometres per pixel of the film as it was scanned, where known.

The manifest does not say which box is which mass. Where a view lists several masses, a box keeps only what all of them
share (their common terms, pathology and kind) and all masses stay in the provenance. Their order is not to be relied
on: on two views of one breast (P_00419) it contradicts the published crops of the lesions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import is_there, open_archive, paths_below
from synthmammo.ingesting.sources.base import (
    Annotation,
    Picture,
    Record,
    Skipped,
    choice,
    key_of,
    number,
    worst_label,
)
from synthmammo.ingesting.sources.cbis_terms import CITATION, LICENCE, VOCABULARY, annotation_of
from synthmammo.ingesting.sources.film_breast import cut_breast
from synthmammo.ingesting.sources.films import Edges, Film, fit_factor
from synthmammo.ingesting.sources.lesions import in_common, locate
from synthmammo.ingesting.sources.rasters import JPEG, lossy_facts, read_raster
from synthmammo.ingesting.sources.tables import TableRow, read_table
from synthmammo.ingesting.sources.terms import density_of, laterality_of, split_of, view_of, words
from synthmammo.mammogram.anatomy import Side
from synthmammo.mammogram.sample import Kind, View

TABLE = "manifest.csv"
SIDE_PX = 800
"""Height and width of the squeezed images."""
MEDIAN_ASPECT = 1.74
"""Rows over columns of the films as they were scanned: the median of the 1,038 known ones."""
COLUMNS = (
    *("file", "patient", "side", "view", "split", "masses", "boxes_xywh"),
    *("native_rows", "native_columns", "native_um"),
)
ROUNDING_PX = 0.1
"""Boxes are published with one decimal, so that x + width may be this much beyond the image."""
UNKNOWN_SIZE = "the size of the film is not known (unknown_size=median_aspect keeps such views, without a spacing)"


@dataclass(frozen=True)
class Native:
    """A film as it was scanned: rows, columns, and micrometres per pixel."""

    rows: int
    columns: int
    um: float

    def shape_at(self, spacing_mm: float | None) -> tuple[int, int]:
        """(H, W) of the film at a spacing; None keeps the 800 rows."""
        if spacing_mm is None:
            return SIDE_PX, round(SIDE_PX * self.columns / self.rows)
        per_pixel = self.um / 1000 / spacing_mm
        return round(self.rows * per_pixel), round(self.columns * per_pixel)

    @property
    def squeezed_mm(self) -> float:
        """Height of a row of the squeezed image, in millimetres."""
        return self.rows * self.um / 1000 / SIDE_PX


@dataclass(frozen=True)
class ViewRecord(Record):
    """A view before its pixels are read.

    Attributes:
        native: The film as it was scanned; None where that is not known.
        boxes: Extents of the annotations, in their order, in pixels of the squeezed image.
    """

    native: Native | None = None
    boxes: tuple[Edges, ...] = ()


class CbisDdsmViews:
    """Reads the squeezed whole views of CBIS-DDSM at their true aspect.

    The pixel spacing is exact to half a pixel in the height of the film. "val" is validation. The mask of the breast
    is that of `film_breast`; a film without a clear breast is skipped.

    Args:
        path: Folder with `manifest.csv` and the images that it lists.
        spacing_mm: Pixel spacing to resample the films to, 0.05 to 5 mm; None, the default, keeps the 800 rows, each
            film with the spacing that these have (0.24 to 0.4 mm).
        breast_only: Whether everything beside the breast becomes 0 (labels, tape, scanner edges, air) and the film is
            cropped to the breast, its chest wall on the right; False by default.
        canvas_px: Side of a square canvas of 0, 16 to 4096 pixels, on which the film lies at the edge of its chest
            wall, a CC view in the middle, an MLO view at the top. A film that is too large is scaled down; its spacing
            then is coarser and its provenance has `scaled_to_fit`, the factor. None, the default, adds nothing.
        label: Classes of the images: "pathology", the default, makes them benign and malignant (the worst mass
            decides), "view" CC and MLO.
        unknown_size: Treatment of views whose film has no known size: "skip", the default, leaves them out;
            "median_aspect" keeps them with 1.74 times as many rows as columns and no spacing, which does not go with
            `spacing_mm`.

    Raises:
        SourceError: The folder is missing, or a setting makes no sense.
    """

    licence = LICENCE
    citation = CITATION
    vocabulary = {
        **VOCABULARY,
        "density": words("density", dict(zip("1234", "abcd", strict=True))),
        "view": words("view", {"CC": "CC", "MLO": "MLO"}),
        "side": words("side", {"LEFT": "L", "RIGHT": "R"}),
        "kind": words("shape", {"OVAL": Kind.MASS, "ARCHITECTURAL_DISTORTION": Kind.DISTORTION}),
    }

    def __init__(
        self,
        path: str | Path,
        *,
        spacing_mm: float | None = None,
        breast_only: bool = False,
        canvas_px: int | None = None,
        label: str = "pathology",
        unknown_size: str = "skip",
    ) -> None:
        self.folder = open_archive(path)
        self.notes: list[str] = []
        self._spacing_mm = number(path, "spacing_mm", spacing_mm, 0.05, 5.0)
        canvas = number(path, "canvas_px", canvas_px, 16, 4096, whole=True)
        self._canvas_px = None if canvas is None else int(canvas)
        if not isinstance(breast_only, bool):
            raise SourceError(f"breast_only: '{breast_only}' is not understood", where=path, hint="Known: true, false.")
        self._breast_only = breast_only
        self._label = choice(path, "label", label, ("pathology", "view"))
        self._unknown_size = choice(path, "unknown_size", unknown_size, ("skip", "median_aspect"))
        if self._unknown_size == "median_aspect" and self._spacing_mm is not None:
            message = "unknown_size=median_aspect and spacing_mm contradict each other"
            hint = "A film of unknown size cannot be brought to a pixel spacing; leave one of the two out."
            raise SourceError(message, where=path, hint=hint)

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per view of the manifest, sorted by file.

        Raises:
            SourceError: There is no manifest, or it lacks a column.
        """
        table = self.folder / TABLE
        if not is_there(table):
            hint = f"Expected {TABLE} and images/ of the squeezed whole views."
            raise SourceError(f"no {TABLE} in this folder", where=self.folder, hint=hint)
        rows = sorted(read_table(table, required=COLUMNS), key=lambda row: row["file"])
        unpaired = 0
        for row in rows:
            path = self.folder / row["file"]
            try:
                record = self._record(path, row)
            except SourceError as error:
                yield Skipped(path, error.message)
                continue
            unpaired += "masses" in record.provenance
            yield record
        listed = {self.folder / row["file"] for row in rows}
        for path in paths_below(self.folder / "images", JPEG, 1):
            if path not in listed:
                yield Skipped(path, f"not listed in {TABLE}")
        if unpaired:
            self.notes.append(
                f"{unpaired} views list several masses that differ, and not which box is which: these boxes have only "
                "the terms and the pathology that all masses of their view share"
            )

    def read(self, record: Record) -> Picture:
        """The view at its true aspect, masked and on its canvas as the settings say.

        Raises:
            SourceError: The file is damaged or of another size, or no breast is clear on it.
        """
        assert isinstance(record, ViewRecord)
        image, bits = read_raster(record.path)
        if image.shape != (SIDE_PX, SIDE_PX) or bits != 8:
            found = f"{image.shape[0]} x {image.shape[1]} pixels of {bits} bits"
            message = f"expected {SIDE_PX} x {SIDE_PX} pixels of 8 bits, found {found}"
            raise SourceError(message, where=record.path)
        film = Film(image.astype(np.uint8), record.boxes).resized(self._shape(record.native))
        cut = cut_breast(film.pixels)
        if cut is None:
            raise SourceError("no breast is clear on it", where=record.path)
        film = film.only(cut) if self._breast_only else film.marked(cut)
        chest_wall: Side = "left" if cut.mirrored and not self._breast_only else "right"
        notes, spacing_mm = lossy_facts(record.path, image), record.spacing_mm
        if self._canvas_px is not None:
            factor = fit_factor(film.shape, self._canvas_px)
            film = self._on_canvas(film, self._canvas_px, chest_wall, record.view)
            if factor < 1:
                notes["scaled_to_fit"] = round(factor, 4)
                spacing_mm = spacing_mm and (spacing_mm[0] / factor, spacing_mm[1] / factor)
        return _picture(film, record, spacing_mm, notes)

    def _shape(self, native: Native | None) -> tuple[int, int]:
        return (native or Native(round(MEDIAN_ASPECT * SIDE_PX), SIDE_PX, 0.0)).shape_at(self._spacing_mm)

    def _on_canvas(self, film: Film, size_px: int, chest_wall: Side, view: View | None) -> Film:
        film = film.fitted(size_px)
        if self._breast_only:  # the interpolation overshoots at the sharply cut outline
            film = film.blanked()
        return film.padded(size_px, chest_wall, centred=view is View.CC)

    def _record(self, path: Path, row: TableRow) -> ViewRecord:
        view, side, split = view_of(row["view"]), laterality_of(row["side"]), split_of(row["split"])
        for column, value in (("view", view), ("side", side), ("split", split)):
            if value is None:
                raise SourceError(f"{_where(row, column)}: '{row[column]}' is not understood", where=path)
        if not row["patient"]:
            raise SourceError(f"{_where(row, 'patient')}: it is empty", where=path)
        masses, boxes = _masses(row), _boxes(row)
        if len(masses) != len(boxes):
            raise SourceError(f"{TABLE} line {row.line}: {len(masses)} masses, but {len(boxes)} boxes", where=path)
        if not is_there(path):
            raise SourceError(f"{TABLE} line {row.line}: there is no such image", where=path)
        native = _native(row)
        if native is None and self._unknown_size == "skip":
            raise SourceError(UNKNOWN_SIZE, where=path)
        spacing_mm = native and (self._spacing_mm or native.squeezed_mm)
        return ViewRecord(
            path,
            key=key_of(path.stem),
            patient=row["patient"],
            view=view,
            laterality=side,
            split=split,
            label=str(view) if self._label == "view" else worst_label(masses),
            density=density_of(row["density"]),
            annotations=(in_common(masses, Kind.MASS),) * len(masses),
            spacing_mm=(spacing_mm, spacing_mm) if spacing_mm else None,
            provenance=_provenance(row, native, masses),
            native=native,
            boxes=boxes,
        )


def _picture(film: Film, record: ViewRecord, spacing_mm: tuple[float, float] | None, notes: dict[str, Any]) -> Picture:
    pairs = zip(record.annotations, film.boxes, strict=True)
    findings, lesions = locate([replace(mass, box=edges.box) for mass, edges in pairs], film.shape)
    notes |= {"mirrored": True} if film.mirrored else {}
    return Picture(film.pixels.astype(np.uint16), 8, findings, lesions, spacing_mm, notes, film.breast)


def _where(row: TableRow, column: str) -> str:
    return f"{TABLE} line {row.line}, column '{column}'"


def _listed(row: TableRow, column: str, item: type) -> list[Any]:
    """The JSON list of a cell."""
    try:
        found = json.loads(row[column])
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(entry, item) for entry in found):
        raise SourceError(f"{_where(row, column)}: expected a JSON list, found '{row[column][:40]}'", where=row.path)
    return found


def _masses(row: TableRow) -> list[Annotation]:
    found = _listed(row, "masses", dict)
    cells = ({str(name).lower(): str(value or "") for name, value in mass.items()} for mass in found)
    return [annotation_of(TableRow(mass, row.path, row.line)) for mass in cells]


def _boxes(row: TableRow) -> tuple[Edges, ...]:
    return tuple(_edges(row, box) for box in _listed(row, "boxes_xywh", list))


def _edges(row: TableRow, box: Sequence[Any]) -> Edges:
    if len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        raise SourceError(f"{_where(row, 'boxes_xywh')}: {box} is not [x, y, width, height]", where=row.path)
    x, y, width, height = box
    end = SIDE_PX + ROUNDING_PX
    # Written so that a NaN fails too.
    if not (0 <= x < x + width <= end and 0 <= y < y + height <= end):
        message = f"{_where(row, 'boxes_xywh')}: the box {box} is not inside the {SIDE_PX} x {SIDE_PX} image"
        raise SourceError(message, where=row.path)
    return Edges(y, x, y + height, x + width)


def _native(row: TableRow) -> Native | None:
    try:
        rows, columns, um = (row.number(column) for column in ("native_rows", "native_columns", "native_um"))
    except SourceError as error:
        raise SourceError(f"{TABLE} {error.message}", where=row.path) from None
    if rows is None or columns is None or um is None:
        return None
    # Less than a hundred pixels, or pixels of a millimetre, would be another unit.
    if min(rows, columns) < 100 or not 1 <= um <= 1000:
        message = f"{TABLE} line {row.line}: a film of {rows:g} x {columns:g} pixels of {um:g} micrometres cannot be"
        raise SourceError(message, where=row.path)
    return Native(round(rows), round(columns), um)


def _provenance(row: TableRow, native: Native | None, masses: Sequence[Annotation]) -> dict[str, Any]:
    facts: dict[str, Any] = {"file": row["file"], "boxes_xywh": row["boxes_xywh"]}
    if row["digitizer"]:
        facts["digitizer"] = row["digitizer"]
    if native is not None:
        facts["film"] = {"rows": native.rows, "columns": native.columns, "um": native.um}
    if any(mass != masses[0] for mass in masses):
        facts["masses"] = [
            {"kind": str(mass.kind), "pathology": str(mass.pathology), **mass.descriptors} for mass in masses
        ]
    return facts
