"""A folder of PNG, JPEG, TIFF or PGM files with a table (CSV) that describes them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import numpy as np

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import common_folder, files_below, is_there
from synthmammo.ingesting.sources.base import (
    Annotation,
    PassedOver,
    Picture,
    Record,
    Skipped,
    existing_archive,
    is_zip,
    key_of,
    worst_label,
)
from synthmammo.ingesting.sources.film_breast import without_scanner_edges
from synthmammo.ingesting.sources.lesions import locate
from synthmammo.ingesting.sources.origins import GENERATED_BY
from synthmammo.ingesting.sources.paths import below
from synthmammo.ingesting.sources.rasters import SUFFIXES, is_picture, lossy_facts, read_noted_raster, read_raster
from synthmammo.ingesting.sources.tables import TableRow, read_table
from synthmammo.ingesting.sources.terms import NONE, density_of, laterality_of, no_finding, split_of, view_of, words
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.sample import BITS_STORED, Box, Kind, Pathology

COLUMNS: dict[str, tuple[str, ...]] = {
    "file": ("filename", "image", "path"),
    "patient": ("patient_id", "subject"),
    "view": ("view_position", "projection"),
    "laterality": ("side", "image_laterality"),
    "label": ("class",),
    "split": ("set",),
    "spacing_mm": ("pixel_spacing_mm",),
    "density": ("breast_density",),
    "kind": ("finding", "abnormality_type"),
    "pathology": (),
    "x": (),
    "y": (),
    "radius": (),
    "xmin": ("x_min",),
    "ymin": ("y_min",),
    "xmax": ("x_max",),
    "ymax": ("y_max",),
    "mask": ("mask_file",),
    GENERATED_BY: ("generator",),
}
"""Columns that are understood, with the other names they may have; upper and lower case are the same."""
MARKS = ("kind", "pathology", "x", "y", "radius", "xmin", "ymin", "xmax", "ymax", "mask")
NORMAL = "normal"
KINDS = {"calc": Kind.CALCIFICATION, "mass": Kind.MASS, "distortion": Kind.DISTORTION, "asymmetry": Kind.ASYMMETRY}
PATHOLOGIES = {"malignant": Pathology.MALIGNANT, "benign": Pathology.BENIGN}


class Folder:
    """Reads images that a table lists, one row per image, or one row per finding where an image has several.

    Images are known by their content, in the folder or in zip archives; the table lies in the folder itself.
    Only `file` is required. A finding is a circle (x, y, radius), a box (xmin, ymin, xmax, ymax; in pixels, the
    maxima exclusive) or a mask file (non-zero is lesion). Patients are named as the table names them. The column
    `generated_by` names the generator of a picture that is not real.

    Args:
        path: Path of the folder, or of a zip archive that holds it.
        table: Name of the table in the folder, needed where it holds several; None, the default, for the only one.
        bits_stored: Bit depth of the values, where files of 16 bits hold fewer (12 or 14); None, the default, for the
            depth of the files.
        licence: Licence of the images, "other" by default.
        citation: Publication to cite when the images are used; none by default.

    Raises:
        SourceError: The folder is missing, or `bits_stored` is not 8, 12, 14 or 16.
    """

    vocabulary = {
        "class": words("pathology", PATHOLOGIES) | words("label", {"normal": "normal"}),
        "pathology": words("pathology", PATHOLOGIES),
        "density": words(
            "density", {**dict(zip("ABCD", "abcd", strict=True)), **dict(zip("1234", "abcd", strict=True))}
        ),
        "view": words("view", {"CC": "CC", "MLO": "MLO", "ML": NONE}),
        "side": words("laterality", {"L": "L", "right": "R"}),
        "kind": words(
            "kind",
            {
                "mass": Kind.MASS,
                "calcification": Kind.CALCIFICATION,
                "asymmetry": Kind.ASYMMETRY,
                "architectural distortion": Kind.DISTORTION,
                "cyst": Kind.OTHER,
            },
        ),
    }

    def __init__(
        self,
        path: str | Path,
        *,
        table: str | None = None,
        bits_stored: int | str | None = None,
        licence: str = "other",
        citation: str = "",
    ) -> None:
        self.folder = existing_archive(path)
        self.licence, self.citation = licence, citation
        self.notes: list[str] = []
        self._table = table
        self._bits = _depth(bits_stored, path)
        self._zipped: dict[str, Path] = {}

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per image of the table, in the order of their names; other images are skipped.

        Raises:
            SourceError: There is no table or no image, or a column looks misspelt.
        """
        listing = files_below(self.folder)
        if is_zip(self.folder):
            self.folder = common_folder(self.folder, listing.files)
        table = self._table_path(listing.files)
        rows = self._renamed(read_table(table))
        files = [path for path in listing.files if path == table or is_picture(path)]
        if not set(files) - {table}:
            hint = f"Expected files in the formats of {', '.join(SUFFIXES)}."
            raise SourceError("no images in this folder or below it", where=self.folder, hint=hint)
        self._zipped = _names_in_zips(self.folder, files)
        masks, named = ({row[column] for row in rows if row[column]} for column in ("mask", "file"))
        accounted = {table, *self._known(masks), *self._known(named)}
        pictures = set(files)
        yield from listing.passed_over
        yield from (
            PassedOver(path, "neither a picture nor the table") for path in listing.files if path not in pictures
        )
        for name, group in groupby(sorted(rows, key=lambda row: row["file"]), key=lambda row: row["file"]):
            yield self._record(name, list(group))
        for path in files:
            if path not in accounted:
                yield Skipped(path, f"not listed in {table.name}")

    def read(self, record: Record) -> Picture:
        """The image, unchanged.

        Raises:
            SourceError: The file or one of its masks is damaged.
        """
        image, bits, notes = read_noted_raster(record.path)
        if self._bits is not None:
            bits = self._bits
        if int(image.max(initial=0)) >> bits:
            raise SourceError(
                f"holds values up to {image.max()}, more than bits_stored {bits} allows", where=record.path
            )
        masks = {}
        for i, annotation in enumerate(record.annotations):
            for path in annotation.mask_files:
                mask = read_raster(path)[0] > 0
                if mask.shape != image.shape:
                    message = f"the mask has shape {mask.shape}, its image {image.shape}"
                    raise SourceError(message, where=path)
                masks[i] = np.asarray(mask)
        findings, lesions = locate(record.annotations, (image.shape[0], image.shape[1]), masks)
        notes = notes | lossy_facts(record.path, image)
        breast = without_scanner_edges(breast_mask(image, bits), image, bits, (finding.box for finding in findings))
        return Picture(image, bits, findings, lesions, record.spacing_mm, notes, breast)

    def _file(self, name: str) -> Path:
        """The file of a name in the table: below the folder, or in a zip archive there.

        Raises:
            SourceError: The name leads out of the folder, or is no name of a file.
        """
        path = below(self.folder, name)
        return path if name not in self._zipped or is_there(path) else self._zipped[name]

    def _known(self, names: Iterable[str]) -> Iterator[Path]:
        """The files of names that are names of files."""
        for name in names:
            with suppress(SourceError):
                yield self._file(name)

    def _table_path(self, files: Sequence[Path]) -> Path:
        if self._table is not None:
            return self.folder / self._table
        tables = [path for path in files if path.parent == self.folder and path.suffix == ".csv"]
        if len(tables) == 1:
            return tables[0]
        found = f"found {', '.join(table.name for table in tables)}" if tables else "found none"
        hint = "Name it with the setting 'table'." if tables else "Its columns: " + ", ".join(COLUMNS) + "."
        raise SourceError(f"expected one table (.csv) in this folder, {found}", where=self.folder, hint=hint)

    def _renamed(self, rows: list[TableRow]) -> list[TableRow]:
        if not rows:
            raise SourceError("the table has no rows", where=self.folder)
        names = {other: name for name, others in COLUMNS.items() for other in (name, *others)}
        columns = {column: column.replace(" ", "_").replace("-", "_") for column in rows[0].cells}
        known = {column: names[name] for column, name in columns.items() if name in names}
        unknown = sorted(set(columns) - set(known))
        missing = [name for name in COLUMNS if name not in known.values()]
        for column in unknown:
            if close := difflib.get_close_matches(column, missing, n=1, cutoff=0.8):
                hint = f"Did you mean '{close[0]}'? Rename the column to use it, or remove it."
                raise SourceError(f"column '{column}' is not understood", where=rows[0].path, hint=hint)
        if "file" in missing:
            found = f"Found: {', '.join(columns)}."
            raise SourceError("column 'file' is missing", where=rows[0].path, hint=found)
        if unknown:
            self.notes.append(f"columns not used: {', '.join(unknown)} (understood: {', '.join(COLUMNS)})")
        if "patient" in missing:
            self.notes.append(
                "no column 'patient': each image counts as its own patient, so that views of one woman "
                "may go to different splits"
            )
        return [TableRow({known[c]: text for c, text in r.cells.items() if c in known}, r.path, r.line) for r in rows]

    def _record(self, name: str, rows: list[TableRow]) -> Record | Skipped:
        path, first = self.folder / name, rows[0]
        try:
            path = self._file(name)
            if not name or not is_there(path):
                return Skipped(path, f"{first.path.name} line {first.line}: there is no such image")
            marked = [row for row in rows if any(row[mark] for mark in MARKS) and not _says_none(row)]
            annotations = tuple(self._annotation(row) for row in marked)
            spacing = first.number("spacing_mm")
        except SourceError as error:
            return Skipped(path, f"{first.path.name} {error.message}")
        bad = _not_understood(first)
        if bad is not None:
            return Skipped(
                path, f"{first.path.name} line {first.line}, column '{bad}': '{first[bad]}' is not understood"
            )
        key = key_of(Path(name).with_suffix(""))
        described = "label" in first.cells or any(mark in first.cells for mark in MARKS)
        return Record(
            path,
            key=key,
            patient=first["patient"] or key,
            view=view_of(first["view"]),
            laterality=laterality_of(first["laterality"]),
            split=split_of(first["split"]),
            label=self._label(first["label"]) or (worst_label(annotations) if described else "unknown"),
            density=density_of(first["density"]),
            annotations=annotations,
            spacing_mm=(spacing, spacing) if spacing else None,
            provenance={"file": name, **({GENERATED_BY: first[GENERATED_BY]} if first[GENERATED_BY] else {})},
        )

    def _label(self, label: str) -> str:
        if "finding" not in label.lower() or not no_finding(label):
            return label
        note = f"the label '{label}' is the class '{NORMAL}'"
        if note not in self.notes:
            self.notes.append(note)
        return NORMAL

    def _annotation(self, row: TableRow) -> Annotation:
        word = row["kind"].lower()
        kind = next((kind for start, kind in KINDS.items() if start in word), Kind.OTHER)
        pathology = _pathology(row["pathology"] or row["label"])
        if row["mask"]:
            return Annotation(kind, pathology, mask_files=(self._file(row["mask"]),))
        circle = [row.number(column) for column in ("y", "x", "radius")]
        edges = [row.number(column) for column in ("ymin", "xmin", "ymax", "xmax")]
        if None not in circle:
            row0, col0, radius = (value for value in circle if value is not None)
            return Annotation(kind, pathology, {"outline": "circle"}, circle=(row0, col0, radius))
        if None not in edges:
            return Annotation(kind, pathology, box=Box(*(round(value) for value in edges if value is not None)))
        return Annotation(kind, pathology)


def _says_none(row: TableRow) -> bool:
    """Whether a row says in words that there is no finding, and marks none."""
    placed = any(row[mark] for mark in MARKS if mark not in ("kind", "pathology"))
    return no_finding(row["kind"]) and not placed and _pathology(row["pathology"]) is Pathology.UNKNOWN


def _names_in_zips(folder: Path, files: Sequence[Path]) -> dict[str, Path]:
    """Files in zip archives of a folder by their names in these, where a name is in one archive only."""
    found: dict[str, list[Path]] = {}
    archives: dict[Path, Path | None] = {}
    for path in files:
        parent = path.parent
        if parent not in archives:
            archives[parent] = next((one for one in path.parents if one != folder and one.is_file()), None)
        archive = archives[parent]
        if archive is not None and archive.is_relative_to(folder):
            found.setdefault(path.relative_to(archive).as_posix(), []).append(path)
    return {name: paths[0] for name, paths in found.items() if len(paths) == 1}


def _not_understood(row: TableRow) -> str | None:
    # Other projections exist and become None; a side, split or density that is not one is a slip.
    parsers = {"laterality": laterality_of, "split": split_of, "density": density_of}
    return next((column for column, parse in parsers.items() if row[column] and parse(row[column]) is None), None)


def _pathology(name: str) -> Pathology:
    starts = {"m": Pathology.MALIGNANT, "b": Pathology.BENIGN}
    return starts.get(name.strip().lower()[:1], Pathology.UNKNOWN)


def _depth(bits_stored: int | str | None, path: str | Path) -> int | None:
    if bits_stored is None:
        return None
    if str(bits_stored) not in map(str, BITS_STORED):
        message = f"bits_stored: expected one of {BITS_STORED}, found {bits_stored}"
        raise SourceError(message, where=path)
    return int(bits_stored)
