"""A contact sheet of a dataset with the boxes of its findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw
from PIL.Image import Image as Picture

from synthmammo.dataset.begun import begun
from synthmammo.dataset.index import IndexRow, read_index
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.selecting import selected
from synthmammo.errors import DatasetError
from synthmammo.files import writing
from synthmammo.mammogram import png
from synthmammo.mammogram.geometry import crop_box
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.pictures import PATHOLOGY_COLOURS, contact_sheet, display
from synthmammo.mammogram.sample import Sample

CLOSE_UP_BELOW = 0.5
"""Reduction beyond which a lesion is too small to be judged on the tile."""


def draw_dataset(
    directory: Path,
    out: Path,
    *,
    count: int = 12,
    columns: int = 6,
    split: str | None = None,
    label: str | None = None,
    where: str | None = None,
    dataset: Dataset | None = None,
) -> Path:
    """Draw samples of a dataset on one picture: an even choice of its classes, in the order of their keys.

    Args:
        directory: Directory of a dataset with the format Parquet or WebDataset; of an unfinished one, the samples of
            its finished shards are drawn.
        out: Path of the PNG to write.
        count: Number of samples to draw, 12 by default.
        columns: Number of tiles per row, 6 by default.
        split: Name of the only split to draw from; None, the default, for all.
        label: Name of the only class to draw; None, the default, for all.
        where: Condition on the columns of the index, in the grammar of `synthmammo.mammogram.where`; None, the
            default, for all.
        dataset: Where the samples are read from; None, the default, for the directory.

    Returns:
        `out`.

    Raises:
        DatasetError: The directory is no such dataset, has no such samples, or the condition is not understood.
        OutputError: The picture cannot be written.
    """
    there = begun(directory)
    dataset = dataset or there.dataset()
    known = read_index(directory).to_pylist() if where and there.state == "finished" else list(there.rows)
    rows = selected(known, where, directory)
    chosen = [row for row in rows if split in (None, row["split"]) and label in (None, row["label"])]
    if not chosen:
        asked = ", ".join(f"{name} '{value}'" for name, value in (("split", split), ("class", label)) if value)
        present = ", ".join(sorted({f"{row['split']}/{row['label']}" for row in rows}))
        raise DatasetError(f"no samples of {asked}", where=directory, hint=f"It has: {present}.")
    keys = shown_keys(chosen, count)
    samples = [dataset.sample(key) for key in keys]
    packet = picture_packet((sample.making for sample in samples), dataset.manifest.name if dataset.manifest else "")
    with writing(out) as partial:
        png.save(sample_sheet(samples, columns), partial, packet)
    return out


def shown_keys(rows: Iterable[IndexRow], count: int = 12) -> list[str]:
    """Keys of the samples that are drawn: an even choice of the classes, in the order of the keys.

    Args:
        rows: Rows of the index; "label" and "key" are read.
        count: Number of samples.
    """
    return list(islice(_in_turn((row["label"], row["key"]) for row in rows), count))


def sample_sheet(samples: Iterable[Sample], columns: int, tile_width_px: int = 300) -> Picture:
    """A sheet of samples with boxes, captions, and where there is room a close-up of the first finding.

    Args:
        samples: Samples to draw.
        columns: Number of tiles per row.
        tile_width_px: Width of a tile in pixels, 300 by default.
    """
    samples = list(samples)
    aspect = max(sample.shape[0] / sample.shape[1] for sample in samples)
    size = round(min(aspect, 2.0) * tile_width_px), tile_width_px
    return contact_sheet(
        [tile(sample, size) for sample in samples], columns, [caption(sample) for sample in samples], size
    )


def tile(sample: Sample, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """A sample with its boxes, and with a close-up where its findings become too small.

    Args:
        sample: Sample to draw.
        size_px: Height and width in pixels that the picture must fit into.

    Returns:
        `uint8 (h, w, 3)` picture.
    """
    scale = min(size_px[0] / sample.shape[0], size_px[1] / sample.shape[1])
    height, width = (max(1, round(side * scale)) for side in sample.shape)
    grey = display(sample.image, sample.breast)
    way = Pictures.Resampling.BOX if scale < 1 else Pictures.Resampling.BICUBIC
    picture = Pictures.fromarray(grey).resize((width, height), way).convert("RGB")
    # Boxes are drawn after reducing, so that they stay sharp.
    pen = ImageDraw.Draw(picture)
    for finding in sample.findings:
        row0, col0, row1, col1 = (round(edge * scale) for edge in finding.box)
        pen.rectangle((col0 - 2, row0 - 2, col1 + 1, row1 + 1), outline=PATHOLOGY_COLOURS[finding.pathology])
    if sample.findings and scale < CLOSE_UP_BELOW:
        _close_up(picture, sample)
    return np.asarray(picture)


def _close_up(picture: Picture, sample: Sample) -> None:
    """Paste the first synthetic finding, in its own pixels where they fit, into the corner with least breast."""
    finding = min(sample.findings, key=lambda finding: not finding.synthetic)
    side = round(min(picture.size) * 0.42)
    box = finding.box
    # Some tissue around it, and whole pixels of the image as long as the lesion is smaller than the close-up.
    around = max(side, round(1.3 * max(box.height, box.width)))
    row, column = (box.row0 + box.row1) // 2, (box.col0 + box.col1) // 2
    crop = crop_box((row, column), around, sample.shape).slices
    # A window of its own: on the whole breast's, a cluster in dense tissue is lost.
    grey = display(sample.image[crop], sample.breast[crop])
    part = Pictures.fromarray(grey).resize((side, side), Pictures.Resampling.BOX).convert("RGB")
    ImageDraw.Draw(part).rectangle((0, 0, side - 1, side - 1), outline=PATHOLOGY_COLOURS[finding.pathology], width=2)
    height, width = sample.shape
    rows, columns = (
        round(side * extent / shown) for extent, shown in ((height, picture.height), (width, picture.width))
    )
    corners = {(y, x): (y * (height - rows), x * (width - columns)) for y in (0, 1) for x in (0, 1)}
    y, x = min(corners, key=lambda corner: _breast_under(sample, corners[corner], rows, columns))
    picture.paste(part, (x * (picture.width - side), y * (picture.height - side)))


def _breast_under(sample: Sample, corner: tuple[int, int], rows: int, columns: int) -> float:
    return float(sample.breast[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns].mean())


def caption(sample: Sample) -> str:
    """Class, view and number of a sample, e.g. "malignant · L MLO · 12"."""
    view = " ".join(str(part) for part in (sample.laterality, sample.view) if part)
    number = sample.key.rpartition("-")[2].lstrip("0") or "0"
    return " · ".join(part for part in (sample.label, view, number) if part)


def _in_turn(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    queues: dict[str, list[str]] = {}
    for label, key in sorted(pairs):
        queues.setdefault(label, []).append(key)
    for place in range(max(map(len, queues.values()))):
        yield from (keys[place] for keys in queues.values() if place < len(keys))
