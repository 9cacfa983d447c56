"""What is measured on one image for the statistics of an audit: the breast, its edge, and its lesions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.auditing.thumbnails import is_patch
from synthmammo.mammogram.attributes import OF_PATCHES, measure
from synthmammo.mammogram.sample import Finding, Kind, Mask, Sample
from synthmammo.mammogram.terms import ATTRIBUTES

_OF_VIEWS = ("area", "shape", "brightness", "texture", "density")
_OF_LESIONS = {
    "mass_diameter_mm": "diameter in mm of the disc that has the area of a mass",
    "mass_contrast": "mean grey level of a mass minus that of the tissue around it, as a share of the range",
    "calcification_size_mm": "median diameter in mm of the specks of a group of calcifications",
    "calcifications": "number of specks in a group of calcifications",
}
MEASURED = {
    **{name: ATTRIBUTES[name] for name in _OF_VIEWS},
    "roll_off": "mean grey level of the outermost tenth of the breast's depth over that of the inner half",
    **_OF_LESIONS,
}
"""Statistics of mammography by name, and what each is."""

_RING = 0.35
"""Width of the ring around a mass, as a share of its diameter."""


def measured(sample: Sample) -> dict[str, float]:
    """All statistics of one image.

    Args:
        sample: Any sample.

    Returns:
        Values by the names of `MEASURED`; NaN where there is nothing to measure: no such lesion, no mask of it, no
        pixel spacing, or a patch, which has no outline.
    """
    patch = is_patch(sample.breast)
    found = dict.fromkeys(MEASURED, math.nan) | measure(sample, OF_PATCHES if patch else _OF_VIEWS)
    if not patch and sample.breast.any():
        found["roll_off"] = _roll_off(sample)
    return found | _of_lesions(sample)


def _roll_off(sample: Sample) -> float:
    """How the breast darkens where it thins: towards the skin, not towards the chest wall or the image's edge."""
    # The image's own edges cut through the breast and are no skin, so they stand for tissue.
    depth = ndimage.distance_transform_edt(np.pad(sample.breast, 1, mode="edge"))[1:-1, 1:-1]
    deepest = float(depth.max())
    outer, inner = sample.breast & (depth <= 0.1 * deepest), depth >= 0.5 * deepest
    level = float(sample.image[inner].mean())
    return float(sample.image[outer].mean()) / level if outer.any() and level > 0 else math.nan


def _of_lesions(sample: Sample) -> dict[str, float]:
    """Means over the lesions of an image that have a mask."""
    rows: dict[str, list[float]] = {}
    for finding in sample.findings:
        for name, value in _of_lesion(sample, finding).items():
            rows.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in rows.items()}


def _of_lesion(sample: Sample, finding: Finding) -> dict[str, float]:
    mask = sample.lesions == finding.label
    if finding.label == 0 or not mask.any():
        return {}
    spacing = math.sqrt(math.prod(sample.spacing_mm)) if sample.spacing_mm else math.nan
    if finding.kind == Kind.MASS:
        diameter = 2 * math.sqrt(np.count_nonzero(mask) / math.pi)
        return {"mass_diameter_mm": diameter * spacing, "mass_contrast": _contrast(sample, mask, diameter)}
    pieces, count = ndimage.label(mask, np.ones((3, 3)))
    areas: NDArray[np.int64] = np.bincount(pieces.ravel())[1:]
    size = 2 * math.sqrt(float(np.median(areas)) / math.pi) * spacing
    return {"calcification_size_mm": size, "calcifications": float(count)}


def _contrast(sample: Sample, mask: Mask, diameter: float) -> float:
    distance = ndimage.distance_transform_edt(~mask)
    around = (distance > 1) & (distance <= max(2.0, _RING * diameter)) & sample.breast
    if not around.any():
        return math.nan
    levels = float(sample.image[mask].mean()) - float(sample.image[around].mean())
    return float(levels / (2**sample.bits_stored - 1))
