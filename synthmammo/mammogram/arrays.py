"""The arrays of an image and the boxes on it: dtypes, shapes and what their values mean."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint16]
"""Pixels, `uint16 (H, W)`, MONOCHROME2 (bright is dense), 0 is air outside the breast."""

Mask = NDArray[np.bool_]
"""`bool (H, W)`."""

Labels = NDArray[np.uint8]
"""`uint8 (H, W)`: 0 is no lesion, k the lesion whose `Finding.label` is k."""

Plane = NDArray[np.float32]
"""`float32 (H, W)`: one number per pixel, such as an intensity, a slope or a lesion channel."""

BITS_STORED = (8, 12, 14, 16)


class Box(NamedTuple):
    """Half-open rectangle in pixels: rows `row0 <= r < row1`, columns `col0 <= c < col1`."""

    row0: int
    col0: int
    row1: int
    col1: int

    @property
    def height(self) -> int:
        """Rows covered, in pixels."""
        return self.row1 - self.row0

    @property
    def width(self) -> int:
        """Columns covered, in pixels."""
        return self.col1 - self.col0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index that crops an `(H, W)` array to the box."""
        return slice(self.row0, self.row1), slice(self.col0, self.col1)

    def overlap(self, other: Box) -> Box | None:
        """The part that lies in both boxes; None where there is none."""
        edges = (max(self.row0, other.row0), max(self.col0, other.col0), min(self.row1, other.row1))
        both = Box(*edges, min(self.col1, other.col1))
        return both if both.height > 0 and both.width > 0 else None

    def moved(self, rows: int, columns: int) -> Box:
        """The box shifted down by `rows` and to the right by `columns` pixels."""
        return Box(self.row0 + rows, self.col0 + columns, self.row1 + rows, self.col1 + columns)

    @classmethod
    def around(cls, mask: Mask) -> Box | None:
        """Smallest box that holds every True pixel of a `bool (H, W)` mask; None for an empty one."""
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            return None
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
