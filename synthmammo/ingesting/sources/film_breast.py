"""The breast alone of a scanned film of 8 bits: labels, tape, white borders and edges of the scanner go.

For films that were reduced to fractions of a millimetre per pixel, which `anatomy.breast_mask` (made for whole films of
0.05 to 0.2 mm) was not tried on. Measured on 1,038 views of CBIS-DDSM; the numbers below were chosen on these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.mammogram.sample import Box, Mask

Grey = NDArray[np.uint8]

WHITE_LINE, WHITE_SHARE = 235, 0.25
"""A row or column with more than this share of pixels brighter than this is a border of the film."""
FLAT = 0.75
"""A row or column whose grey levels vary less than this (standard deviation) is a border too."""
BORDER_PARTS = 8
"""A border is at most the film's side over this."""
TRIMS = 2
"""Number of times that borders are cut off: one can lie inside another."""

SOFTNESS_PX = 2
AIR_PERCENTILE, BRIGHTEST_AIR, ABOVE_AIR = 2, 25, 12
"""Air is this percentile of the softened film, at most so bright; tissue is brighter by the third number."""
NECKS = 90
"""Bridges thinner than twice the height over this are cut, but at least `LEAST_NECK_PX` twice."""
LEAST_NECK_PX = 3
MARGIN_PX = 2

SATURATED = 240
EDGES = 50
"""A saturated piece thinner than twice the height over this (at least `LEAST_EDGE_PX`) is an edge of the scanner."""
LEAST_EDGE_PX = 2

LEAST_SHARE, MOST_SHARE = 0.1, 0.9
"""Share of the exposed film that a breast covers."""


@dataclass(frozen=True)
class CutBreast:
    """The breast, cut out of a film.

    Attributes:
        window: Extent of the breast, in pixels of the film.
        pixels: `uint8 (H, W)` pixels inside the window, 0 beside the breast, chest wall on the right.
        breast: `bool (H, W)` mask of the breast.
        mirrored: Whether the window was flipped left to right to bring the chest wall there.
    """

    window: Box
    pixels: Grey
    breast: Mask
    mirrored: bool


def cut_breast(film: Grey) -> CutBreast | None:
    """The breast alone, chest wall on the right.

    Args:
        film: `uint8 (H, W)`, bright is dense.

    Returns:
        The breast; None where none is clear: the largest smooth bright piece covers less than 10 % or more than 90 %
        of the film.
    """
    frame = exposed_film(film)
    if frame is None:
        return None
    inside = film[frame.slices]
    mask = breast_piece(inside) & ~white_edges(inside)
    extent = Box.around(mask)
    if extent is None or not LEAST_SHARE < mask.mean() < MOST_SHARE:
        return None
    mirrored = _chest_wall_is_left(mask)
    breast = mask[extent.slices]
    pixels = np.where(breast, inside[extent.slices], np.uint8(0))
    step = -1 if mirrored else 1
    pixels, breast = (np.ascontiguousarray(array[:, ::step]) for array in (pixels, breast))
    return CutBreast(extent.moved(frame.row0, frame.col0), pixels, breast, mirrored)


def exposed_film(film: Grey) -> Box | None:
    """The film without padding of 0 and without borders that are nearly white or of one level; None for a black one."""
    frame = Box.around(film > 0)
    for _ in range(TRIMS):
        if frame is None or min(frame.height, frame.width) < BORDER_PARTS:
            return None
        frame = _without_borders(film[frame.slices]).moved(frame.row0, frame.col0)
    return frame


def _without_borders(film: Grey) -> Box:
    row0, row1 = _inner_lines(film)
    # Rows first: a white row would make every column look brighter.
    col0, col1 = _inner_lines(film[row0:row1].T)
    return Box(row0, col0, row1, col1)


def _inner_lines(lines: Grey) -> tuple[int, int]:
    """First line behind the borders, and the line after the last before them."""
    is_border = ((lines > WHITE_LINE).mean(1) > WHITE_SHARE) | (lines.std(1) < FLAT)
    reach = len(lines) // BORDER_PARTS
    before = np.flatnonzero(is_border[:reach])
    after = np.flatnonzero(is_border[len(lines) - reach :])
    first = int(before[-1]) + 1 if len(before) else 0
    return first, len(lines) - reach + int(after[0]) if len(after) else len(lines)


def breast_piece(film: Grey) -> Mask:
    """`bool (H, W)`: the largest piece that is brighter than air after softening, its holes filled."""
    soft = ndimage.gaussian_filter(film.astype(np.float32), SOFTNESS_PX)
    above_zero = soft[soft > 0]
    air = min(np.percentile(above_zero, AIR_PERCENTILE), BRIGHTEST_AIR) if above_zero.size else 0
    bright = ndimage.binary_opening(soft > air + ABOVE_AIR, iterations=max(LEAST_NECK_PX, len(film) // NECKS))
    pieces, count = ndimage.label(bright)
    if not count:
        return np.zeros(film.shape, np.bool_)
    sizes = np.bincount(pieces.ravel())[1:]
    whole = ndimage.binary_fill_holes(pieces == 1 + int(np.argmax(sizes)))
    return np.asarray(ndimage.binary_dilation(whole, iterations=MARGIN_PX), np.bool_)


def white_edges(film: Grey) -> Mask:
    """`bool (H, W)`: thin saturated pieces that touch the border, and two pixels around: scanner edges, tape."""
    white = film > SATURATED
    thick = ndimage.binary_opening(white, iterations=max(LEAST_EDGE_PX, len(film) // EDGES))
    thin = white & ~ndimage.binary_dilation(thick, iterations=3)
    pieces, _ = ndimage.label(thin)
    touching = np.unique(np.concatenate([pieces[[0, -1]].ravel(), pieces[:, [0, -1]].ravel()]))
    return np.asarray(ndimage.binary_dilation(np.isin(pieces, touching[touching > 0]), iterations=MARGIN_PX), np.bool_)


def _chest_wall_is_left(mask: Mask) -> bool:
    """Whether the breast is higher in the left third of the film than in the right one."""
    heights, third = mask.sum(0), max(1, mask.shape[1] // 3)
    return bool(heights[:third].sum() > heights[-third:].sum())
