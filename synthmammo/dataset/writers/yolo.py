"""YOLO detection labels of a dataset: `yolo/`, made from its index when the build ends.

The layout is the one that YOLO trainers read: `data.yaml` names splits and classes, and beside every image
`images/SPLIT/NAME.png` they look for `labels/SPLIT/NAME.txt` with one line per box, `class x y width height`, all four
in shares of the image, x and y of the box's centre. The names are those of the 8-bit previews in the WebDataset tars,
since those trainers read 8 bits; shares hold at any size.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from synthmammo.dataset.writers.base import finding_classes
from synthmammo.errors import unwritable
from synthmammo.files import writing
from synthmammo.mammogram.sample import SPLITS

FOLDER = "yolo"
_KEYS = {"train": "train", "validation": "val", "test": "test"}
"""What YOLO trainers call the splits."""


def write_yolo(directory: Path, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Write `data.yaml` and the label files of every split that has samples; an image without boxes has an empty one.

    Args:
        directory: Directory of the dataset.
        rows: Index rows of the dataset.

    Returns:
        Paths relative to the directory: the file, and one folder per split.

    Raises:
        OutputError: A file cannot be written.
    """
    rows = list(rows)
    numbers = {name: number for number, name in enumerate(finding_classes(rows))}
    splits = [split for split in SPLITS if any(row["split"] == split for row in rows)]
    content = {
        **{_KEYS[split]: f"images/{split}" for split in splits},
        "names": {number: f"{pathology} {kind}" for (kind, pathology), number in numbers.items()},
    }
    with writing(directory / FOLDER / "data.yaml") as partial:
        partial.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for split in splits:
        texts = {row["key"]: _lines(row, numbers) for row in rows if row["split"] == split}
        _write_folder(directory / FOLDER / "labels" / split, texts)
    return [f"{FOLDER}/data.yaml", *(f"{FOLDER}/labels/{split}" for split in splits)]


def _lines(row: Mapping[str, Any], numbers: Mapping[tuple[str, str], int]) -> str:
    height, width = row["height"], row["width"]
    lines = []
    for finding in row["findings"]:
        row0, col0, row1, col1 = finding["box"]
        shares = (col0 + col1) / 2 / width, (row0 + row1) / 2 / height, (col1 - col0) / width, (row1 - row0) / height
        number = numbers[finding["kind"], finding["pathology"]]
        lines.append(" ".join([str(number), *(f"{share:.6f}" for share in shares)]) + "\n")
    return "".join(lines)


def _write_folder(folder: Path, texts: Mapping[str, str]) -> None:
    partial = folder.with_name(f".partial-{folder.name}")
    try:
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
        partial.mkdir(parents=True)
        for key, text in texts.items():
            (partial / f"{key}.preview.txt").write_text(text, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise unwritable(folder, error) from error
