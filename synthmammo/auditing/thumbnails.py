"""Images brought to one place, size, side and grey scale, so that a copy lies on its original.

A thumbnail keeps what a copy keeps when it is mirrored, shifted, scaled, windowed anew or noisy: the breast's box is
the frame, the chest wall is on the right, ranks stand for grey levels, and only structures of a middle size are left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats
from skimage.transform import resize

from synthmammo.mammogram.anatomy import chest_wall_side
from synthmammo.mammogram.sample import Box, Image, Mask

SIDE_PX = 64
"""Side of a thumbnail."""

_PATCH_SHARE = 0.97
"""An image of which the breast fills more than this is a patch: it has no outline, and no side of its own."""
_FINEST, _COARSEST = 0.8, 5.0
"""Standard deviations, in pixels of the thumbnail, of the Gaussians whose difference lets the middle sizes through."""
_EDGE_PX = 2

Thumbnail = NDArray[np.float32]
"""`(SIDE_PX, SIDE_PX)`, mean 0 and Euclidean length 1, 0 outside the breast."""


def is_patch(breast: Mask) -> bool:
    """Whether an image is a patch of tissue rather than a view of a breast."""
    return bool(breast.mean() > _PATCH_SHARE)


def thumbnail(image: Image, breast: Mask) -> Thumbnail:
    """The thumbnail of an image.

    Args:
        image: Grey levels, `uint16 (H, W)`.
        breast: Where the breast is, `bool (H, W)`; where it is nowhere, the whole image is taken.

    Returns:
        `float32 (SIDE_PX, SIDE_PX)`; all zeros for an image of one grey level.
    """
    box = Box.around(breast)
    if box is None:
        breast, box = np.ones_like(breast), Box(0, 0, *breast.shape)
    levels, inside = _ranks(image[box.slices], breast[box.slices]), breast[box.slices].astype(np.float32)
    if not is_patch(breast) and chest_wall_side(image, breast) == "left":
        levels, inside = levels[:, ::-1], inside[:, ::-1]
    size = (SIDE_PX, SIDE_PX)
    share = resize(inside, size, order=1, anti_aliasing=True).astype(np.float32)
    summed = resize(levels * inside, size, order=1, anti_aliasing=True).astype(np.float32)
    return _unit(_middle(summed, share))


def _ranks(image: Image, inside: Mask) -> NDArray[np.float32]:
    """Normal scores of the grey levels inside, so that any rising curve of them gives the same; 0 outside."""
    found = np.zeros(image.shape, np.float32)
    ranks = stats.rankdata(image[inside])
    found[inside] = stats.norm.ppf((ranks - 0.5) / len(ranks))
    return found


def _middle(summed: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Structures of a middle size; each blur is divided by its share inside, so that the outline adds none."""
    fine, coarse = (
        ndimage.gaussian_filter(summed, deviation) / np.maximum(ndimage.gaussian_filter(share, deviation), 1e-3)
        for deviation in (_FINEST, _COARSEST)
    )
    inner = ndimage.binary_erosion(share > 0.9, iterations=_EDGE_PX)
    return np.asarray((fine - coarse) * inner, np.float32)


def _unit(plane: NDArray[np.float32]) -> Thumbnail:
    inner = plane != 0
    centred = np.where(inner, plane - plane[inner].mean(), 0) if inner.any() else plane
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / length if length > 0 else centred, np.float32)
