"""Marks on images as one table, for their files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthmammo.benchmarking.detect.fit import FilmNumbers
from synthmammo.metrics.detection import Marks


def as_table(marks: list[Marks], numbers: FilmNumbers) -> NDArray[np.float64]:
    """Marks as rows of image, row0, col0, row1, col1, score: `float64 (K, 6)`."""
    rows = [
        np.column_stack([np.full(len(m.scores), n), m.boxes, m.scores]) for m, n in zip(marks, numbers, strict=True)
    ]
    return np.concatenate(rows).astype(np.float64)


def of_table(table: NDArray[np.float64], numbers: FilmNumbers) -> dict[int, Marks]:
    """Marks by number of the image, from what `as_table` gave; images without marks have none."""
    images = table[:, 0].astype(np.intp)
    return {int(n): Marks(table[images == n, 1:5], table[images == n, 5]) for n in numbers}
