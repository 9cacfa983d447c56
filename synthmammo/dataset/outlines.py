"""The masks of findings as run lengths, which is how label files keep them: exact, and small as text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.sample import Mask, Sample


def mask_runs(sample: Sample) -> dict[int, list[int]]:
    """Run lengths of the findings of a sample, by label.

    Returns:
        Per label the numbers of pixels outside and inside by turns, down the columns and from left to right, beginning
        outside; their sum is H x W. This is the uncompressed RLE of COCO. A label without a pixel is left out.
    """
    if not sample.findings:
        return {}
    from scipy import ndimage

    places = ndimage.find_objects(sample.lesions)
    runs = {}
    for label in sorted({finding.label for finding in sample.findings} - {0}):
        if label <= len(places) and places[label - 1] is not None:
            rows, columns = places[label - 1]
            inside = sample.lesions[rows, columns] == label
            runs[label] = _runs(inside, rows.start, columns.start, sample.shape)
    return runs


def _runs(inside: Mask, row0: int, col0: int, shape: tuple[int, int]) -> list[int]:
    """Run lengths of a mask that is given on a part of an image of a shape (H, W), from (row0, col0) on."""
    height, width = shape
    steps = np.diff(np.pad(inside, ((1, 1), (0, 0))).astype(np.int8), axis=0).T  # one row per column of the mask
    starts, ends = (_places(steps == step, row0, col0, height) for step in (1, -1))
    # A run that ends at the foot of a column goes on at the head of the next one.
    apart = starts[1:] != ends[:-1]
    bounds = np.empty(2 * (apart.sum() + 1), np.int64)
    bounds[0::2] = starts[np.r_[True, apart]]
    bounds[1::2] = ends[np.r_[apart, True]]
    return [after - before for before, after in pairwise([0, *bounds.tolist(), height * width])]


def _places(found: NDArray[np.bool_], row0: int, col0: int, height: int) -> NDArray[np.int64]:
    columns, rows = np.nonzero(found)
    return (columns + col0) * height + rows + row0
