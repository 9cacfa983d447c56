"""CDD-CESM: 2,006 low-energy and subtracted contrast-enhanced images of 326 women (Khaled et al. 2022).

Layout: `Low energy images of CDD-CESM/P1_L_DM_MLO.jpg`, `Subtracted images of CDD-CESM/P1_L_CM_MLO.jpg`, the table
`Radiology manual annotations.xlsx` or the same as CSV (Patient_ID, Side, Type, Image_name, View, Breast density (ACR),
BIRADS, Findings, Pathology Classification/ Follow up, Machine, ...; one row per lesion or image), and outlines in
`Radiology_hand_drawn_segmentations_v2.csv` (#filename, region_shape_attributes, ...), of the VGG Image Annotator.
Names and columns are those of The Cancer Imaging Archive's collection as
https://github.com/intel/disease-prediction (data/prepare_vision_data.py) reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import cos, pi, sin
from pathlib import Path
from typing import Any

from synthmammo.errors import SourceError
from synthmammo.ingesting.sources.archive_files import is_there, open_archive, paths_below
from synthmammo.ingesting.sources.base import Annotation, Picture, Record, Skipped, choice, key_of
from synthmammo.ingesting.sources.lesions import in_common, locate
from synthmammo.ingesting.sources.rasters import JPEG, lossy_facts, read_raster
from synthmammo.ingesting.sources.tables import TableRow, find_table, read_table
from synthmammo.ingesting.sources.terms import NONE, birads_of, density_of, laterality_of, view_of, words, worst_class
from synthmammo.mammogram.sample import Kind, Pathology

TABLE, OUTLINES = "Radiology manual annotations", "Radiology_hand_drawn_segmentations"
CLASS = "pathology classification/ follow up"
COLUMNS = ("image_name", "birads", CLASS)
OUTLINE_COLUMNS = ("#filename", "region_shape_attributes")
FOLDERS = {"DM": "Low energy images of CDD-CESM", "CM": "Subtracted images of CDD-CESM"}
"""Folder of the images by the third part of their names."""
CLASSES = {"normal": "normal", "benign": "benign", "malignant": "malignant"}
KINDS = {
    "non mass enhancement": Kind.OTHER,
    "mass": Kind.MASS,
    "calcification": Kind.CALCIFICATION,
    "distortion": Kind.DISTORTION,
    "asymmetr": Kind.ASYMMETRY,
}
"""Kinds by a word in column Findings, the first that is found; anything else is of another kind."""
ELLIPSE_CORNERS = 64
_NAME = re.compile(r"(P\d+)_(L|R)_(DM|CM)_([A-Z]+)\d*", re.IGNORECASE)


class CddCesm:
    """Reads CDD-CESM; classes are those of biopsy or follow-up.

    Outlines of an image have only what all its rows in the table share, because nothing says which outline is which
    lesion. A subtracted image shows contrast agent, not tissue: it is no mammogram, and read on demand only.

    Args:
        path: Folder with the two folders of images and the tables.
        images: Images that are read: "low_energy", the default, which look like mammograms; "subtracted"; "both".

    Raises:
        SourceError: The folder is missing, or the setting is not known.
    """

    licence = "CC-BY-4.0"
    citation = (
        "Khaled, R., Helal, M., Alfarghaly, O., Mokhtar, O., Elkorany, A., El Kassas, H., & Fahmy, A. (2021). "
        "Categorized Digital Database for Low energy and Subtracted Contrast Enhanced Spectral Mammography images "
        "(CDD-CESM). The Cancer Imaging Archive. https://doi.org/10.7937/29kw-ae92; Khaled, R., et al. (2022). "
        "Categorized contrast enhanced mammography dataset for diagnostic and artificial intelligence research. "
        "Scientific Data 9, 122."
    )
    vocabulary = {
        "class": words("Pathology Classification/ Follow up", {word.title(): word for word in CLASSES}),
        "pathology": words(
            "Pathology Classification/ Follow up", {"Benign": Pathology.BENIGN, "Malignant": Pathology.MALIGNANT}
        ),
        "birads": words("BIRADS", {str(digit): str(digit) for digit in range(1, 7)}),
        "density": words("Breast density (ACR)", {letter.upper(): letter for letter in "abcd"}),
        "view": words("Image_name", {"P1_L_DM_CC": "CC", "P1_L_DM_MLO": "MLO"}),
        "side": words("Image_name", {"P1_L_DM_CC": "L", "P1_R_DM_CC": "R"}),
        "kind": words(
            "Findings",
            {
                "Mass": Kind.MASS,
                "Mass enhancement": Kind.MASS,
                "Non mass enhancement": Kind.OTHER,
                "Calcifications": Kind.CALCIFICATION,
                "Architectural distortion": Kind.DISTORTION,
                "Asymmetry": Kind.ASYMMETRY,
                "Postoperative": Kind.OTHER,
                "Normal": NONE,
            },
        ),
    }

    def __init__(self, path: str | Path, *, images: str = "low_energy") -> None:
        self.folder = open_archive(path)
        self.notes: list[str] = []
        wanted = choice(path, "images", images, ("low_energy", "subtracted", "both"))
        self._types = {"low_energy": ("DM",), "subtracted": ("CM",), "both": ("DM", "CM")}[wanted]

    def records(self) -> Iterator[Record | Skipped]:
        """List one record per image of the table, sorted by name, and skip images that it does not list.

        Raises:
            SourceError: A table is missing or lacks a column.
        """
        rows: dict[str, list[TableRow]] = {}
        for row in read_table(find_table(self.folder, TABLE), required=COLUMNS):
            rows.setdefault(_stem(row["image_name"]), []).append(row)
        outlines: dict[str, list[TableRow]] = {}
        for row in read_table(find_table(self.folder, OUTLINES), required=OUTLINE_COLUMNS):
            outlines.setdefault(_stem(row["#filename"]), []).append(row)
        files = {_stem(path.name): path for path in paths_below(self.folder, JPEG)}
        for stem in sorted(rows.keys() | files.keys()):
            path = files.get(stem, self.folder / f"{stem}.jpg")
            try:
                if (record := self._record(stem, path, rows.get(stem, []), outlines.get(stem, []))) is not None:
                    yield record
            except SourceError as error:
                yield Skipped(path, error.message)

    def read(self, record: Record) -> Picture:
        """The image, unchanged.

        Raises:
            SourceError: The file is damaged.
        """
        image, bits = read_raster(record.path)
        found = locate(record.annotations, (image.shape[0], image.shape[1]))
        return Picture(image, bits, *found, None, lossy_facts(record.path, image))

    def _record(self, stem: str, path: Path, rows: list[TableRow], outlines: list[TableRow]) -> Record | None:
        name = _NAME.fullmatch(stem)
        if name is None:
            raise SourceError("its name is not of the form P1_L_DM_MLO", where=path)
        patient, side, kind, view = (part.upper() for part in name.groups())
        if kind not in self._types:
            return None
        if not rows:
            raise SourceError(f"not listed in the table '{TABLE}'", where=path)
        first = rows[0]
        if not is_there(path):
            raise SourceError(f"listed in {first.path.name} line {first.line}, but the file is missing", where=path)
        if (stated := laterality_of(first["side"])) is not None and stated != side:
            raise SourceError(f"{first.where('side')}: {stated}, but the file's name says {side}", where=path)
        lesions = [lesion for row in rows if (lesion := _lesion(row)) is not None]
        return Record(
            path,
            key=key_of(stem),
            patient=patient,
            view=view_of(view),
            laterality=laterality_of(side),
            label=worst_class(_class(row) for row in rows),
            density=density_of(first["breast density (acr)"]),
            annotations=_annotations(lesions, outlines),
            provenance=_facts(rows, view, kind),
        )


def _stem(name: str) -> str:
    # Some names in the tables have a blank before the suffix.
    return re.sub(r"\s*\.jpe?g$", "", name.strip(), flags=re.IGNORECASE).strip().upper()


def _class(row: TableRow) -> str:
    label = CLASSES.get(row[CLASS].lower())
    if label is None:
        raise SourceError(f"{row.where(CLASS)}: '{row[CLASS]}' is not understood", where=row.path)
    return label


def _lesion(row: TableRow) -> Annotation | None:
    """The lesion of a row; None for a normal image."""
    label, findings = _class(row), row["findings"].lower()
    if label == "normal":
        return None
    kind = next((kind for word, kind in KINDS.items() if word in findings), Kind.OTHER)
    found = {"findings": findings.replace("$", ", "), "birads": birads_of(row["birads"])}
    return Annotation(kind, Pathology(label), {name: text for name, text in found.items() if text})


def _annotations(lesions: list[Annotation], outlines: list[TableRow]) -> tuple[Annotation, ...]:
    shared = in_common(lesions) if lesions else Annotation(Kind.OTHER)
    regions = [region for row in outlines if row["region_shape_attributes"] and (region := _region(row, shared))]
    return tuple(regions) or tuple(lesions)


def _region(row: TableRow, lesion: Annotation) -> Annotation | None:
    """A lesion at the place of a region; None for a region without a shape.

    Raises:
        SourceError: The shape is not understood.
    """
    column = "region_shape_attributes"
    try:
        shape: dict[str, Any] = json.loads(row[column])
        points = _points(shape) if shape else ()
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        message = f"{row.where(column)}: '{row[column][:60]}' is not a shape of the VGG Image Annotator"
        raise SourceError(message, where=row.path) from error
    return Annotation(lesion.kind, lesion.pathology, lesion.descriptors, outline=points) if points else None


def _points(shape: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    """Corners (row, column) of a polygon, ellipse, circle, rectangle or point."""
    match shape["name"]:
        case "polygon" | "polyline":
            pairs = list(zip(shape["all_points_y"], shape["all_points_x"], strict=True))
        case "rect":
            y, x, height, width = (float(shape[name]) for name in ("y", "x", "height", "width"))
            pairs = [(y, x), (y, x + width), (y + height, x + width), (y + height, x)]
        case "ellipse" | "circle":
            radii = [float(shape.get(name, shape.get("r", 0))) for name in ("ry", "rx")]
            turns = [2 * pi * i / ELLIPSE_CORNERS for i in range(ELLIPSE_CORNERS)]
            pairs = [(shape["cy"] + radii[0] * sin(t), shape["cx"] + radii[1] * cos(t)) for t in turns]
        case "point":
            pairs = [(shape["cy"], shape["cx"])]
        case name:
            raise ValueError(name)
    points = tuple((float(row), float(column)) for row, column in pairs)
    if not all(abs(value) < 1e6 for point in points for value in point):
        raise ValueError("a corner is far beyond any image")
    return points


def _facts(rows: list[TableRow], view: str, kind: str) -> dict[str, Any]:
    facts = {
        "birads": max((found for row in rows if (found := birads_of(row["birads"]))), default=None),
        "projection": view if view_of(view) is None else None,
        "subtracted": kind == "CM" or None,
        "machine": rows[0]["machine"],
    }
    return {name: value for name, value in facts.items() if value not in ("", None)}
