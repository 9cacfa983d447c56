"""Attributes of an image, measured by `anatomy`: backgrounds are edited and chosen by them. Pure functions.

`view` and `implant` are probabilities: logistic functions of one number each, whose constants were chosen on phantoms
(12 bits, 0.9 mm, both responses) and on real films.

| what | measured on | result |
|---|---|---|
| score of the muscle's border, craniocaudal | 80 phantoms; 4 CBIS-DDSM films | at most 0.26; at most 0.29 |
| the same, oblique | 40 phantoms without an implant; 4 CBIS-DDSM films | at least 0.54; at least 0.42 |
| the same, oblique with an implant | 40 phantoms | 0.18 to 0.59: an implant hides the muscle |
| `view` of oblique films | every fifth film of mini-MIAS, 49 | 84 % at least 0.9, 4 % at most 0.1 |
| evidence of an implant: phantoms with one against phantoms without | 80 against 80 phantoms | AUC 0.98 |
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label

from synthmammo.mammogram.anatomy import Side, chest_wall_side, fibroglandular_share, find_pectoral
from synthmammo.mammogram.anatomy.working import dilated, eroded_all_around, millimetres, reduction, shrink
from synthmammo.mammogram.sample import Mask, Plane, Sample
from synthmammo.mammogram.terms import ATTRIBUTES

OF_PATCHES = ("brightness", "texture")
"""What can be measured on a patch, which shows no whole breast."""

_VIEW_MIDDLE, _VIEW_WIDTH = 0.355, 0.03
_IMPLANT_MIDDLE, _IMPLANT_WIDTH = math.log(8.5), 0.15
_TILES = (64, 32, 16)
_HIGHEST_FREQUENCY = 0.35


def measure(sample: Sample, names: tuple[str, ...] = tuple(ATTRIBUTES)) -> dict[str, float]:
    """Attributes of an image.

    Args:
        sample: Any sample; only its image and its breast mask are looked at.
        names: Names from `terms.ATTRIBUTES`, by default all; those that need the pectoral muscle take longest.

    Returns:
        Values by name, in the order of `names`; NaN where there is nothing to measure, e.g. the angle of no muscle.
    """
    if not sample.breast.any():
        return dict.fromkeys(names, math.nan)
    side = chest_wall_side(sample.image, sample.breast)
    found = _outline(sample.breast) | {"brightness": _brightness(sample)}
    if "texture" in names:
        found["texture"] = _texture(sample)
    if "implant" in names:
        found["implant"] = _implant(sample)
    if {"view", "density", "pectoral_angle"} & set(names):
        found |= _muscle(sample, side)
    return {name: found[name] for name in names}


def _outline(breast: Mask) -> dict[str, float]:
    rows, columns = np.flatnonzero(breast.any(1)), np.flatnonzero(breast.any(0))
    centre = float(breast.sum(1) @ np.arange(len(breast))) / np.count_nonzero(breast)
    return {
        "area": float(breast.mean()),
        "shape": float((rows[-1] - rows[0] + 1) / (columns[-1] - columns[0] + 1)),
        "position": (centre + 0.5) / len(breast),
    }


def _brightness(sample: Sample) -> float:
    return float(sample.image[sample.breast].mean() / (2**sample.bits_stored - 1))


def _muscle(sample: Sample, side: Side) -> dict[str, float]:
    muscle, score = find_pectoral(sample.image, sample.breast, sample.bits_stored, side)
    return {
        "density": fibroglandular_share(sample.image, sample.breast, muscle),
        "view": _logistic((score - _VIEW_MIDDLE) / _VIEW_WIDTH),
        "pectoral_angle": _angle(muscle),
    }


def _angle(muscle: Mask) -> float:
    """Angle in degrees of the line that joins the muscle's ends on the top row and on the chest wall; NaN for none."""
    rows, columns = np.flatnonzero(muscle.any(1)), np.flatnonzero(muscle.any(0))
    if not len(rows):
        return math.nan
    return math.degrees(math.atan2(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1))


def _implant(sample: Sample) -> float:
    """Probability of an implant, from the largest bright disc: its size, its evenness, the sharpness of its rim."""
    factor = reduction(sample.image.shape)
    small = shrink(sample.image, factor) / np.float32(2**sample.bits_stored - 1)
    breast = shrink(sample.breast, factor) > 0.5
    smooth = ndimage.gaussian_filter(small, millimetres(1.0, small.shape))
    if not (disc := _bright_disc(smooth, breast)).any():
        return 0.0
    near, far = (dilated(disc, millimetres(mm, small.shape)) for mm in (1.0, 4.0))
    inside, ring = eroded_all_around(disc, millimetres(3.0, small.shape)), far & ~near & breast
    if not inside.any() or not ring.any():
        return 0.0
    detail = small - ndimage.gaussian_filter(small, millimetres(3.0, small.shape))
    step = max(float(1 - smooth[ring].mean() / max(float(smooth[disc].mean()), 1e-6)), 1e-6)
    share = np.count_nonzero(disc) / np.count_nonzero(breast)
    evidence = math.sqrt(share) * step / max(float(detail[inside].std()), 1e-4)
    return _logistic((math.log(evidence) - _IMPLANT_MIDDLE) / _IMPLANT_WIDTH)


def _bright_disc(smooth: Plane, breast: Mask) -> Mask:
    """The largest piece of bright breast that is nowhere thinner than 16 mm; an empty mask where there is none."""
    if not breast.any():
        return breast
    bright = breast & (smooth > 0.8 * np.percentile(smooth[breast], 99))
    least = millimetres(8.0, smooth.shape)
    pieces = label(dilated(eroded_all_around(bright, least), least), connectivity=1)
    if not pieces.any():
        return np.zeros(smooth.shape, np.bool_)
    return np.asarray(pieces == np.bincount(pieces[pieces > 0]).argmax(), np.bool_)


def _texture(sample: Sample) -> float:
    """Slope of log power over log frequency, from squares that lie in the breast; NaN where none does."""
    pixels = sample.image.astype(np.float32) / np.float32(2**sample.bits_stored - 1)
    # The largest squares that fit.
    tiles = next((found for side in _TILES if len(found := _tiles(pixels, sample.breast, side))), None)
    return math.nan if tiles is None else _spectral_slope(tiles)


def _spectral_slope(tiles: NDArray[np.float32]) -> float:
    """Falling slope of the mean power of squares `(N, side, side)` on logarithmic axes."""
    side = tiles.shape[1]
    window = np.outer(np.hanning(side), np.hanning(side))
    centred = tiles - tiles.mean((1, 2), keepdims=True)
    power = (np.abs(np.fft.rfft2(centred * window)) ** 2).mean(0)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    edges = np.geomspace(2 / side, _HIGHEST_FREQUENCY, 6)
    kept = [(frequency >= low) & (frequency < high) for low, high in zip(edges[:-1], edges[1:], strict=True)]
    points = [(float(frequency[k].mean()), max(float(power[k].mean()), 1e-20)) for k in kept if k.any()]
    x, y = np.log(np.array(points, np.float64)).T
    return float(-np.polyfit(x, y, 1)[0])


def _tiles(pixels: Plane, breast: Mask, side: int) -> NDArray[np.float32]:
    """The squares `(N, side, side)`, half a side apart, that lie wholly in the breast."""
    step = max(1, side // 2)
    if min(pixels.shape) < side:
        return np.zeros((0, side, side), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (side, side))[::step, ::step]
    inside = np.lib.stride_tricks.sliding_window_view(breast, (side, side))[::step, ::step].all((2, 3))
    return np.asarray(windows[inside], np.float32)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-min(max(x, -30.0), 30.0)))
