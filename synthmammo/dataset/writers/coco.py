"""COCO detection labels of a dataset: `coco/SPLIT.json`, made from its index when the build ends.

The format is the one of https://cocodataset.org/#format-data: boxes are `[x, y, width, height]` in pixels, masks are
uncompressed run lengths, which pycocotools and what builds on it read. An image's `file_name` is its member in the
WebDataset tars, which is also the `path` in the Parquet column `image`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synthmammo._version import __version__
from synthmammo.dataset.writers.base import finding_classes
from synthmammo.files import writing

FOLDER = "coco"
_LICENCE = 1
"""Number of the licence that all images have."""


def write_coco(
    directory: Path, rows: Iterable[Mapping[str, Any]], *, name: str = "", about: str = "", licence: str = "other"
) -> list[str]:
    """Write the label file of every split that has samples.

    Categories are the pathologies and kinds that occur anywhere in the dataset, and images are numbered through the
    whole dataset, so that the files of different splits agree. The segmentation and the area of an annotation are those
    of the finding's mask, and where its source gives none those of its box; `masked` tells the two apart.

    Args:
        directory: Directory of the dataset.
        rows: Index rows of the dataset, as `index_row` makes them: with the run lengths of the masks.
        name: Name of the dataset; empty by default.
        about: Text about the dataset; empty by default.
        licence: Licence of the dataset; "other" by default.

    Returns:
        Paths of the files relative to the directory.

    Raises:
        OutputError: A file cannot be written.
    """
    ordered = sorted(rows, key=lambda row: str(row["key"]))
    categories = {name: number for number, name in enumerate(finding_classes(ordered), 1)}
    written = []
    for split in sorted({row["split"] for row in ordered}):
        numbered = [(number, row) for number, row in enumerate(ordered, 1) if row["split"] == split]
        content = {
            "info": {
                "description": ": ".join(filter(None, (name, about))),
                "version": __version__,
                "contributor": "synthmammo",
                "url": "",
            },
            "licenses": [{"id": _LICENCE, "name": licence, "url": ""}],
            "categories": [
                {"id": number, "name": f"{pathology} {kind}", "supercategory": kind}
                for (kind, pathology), number in categories.items()
            ],
            "images": [_image(number, row) for number, row in numbered],
            "annotations": _annotations(numbered, categories),
        }
        path = directory / FOLDER / f"{split}.json"
        with writing(path) as partial:
            partial.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(f"{FOLDER}/{path.name}")
    return written


def _image(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    size = {"height": row["height"], "width": row["width"]}
    return {"id": number, "file_name": f"{row['key']}.image.png", **size, "license": _LICENCE, "origin": row["origin"]}


def _annotations(
    numbered: Iterable[tuple[int, Mapping[str, Any]]], categories: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    annotations = []
    for image, row in numbered:
        for place, finding in enumerate(row["findings"]):
            row0, col0, row1, col1 = finding["box"]
            annotations.append(
                {
                    # Unique in all splits, and the same whatever else is in the dataset's later rows.
                    "id": image * 1000 + place,
                    "image_id": image,
                    "category_id": categories[finding["kind"], finding["pathology"]],
                    "bbox": [col0, row0, col1 - col0, row1 - row0],
                    **_segmentation(finding, row["height"], row["width"]),
                    "iscrowd": 0,
                    "synthetic": finding["synthetic"],
                }
            )
    return annotations


def _segmentation(finding: Mapping[str, Any], height: int, width: int) -> dict[str, Any]:
    """Segmentation and area of a finding: its mask's, or its box's as a polygon where there is no mask."""
    if runs := finding["runs"]:
        return {"segmentation": {"size": [height, width], "counts": runs}, "area": sum(runs[1::2]), "masked": True}
    row0, col0, row1, col1 = finding["box"]
    corners = [col0, row0, col1, row0, col1, row1, col0, row1]
    return {"segmentation": [corners], "area": (row1 - row0) * (col1 - col0), "masked": False}
