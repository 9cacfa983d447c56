"""The breast on a mammogram: its mask, its chest-wall side, what else is on the film, how dense it is."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.anatomy.working import disk, enlarge, millimetres, reduction, shrink
from synthmammo.sample import Image, Mask

Side = Literal["left", "right"]
"""Side of the image the chest wall is on, as seen on the screen."""

Plane = NDArray[np.float32]

THRESHOLDS = 24
BRIGHTEST_SKIN = 0.45
"""Upper end of the thresholds tried, as a share of the square-root intensity range."""


def breast_mask(image: Image, bits_stored: int) -> Mask:
    """The breast without labels, tape, borders and writing.

    On a reduced copy with square-root intensities (the skin line is barely brighter than air), the threshold between
    background and tissue is the one whose outline has the steepest mean gradient; thin bridges are cut, the largest
    piece is kept and its holes are filled.

    Args:
        image: `uint16 (H, W)`, bright is dense.
        bits_stored: 8, 12, 14 or 16.

    Returns:
        `bool (H, W)`; all False on an image without content.
    """
    factor = reduction(image.shape)
    frame = _frame(image)
    mask = np.zeros(image.shape, np.bool_)
    if frame is None:
        return mask
    film = image[frame]
    root = _root_intensity(shrink(film, factor), bits_stored)
    mask[frame] = enlarge(_working_mask(root), factor, (film.shape[0], film.shape[1]))
    return mask


def _frame(image: Image) -> tuple[slice, slice] | None:
    # Padding is exactly 0; what remains after it is the exposed film or detector.
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _root_intensity(small: Plane, bits_stored: int) -> Plane:
    top = max(float(np.percentile(small, 99.5)), 0.02 * (2**bits_stored - 1))
    return np.asarray(np.sqrt(np.clip(small / top, 0, 1)), np.float32)


def _working_mask(root: Plane) -> Mask:
    smooth = ndimage.gaussian_filter(root, 1.0)
    gradient = ndimage.gaussian_gradient_magnitude(root, 1.5)
    opening = disk(millimetres(2.5, root.shape))
    low = _background(smooth)
    best, best_score = np.zeros(root.shape, np.bool_), -1.0
    for threshold in np.linspace(low, BRIGHTEST_SKIN, THRESHOLDS):
        candidate = _largest_piece(smooth > threshold, opening)
        score = _edge_score(candidate, gradient)
        if score > best_score:
            best, best_score = candidate, score
    return _smooth_outline(best)


def _background(smooth: Plane) -> float:
    """Square-root intensity just above the film's air: the mode of the darkest part plus its spread."""
    dark = smooth[smooth < BRIGHTEST_SKIN]
    if not len(dark):
        return 0.0
    counts, edges = np.histogram(dark, 90, (0, BRIGHTEST_SKIN))
    counts = np.convolve(counts, np.ones(3), "same")
    mode = int(np.argmax(counts))
    above = np.flatnonzero(counts[mode:] < 0.1 * counts[mode])
    stop = mode + (int(above[0]) if len(above) else 2)
    return float(min(edges[stop], 0.3))


def _largest_piece(bright: Mask, opening: Mask) -> Mask:
    core = ndimage.binary_erosion(bright, opening, border_value=1)
    labels, count = ndimage.label(core)
    if not count:
        return np.zeros(bright.shape, np.bool_)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    piece = ndimage.binary_dilation(labels == np.argmax(sizes), opening) & bright
    return np.asarray(ndimage.binary_fill_holes(piece), np.bool_)


def _edge_score(mask: Mask, gradient: Plane) -> float:
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    return float(gradient[outline].mean()) if outline.any() else 0.0


def _smooth_outline(mask: Mask) -> Mask:
    # Repeating the edge keeps the smoothing from rounding the corners at the chest wall.
    sigma = millimetres(1.0, mask.shape)
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="nearest") > 0.5)


def chest_wall_side(image: Image, mask: Mask) -> Side:
    """The side of the image the breast is cut off by.

    Args:
        image: `uint16 (H, W)`; decides where the outline does not: the chest wall is the brighter side.
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
        chest_wall: Where it is now (`chest_wall_side`).
        side: Where it shall be.

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
    if not inside.any():
        inside = np.zeros(small.shape, np.bool_)
    outside = ~ndimage.binary_dilation(inside, disk(millimetres(4.0, small.shape)))
    bright = float(np.percentile(small[inside], 50)) if inside.any() else float(small.max())
    found = outside & (small > _air_level(small, outside) + 0.25 * bright)
    return enlarge(np.asarray(found, np.bool_), factor, (image.shape[0], image.shape[1])) & ~breast


def _air_level(small: Plane, outside: Mask) -> float:
    return float(np.median(small[outside])) if outside.any() else 0.0


def fibroglandular_share(image: Image, breast: Mask, pectoral: Mask) -> float:
    """A simple estimate of breast density: the share of the breast that is bright.

    Args:
        image: `uint16 (H, W)`.
        breast: `bool (H, W)`.
        pectoral: `bool (H, W)`, left out.

    Returns:
        Share in [0, 1]; 0 for an empty breast.
    """
    factor = reduction(image.shape)
    small = shrink(image, factor)
    inside = (shrink(breast, factor) > 0.5) & (shrink(pectoral, factor) < 0.5)
    inside = ndimage.binary_erosion(inside, disk(millimetres(6.0, small.shape)), border_value=1)
    if not inside.any():
        return 0.0
    values = small[inside]
    low, high = np.percentile(values, [5, 99.5])
    return float((values > low + 0.5 * (high - low)).mean())
