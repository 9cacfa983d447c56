"""COCO detection labels of a dataset: `coco/SPLIT.json`, made from its index when the build ends.

The format is the one of https://cocodataset.org/#format-data: boxes are `[x, y, width, height]` in pixels. An image's
`file_name` is its member in the WebDataset tars, which is also the `path` in the Parquet column `image`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synthmammo.dataset.writers.base import finding_classes
from synthmammo.files import writing

FOLDER = "coco"


def write_coco(directory: Path, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Write the label file of every split that has samples.

    Categories are the pathologies and kinds that occur anywhere in the dataset, and images are numbered through the
    whole dataset, so that the files of different splits agree. The area of an annotation is that of its box.

    Args:
        directory: Directory of the dataset.
        rows: Index rows of the dataset.

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
    return {"id": number, "file_name": f"{row['key']}.image.png", "height": row["height"], "width": row["width"]}


def _annotations(
    numbered: Iterable[tuple[int, Mapping[str, Any]]], categories: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    annotations = []
    for image, row in numbered:
        for place, finding in enumerate(row["findings"]):
            row0, col0, row1, col1 = finding["box"]
            height, width = row1 - row0, col1 - col0
            annotations.append(
                {
                    # Unique in all splits, and the same whatever else is in the dataset's later rows.
                    "id": image * 1000 + place,
                    "image_id": image,
                    "category_id": categories[finding["kind"], finding["pathology"]],
                    "bbox": [col0, row0, width, height],
                    "area": height * width,
                    "iscrowd": 0,
                    "synthetic": finding["synthetic"],
                }
            )
    return annotations
