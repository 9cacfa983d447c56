"""Images as networks see them in an audit: one frame, one grey scale, whatever their canvas, side and bit depth."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from synthmammo.auditing.thumbnails import is_patch
from synthmammo.mammogram.anatomy import chest_wall_side, orient
from synthmammo.mammogram.sample import Box, Mask, Plane, Sample

FRAME_PX = 224
"""Side of the frame of the breast: that of the images the extractor was trained on."""

RESIDUE_PX = 128
"""Side of the piece of tissue whose finest structures are looked at, at the image's own pixels."""

_FINE_PX = 1.5
_GAIN = 8.0


def framed(sample: Sample) -> Plane:
    """The breast alone: the box around it, chest wall on the right, on a square, air at -1, or the whole of a patch.

    What differs between two archives without belonging to the breast - canvas, side, bit depth, noise of the air - is
    gone; so is its size.

    Args:
        sample: Any sample.

    Returns:
        `float32 (FRAME_PX, FRAME_PX)` in [-1, 1], the grey levels over the whole range of the bit depth.
    """
    units, breast = _units(sample), sample.breast
    box = Box.around(breast)
    if box is not None and not is_patch(breast):
        side = chest_wall_side(sample.image, breast)
        (units,) = orient(np.where(breast, units, -1)[box.slices], chest_wall=side)
        units = _square(units)
    return _resized(np.asarray(units, np.float32), FRAME_PX)


def residue(sample: Sample) -> Plane:
    """The finest structures of the tissue deepest inside the breast, at the image's own pixels.

    Args:
        sample: Any sample; one that is smaller than the piece is repeated to its size.

    Returns:
        `float32 (RESIDUE_PX, RESIDUE_PX)`, what a Gaussian of 1.5 pixels takes away, eight times amplified, in [-1, 1].
    """
    units = _units(sample)
    fine = _GAIN * (units - ndimage.gaussian_filter(units, _FINE_PX))
    piece = fine[_deepest(sample.breast)]
    short = [max(0, RESIDUE_PX - side) for side in piece.shape]
    piece = np.pad(piece, [(0, pixels) for pixels in short], mode="wrap") if any(short) else piece
    return np.asarray(np.clip(piece, -1, 1), np.float32)


def _units(sample: Sample) -> Plane:
    top = np.float32(2**sample.bits_stored - 1)
    return np.asarray(sample.image.astype(np.float32) * (2 / top) - 1, np.float32)


def _square(plane: Plane) -> Plane:
    """A plane in the middle of the right side of a square of air."""
    height, width = plane.shape
    side = max(height, width)
    above = (side - height) // 2
    return np.pad(plane, ((above, side - height - above), (side - width, 0)), constant_values=-1)


def _resized(plane: Plane, side: int) -> Plane:
    from skimage.transform import resize

    return np.asarray(resize(plane, (side, side), order=1, anti_aliasing=True), np.float32)


def _deepest(breast: Mask) -> tuple[slice, slice]:
    """The window of the residue around the pixel that is farthest from the outline."""
    depth = ndimage.distance_transform_edt(np.pad(breast, 1))[1:-1, 1:-1]
    centre = np.unravel_index(int(depth.argmax()), depth.shape)
    windows = []
    for place, side in zip(centre, breast.shape, strict=True):
        start = max(0, min(int(place) - RESIDUE_PX // 2, side - RESIDUE_PX))
        windows.append(slice(start, start + RESIDUE_PX))
    return windows[0], windows[1]
