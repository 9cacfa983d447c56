"""What the fine structures are like along a lesion's border, and along the same line elsewhere in the same tissue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.identity import draw_u64
from synthmammo.mammogram.sample import Finding, Mask, Plane, Sample

BANDS_PX = (-6, -3, 0, 3, 6)
"""Edges of the bands, in pixels outwards from the border; inside is below 0."""

LENGTH = 3 * (len(BANDS_PX) - 1)
"""Numbers per border: spread, roughness and peakedness of the fine structures in each band."""

_FINE_PX = 1.5
_REACH = 8
_TRIES = 40
_TISSUE = 0.9


def border_features(sample: Sample) -> NDArray[np.float32]:
    """Features along the border of the largest lesion, and along a copy of that border put elsewhere in the breast.

    Args:
        sample: Any sample; of one with synthetic findings only these are looked at.

    Returns:
        `float32 (2, LENGTH)`: at the lesion, elsewhere; all NaN where there is no lesion with a mask, or no other
        place for it.
    """
    nothing = np.full((2, LENGTH), np.nan, np.float32)
    mask = _largest(sample)
    if mask is None:
        return nothing
    window = _window(mask)
    place = _elsewhere(sample, window)
    if place is None:
        return nothing
    top = np.float32(2**sample.bits_stored - 1)
    units = sample.image.astype(np.float32) / top
    fine = units - ndimage.gaussian_filter(units, _FINE_PX)
    distance = _outwards(mask[window])
    return np.stack([_bands(fine[where], distance, sample.breast[where]) for where in (window, place)])


def _largest(sample: Sample) -> Mask | None:
    made = [finding for finding in sample.findings if finding.synthetic]
    masks = [sample.lesions == finding.label for finding in (made or sample.findings) if _is_marked(finding)]
    masks = [mask for mask in masks if mask.any()]
    return max(masks, key=np.count_nonzero) if masks else None


def _is_marked(finding: Finding) -> bool:
    return finding.label > 0


def _window(mask: Mask) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    ends = [(places[0] - _REACH, places[-1] + 1 + _REACH) for places in (rows, columns)]
    first, second = (
        slice(max(0, int(low)), min(side, int(high))) for (low, high), side in zip(ends, mask.shape, strict=True)
    )
    return first, second


def _elsewhere(sample: Sample, window: tuple[slice, slice]) -> tuple[slice, slice] | None:
    """A window of the same size in healthy tissue of the same breast; None where none was found."""
    sizes = [where.stop - where.start for where in window]
    rng = np.random.default_rng(int(draw_u64(0, f"audit/seam/{sample.key}", 0)))
    taken = sample.lesions > 0
    taken[window] = True
    for _ in range(_TRIES):
        starts = [int(rng.integers(side - size + 1)) for side, size in zip(sample.shape, sizes, strict=True)]
        place = slice(starts[0], starts[0] + sizes[0]), slice(starts[1], starts[1] + sizes[1])
        if not taken[place].any() and sample.breast[place].mean() >= _TISSUE:
            return place
    return None


def _outwards(mask: Mask) -> Plane:
    """Distance of each pixel from the border, below 0 inside."""
    outside, inside = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
    return np.asarray(np.where(mask, 0.5 - inside, outside - 0.5), np.float32)


def _bands(fine: Plane, distance: Plane, breast: Mask) -> NDArray[np.float32]:
    steps = np.hypot(*np.gradient(fine))
    found = np.zeros((len(BANDS_PX) - 1, 3), np.float32)
    for number, (low, high) in enumerate(zip(BANDS_PX[:-1], BANDS_PX[1:], strict=True)):
        band = breast & (distance >= low) & (distance < high)
        if np.count_nonzero(band) < 8:
            continue
        values = fine[band]
        spread = float(values.std()) + 1e-6
        peaked = float(np.mean(((values - values.mean()) / spread) ** 4))
        found[number] = np.log(spread), np.log(float(steps[band].mean()) + 1e-6), np.log(peaked + 1)
    return found.ravel()
