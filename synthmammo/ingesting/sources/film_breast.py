"""The breast alone of a scanned film of 8 bits: labels, tape, white borders and edges of the scanner go.

For films that were reduced to fractions of a millimetre per pixel, which `anatomy.breast_mask` (made for whole films of
0.05 to 0.2 mm) was not tried on. Measured on 1,038 views of CBIS-DDSM; the numbers below were chosen on these. On 346
of them bright bands and what hangs on them are cut off, on 98 more than 0.5 % of the breast; no annotated box loses a
pixel by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.mammogram.anatomy.morphology import filled, grown_by_steps, opened_by_steps
from synthmammo.mammogram.anatomy.working import shrink
from synthmammo.mammogram.sample import Box, Image, Mask

Grey = NDArray[np.uint8]

WHITE_LINE, WHITE_SHARE = 235, 0.25
"""A row or column with more than this share of pixels brighter than this is a border of the film."""
WHOLE_SHARE = 0.75
"""The share where the film may also be the image of a detector, whose contrast can make the muscle white."""
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

BAND_LEVEL, BAND_STEP = 190, 45
"""A band along the film's border is brighter than the first, and than what follows its end by the second."""
BAND_PARTS, BAND_RIM_PX, BAND_BLUR_PX = 16, 3, 4
"""It is at most the film's side over the first deep; a rim of so many pixels may lie before it; its end is so sharp."""
LEAST_BAND_PX = 12
"""It is at least that long."""

WORKING_PX = 800
"""Rows or columns, the longer ones, of the films that these numbers were chosen on."""
MOST_LOST = 0.3
"""Largest share of a mask that can be edges and what hangs on them."""

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
    mask = without_borders(breast_piece(inside), inside)
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
        frame = _without_borders(film[frame.slices], _is_border).moved(frame.row0, frame.col0)
    return frame


def _without_white_lines(film: Grey) -> Box | None:
    """The film without padding of 0 and without rows and columns that are almost all white; None for a black one."""
    frame = Box.around(film > 0)
    if frame is None or min(frame.height, frame.width) < BORDER_PARTS:
        return None
    return _without_borders(film[frame.slices], _is_white).moved(frame.row0, frame.col0)


def _without_borders(film: Grey, is_border: Callable[[Grey], Mask]) -> Box:
    row0, row1 = _inner_lines(film, is_border)
    # Rows first: a white row would make every column look brighter.
    col0, col1 = _inner_lines(film[row0:row1].T, is_border)
    return Box(row0, col0, row1, col1)


def _inner_lines(lines: Grey, is_border: Callable[[Grey], Mask]) -> tuple[int, int]:
    """First line behind the borders, and the line after the last before them."""
    reach = len(lines) // BORDER_PARTS
    before, after = (np.flatnonzero(is_border(part)) for part in (lines[:reach], lines[len(lines) - reach :]))
    first = int(before[-1]) + 1 if len(before) else 0
    return first, len(lines) - reach + int(after[0]) if len(after) else len(lines)


def _is_border(lines: Grey) -> Mask:
    return np.asarray(((lines > WHITE_LINE).mean(1) > WHITE_SHARE) | (lines.std(1) < FLAT), np.bool_)


def _is_white(lines: Grey) -> Mask:
    """Lines of the scanner's edge alone: the muscle of an image of high contrast is white on a part of them only."""
    return np.asarray((lines > WHITE_LINE).mean(1) > WHOLE_SHARE, np.bool_)


def breast_piece(film: Grey) -> Mask:
    """`bool (H, W)`: the largest piece that is brighter than air after softening, its holes filled."""
    soft = ndimage.gaussian_filter(film.astype(np.float32), SOFTNESS_PX)
    above_zero = soft[soft > 0]
    air = min(np.percentile(above_zero, AIR_PERCENTILE), BRIGHTEST_AIR) if above_zero.size else 0
    bright = opened_by_steps(soft > air + ABOVE_AIR, max(LEAST_NECK_PX, len(film) // NECKS))
    pieces, count = ndimage.label(bright)
    if not count:
        return np.zeros(film.shape, np.bool_)
    sizes = np.bincount(pieces.ravel())[1:]
    return grown_by_steps(filled(pieces == 1 + int(np.argmax(sizes))), MARGIN_PX)


def white_edges(film: Grey) -> Mask:
    """`bool (H, W)`: thin saturated pieces that touch the border, and two pixels around: scanner edges, tape."""
    white = film > SATURATED
    if not any(edge.any() for edge in (white[0], white[-1], white[:, 0], white[:, -1])):
        return np.zeros(film.shape, np.bool_)
    thick = opened_by_steps(white, max(LEAST_EDGE_PX, len(film) // EDGES))
    thin = white & ~grown_by_steps(thick, 3)
    pieces, _ = ndimage.label(thin)
    touching = np.unique(np.concatenate([pieces[[0, -1]].ravel(), pieces[:, [0, -1]].ravel()]))
    return grown_by_steps(np.isin(pieces, touching[touching > 0]), MARGIN_PX)


def without_borders(piece: Mask, film: Grey) -> Mask:
    """The largest part of a piece without the scanner's edges and bands, and without what hung on it by these.

    Args:
        piece: `bool (H, W)`.
        film: `uint8 (H, W)` film without its borders of whole rows and columns.
    """
    foreign = white_edges(film) | bright_bands(film)
    if not (piece & foreign).any():
        return piece
    rest = piece & ~foreign
    # The softened air along a band would still join what hung on it.
    parts, count = ndimage.label(opened_by_steps(rest, LEAST_NECK_PX))
    if not count:
        return np.zeros(film.shape, np.bool_)
    largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return rest & grown_by_steps(largest, LEAST_NECK_PX)


def without_scanner_edges(breast: Mask, image: Image, bits_stored: int, keep: Iterable[Box] = ()) -> Mask:
    """The breast of any mask without the scanner's edges and bands, and without what hung on it by these.

    They are found on a copy of about `WORKING_PX` rows, on which the numbers above were chosen.

    Args:
        breast: `bool (H, W)` mask, e.g. of `anatomy.breast_mask`.
        image: `uint16 (H, W)` film, bright is dense.
        bits_stored: Bit depth: 8, 12, 14 or 16.
        keep: Boxes that lose no pixel, such as those of annotated lesions.

    Returns:
        `bool (H, W)`; the same where the film has no edges, or where more than `MOST_LOST` of the mask would go.
    """
    factor = max(1, round(max(image.shape) / WORKING_PX))
    film = (shrink(image, factor) / np.float32(2 ** (bits_stored - 8))).astype(np.uint8)
    frame = _without_white_lines(film)
    if frame is None:
        return breast
    small = shrink(breast, factor) >= 0.5
    rest = np.zeros(small.shape, np.bool_)
    rest[frame.slices] = without_borders(small[frame.slices], film[frame.slices])
    lost = small & ~rest
    if not 0 < np.count_nonzero(lost) <= MOST_LOST * np.count_nonzero(small):
        return breast
    found = breast & ~lost.repeat(factor, 0).repeat(factor, 1)[: breast.shape[0], : breast.shape[1]]
    for box in keep:
        found[box.slices] = breast[box.slices]
    return found


def bright_bands(film: Grey) -> Mask:
    """`bool (H, W)`: bright bands above and below with a sharp inner end, and two pixels around: tilted edges, tape.

    A band that runs askew is no border of whole rows, and often too dark to be saturated. Tissue that reaches the
    border goes on far beyond it, or darkens slowly; but muscles and lesions that the chest wall cuts off look like a
    band, so that the sides are left to `white_edges`.
    """
    return grown_by_steps(_band_above(film) | _band_above(film[::-1])[::-1], MARGIN_PX)


def _band_above(film: Grey) -> Mask:
    """The band along the upper border, column by column."""
    depth, found = len(film) // BAND_PARTS, np.zeros(film.shape, np.bool_)
    if depth <= BAND_RIM_PX:
        return found
    strip = film[: depth + BAND_BLUR_PX + 1].astype(np.int16)
    dark = strip[:depth] <= BAND_LEVEL
    dark[:BAND_RIM_PX] = False
    ends = np.where(dark.any(0), dark.argmax(0), 0)
    columns = np.arange(film.shape[1])
    inner, outer = strip[ends + BAND_BLUR_PX, columns], strip[np.maximum(ends - BAND_BLUR_PX, 0), columns]
    sharp = (ends > BAND_RIM_PX) & (outer - inner > BAND_STEP) & (outer > BAND_LEVEL)
    sharp = ndimage.binary_opening(sharp, np.ones(LEAST_BAND_PX, np.bool_))
    found[:depth] = np.arange(depth)[:, None] < np.where(sharp, ends, 0)
    return found


def _chest_wall_is_left(mask: Mask) -> bool:
    """Whether the breast is higher in the left third of the film than in the right one."""
    heights, third = mask.sum(0), max(1, mask.shape[1] // 3)
    return bool(heights[:third].sum() > heights[-third:].sum())
