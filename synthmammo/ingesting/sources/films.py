"""A scanned film of 8 bits on its way to a sample: its pixels, the mask of its breast and its boxes move together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import NamedTuple

import numpy as np

from synthmammo.ingesting.sources.film_breast import CutBreast, Grey
from synthmammo.mammogram.anatomy import Side
from synthmammo.mammogram.geometry import resize_mask
from synthmammo.mammogram.sample import Box, Mask


class Edges(NamedTuple):
    """Extent of a lesion between pixels, where a published box has fractions: row 0 to 1 is the first row."""

    row0: float
    col0: float
    row1: float
    col1: float

    def scaled(self, rows: float, columns: float) -> Edges:
        """The extent after rows and columns were multiplied."""
        return Edges(self.row0 * rows, self.col0 * columns, self.row1 * rows, self.col1 * columns)

    def moved(self, rows: float, columns: float) -> Edges:
        """The extent shifted by so many pixels."""
        return Edges(self.row0 + rows, self.col0 + columns, self.row1 + rows, self.col1 + columns)

    def mirrored(self, width: int) -> Edges:
        """The extent on an image of that width that was flipped left to right."""
        return Edges(self.row0, width - self.col1, self.row1, width - self.col0)

    @property
    def box(self) -> Box:
        """The smallest box of whole pixels around it; it may reach beyond the image."""
        # Arithmetic leaves 269.99999999 of 270, which must not cost a row.
        row0, col0, row1, col1 = (round(edge, 6) for edge in self)
        return Box(floor(row0), floor(col0), ceil(row1), ceil(col1))


@dataclass(frozen=True)
class Film:
    """A film and what moves with it.

    Attributes:
        pixels: `uint8 (H, W)` pixels, bright is dense.
        boxes: Extents of the lesions.
        breast: `bool (H, W)` mask of the breast; None, the default, before it was found.
        mirrored: Whether the film was flipped left to right, False by default.
    """

    pixels: Grey
    boxes: tuple[Edges, ...] = ()
    breast: Mask | None = None
    mirrored: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def resized(self, shape: tuple[int, int]) -> Film:
        """The film at another (H, W) by Lanczos interpolation; the mask takes the nearest pixel."""
        from PIL import Image

        if shape == self.shape:
            return self
        pixels = np.asarray(Image.fromarray(self.pixels).resize((shape[1], shape[0]), Image.Resampling.LANCZOS))
        breast = None if self.breast is None else resize_mask(self.breast, shape)
        rows, columns = shape[0] / self.shape[0], shape[1] / self.shape[1]
        boxes = tuple(box.scaled(rows, columns) for box in self.boxes)
        return replace(self, pixels=pixels, boxes=boxes, breast=breast)

    def fitted(self, size_px: int) -> Film:
        """The film scaled down to go into a square of that side; unchanged where it does already."""
        factor = fit_factor(self.shape, size_px)
        height, width = (max(1, round(length * factor)) for length in self.shape)
        return self.resized((height, width))

    def blanked(self) -> Film:
        """The film with 0 beside the breast, where that is known."""
        return self if self.breast is None else replace(self, pixels=np.where(self.breast, self.pixels, np.uint8(0)))

    def marked(self, cut: CutBreast) -> Film:
        """The film, unchanged, with the mask of the breast that was cut out of it."""
        breast = np.zeros(self.shape, np.bool_)
        breast[cut.window.slices] = cut.breast[:, ::-1] if cut.mirrored else cut.breast
        return replace(self, breast=breast)

    def only(self, cut: CutBreast) -> Film:
        """The breast that was cut out of it; boxes may reach beyond it, or lie outside."""
        window = cut.window
        boxes = tuple(box.moved(-window.row0, -window.col0) for box in self.boxes)
        if cut.mirrored:
            boxes = tuple(box.mirrored(window.width) for box in boxes)
        return Film(cut.pixels, boxes, cut.breast, mirrored=self.mirrored != cut.mirrored)

    def padded(self, size_px: int, chest_wall: Side, *, centred: bool) -> Film:
        """The film on a square canvas of 0 that is at least as large, its chest wall at the canvas's edge.

        Args:
            size_px: Side of the canvas, in pixels.
            chest_wall: Side of the film where the chest wall is.
            centred: Whether its rows go to the middle; else to the top.
        """
        (height, width), breast = self.shape, self.breast
        above = (size_px - height) // 2 if centred else 0
        before = size_px - width if chest_wall == "right" else 0
        margins = ((above, size_px - height - above), (before, size_px - width - before))
        return replace(
            self,
            pixels=np.pad(self.pixels, margins),
            boxes=tuple(box.moved(above, before) for box in self.boxes),
            breast=None if breast is None else np.pad(breast, margins),
        )


def fit_factor(shape: tuple[int, int], size_px: int) -> float:
    """What a (H, W) is multiplied by to go into a square of `size_px`; 1 where it fits already."""
    return min(1.0, size_px / max(shape))
