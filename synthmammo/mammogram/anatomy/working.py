"""The reduced copy on which anatomy is found, and the way back to full resolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from synthmammo.mammogram.arrays import Mask

WORKING_PX = 512
"""Longest side of the reduced copy, in pixels: about 0.5 mm per pixel on a full-field mammogram."""

FILM_MM = 220.0
"""Assumed length of a full-field mammogram's longest side, so that widths in millimetres need no known spacing."""


def reduction(shape: tuple[int, ...]) -> int:
    """Whole factor that brings an `(H, W)` image to at most `WORKING_PX` on its longest side."""
    return max(1, -(-max(shape) // WORKING_PX))


def shrink(array: NDArray[np.generic], factor: int) -> NDArray[np.float32]:
    """Block means of an `(H, W)` array, `float32 (ceil(H / factor), ceil(W / factor))`; edges are repeated."""
    height, width = array.shape
    pad = (-height % factor, -width % factor)
    if any(pad):
        array = np.pad(array, ((0, pad[0]), (0, pad[1])), mode="edge")
    if factor == 1:
        return array.astype(np.float32)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    # Rows first: adding whole rows runs at memory speed, and leaves a factor less for the columns.
    rows = array.reshape(array.shape[0] // factor, factor, array.shape[1]).sum(1, dtype=np.uint32)
    blocks = rows.reshape(rows.shape[0], -1, factor).sum(2, dtype=np.uint32)
    return np.asarray(blocks / np.float32(factor * factor), np.float32)


def enlarge(mask: Mask, factor: int, shape: tuple[int, int]) -> Mask:
    """A reduced mask at full resolution `(H, W)`, with a smooth outline instead of a stepped one."""
    if factor == 1:
        return mask[: shape[0], : shape[1]].copy()
    grey = Picture.fromarray(mask.astype(np.uint8) * 255)
    size = (mask.shape[1] * factor, mask.shape[0] * factor)
    full = np.asarray(grey.resize(size, Picture.Resampling.BICUBIC))
    return np.ascontiguousarray(full[: shape[0], : shape[1]] > 127)


def millimetres(length_mm: float, shape: tuple[int, ...]) -> float:
    """A length in pixels of the `(h, w)` copy, whose longest side is taken to be `FILM_MM` long."""
    return length_mm * max(shape) / FILM_MM


def dilated(mask: Mask, radius: float) -> Mask:
    """A mask grown by a disk.

    Args:
        mask: `bool (H, W)`.
        radius: Radius of the disk in pixels; it is rounded, and at least 1.

    Returns:
        `bool (H, W)`.
    """
    from skimage.morphology import isotropic_dilation

    # A map of distances to nothing would be wrong, not infinite.
    return np.asarray(isotropic_dilation(mask, _reach(radius)) if mask.any() else mask, np.bool_)


def eroded(mask: Mask, radius: float) -> Mask:
    """A mask shrunk by a disk, but not where the image's edge cuts it; arguments as for `dilated`."""
    from skimage.morphology import isotropic_erosion

    return np.asarray(mask if mask.all() else isotropic_erosion(mask, _reach(radius)), np.bool_)


def eroded_all_around(mask: Mask, radius: float) -> Mask:
    """A mask shrunk by a disk, also where the image's edge cuts it; arguments as for `dilated`."""
    return eroded(np.pad(mask, 1), radius)[1:-1, 1:-1]


def _reach(radius: float) -> float:
    # Half a pixel more rounds off the spikes that a disk of whole pixels has on its four sides.
    return max(1, round(radius)) + 0.5
