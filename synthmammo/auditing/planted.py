"""Positive controls: copies of training images that an audit plants and must find, or it cannot judge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.auditing.thumbnails import is_patch
from synthmammo.identity import draw_u64
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.sample import Image, Sample

Change = Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]
"""Grey levels in [0, 1], `(H, W)`, and a source of draws -> grey levels in [0, 1] of the same shape."""


def _exact(units: NDArray[np.float64], _: np.random.Generator) -> NDArray[np.float64]:
    return units


def _flipped(units: NDArray[np.float64], _: np.random.Generator) -> NDArray[np.float64]:
    return units[:, ::-1]


def _windowed(units: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.clip(rng.uniform(0.85, 1.2) * units ** rng.uniform(0.6, 1.6), 0, 1)


def _shifted(units: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    reach = max(1, units.shape[0] // 32)
    return np.asarray(ndimage.shift(units, rng.integers(-reach, reach + 1, 2), order=0, mode="constant"))


def _scaled(units: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    scale = 1.05 if rng.random() < 0.5 else 0.95
    middle = (np.array(units.shape) - 1) / 2
    moved = ndimage.affine_transform(units, np.eye(2) / scale, middle - middle / scale, order=1, mode="constant")
    return np.asarray(moved)


def _noisy(units: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.clip(units + rng.normal(0, 0.03, units.shape) * (units > 0), 0, 1)


CONTROLS: dict[str, Change] = {
    "exact": _exact,
    "flipped": _flipped,
    "windowed anew": _windowed,
    "shifted": _shifted,
    "scaled by 5 %": _scaled,
    "noisy": _noisy,
}
"""What is done to a training image to plant a copy of it, by name."""


def planted(sample: Sample, control: str) -> Sample:
    """A copy of a training image as a generator that learned it by heart might hand it out.

    Args:
        sample: Training image.
        control: Name of a change, see `CONTROLS`.

    Returns:
        The changed image, with a breast mask found on it anew; all draws follow from the sample's key.
    """
    top = 2**sample.bits_stored - 1
    rng = np.random.default_rng(int(draw_u64(0, f"audit/{control}/{sample.key}", 0)))
    units = CONTROLS[control](sample.image / top, rng)
    image: Image = np.asarray(np.rint(units * top), np.uint16)
    patch = is_patch(sample.breast)
    breast = np.ones(image.shape, np.bool_) if patch else breast_mask(image, sample.bits_stored)
    blank = np.zeros(image.shape, np.uint8)
    return sample.with_(key=f"{sample.key}-{control}", image=image, breast=breast, lesions=blank, findings=())
