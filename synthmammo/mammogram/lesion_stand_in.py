"""What a lesion adds to its tissue, guessed from its box: a dome as large as the box and as bright as it stands out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.sample import Box, Plane

Grey = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32] | NDArray[np.float64]

LEAST_CONTRAST = 0.02
"""Least contrast of a stand-in, as a share of the image's span of grey levels: a lesion beside denser tissue."""

_MEAN_OF_DOME = 2 / 3
"""Mean of a half sphere of height 1 over its disc."""


def stand_in(image: Grey, boxes: Sequence[Box]) -> Plane:
    """A dome for each box, whose mean is how much brighter the box is than what is around it.

    Args:
        image: Grey levels, `(H, W)`.
        boxes: Boxes of the lesions; they may overlap.

    Returns:
        Grey levels, `float32 (H, W)`, at least 0; 0 outside the boxes' ellipses.
    """
    least = LEAST_CONTRAST * max(1.0, float(np.ptp(image)))
    found = np.zeros(image.shape, np.float32)
    for box in boxes:
        contrast = max(least, contrast_of(image, box, boxes))
        found = np.maximum(found, contrast / _MEAN_OF_DOME * _dome(box, image.shape))
    return found


def contrast_of(image: Grey, box: Box, boxes: Sequence[Box] = ()) -> float:
    """How much brighter the ellipse that fills a box is than what is outside all boxes: a difference of medians.

    Args:
        image: Grey levels, or intensities, `(H, W)`.
        box: Box of the lesion.
        boxes: Boxes of all lesions of the image; () for this one alone.

    Returns:
        The difference in the image's units, 0 for a box that holds no pixel's middle; a box that leaves nothing around
        itself is held against the darkest tenth of the image.
    """
    outside = np.ones(image.shape, bool)
    for one in (box, *boxes):
        outside[one.slices] = False
    inside = _dome(box, image.shape) > 0
    levels = image.astype(np.float64)
    around = float(np.median(levels[outside])) if outside.any() else float(np.percentile(levels, 10))
    return float(np.median(levels[inside])) - around if inside.any() else 0.0


def _dome(box: Box, shape: tuple[int, ...]) -> Plane:
    """A half sphere of height 1 over the ellipse that fills a box, `float32 (H, W)`."""
    middle, half = ((box.row0 + box.row1) / 2, (box.col0 + box.col1) / 2), (box.height / 2, box.width / 2)
    rows, columns = (
        (np.arange(side) + 0.5 - centre) / max(radius, 0.5)
        for side, centre, radius in zip(shape, middle, half, strict=True)
    )
    return np.sqrt(np.maximum(1 - rows[:, None] ** 2 - columns**2, 0)).astype(np.float32)
