"""Grey levels as networks see them, and planes at other sizes: one mapping, one resampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.sample import Image, Mask, Plane

_WINDOW_PIXELS = 250_000


@dataclass(frozen=True)
class Intensity:
    """The mapping between grey levels and the [-1, 1] that generators see: low is -1, high is 1.

    Attributes:
        low: Grey level that becomes -1.
        high: Grey level that becomes 1.
    """

    low: float
    high: float

    @classmethod
    def of(cls, image: Image, breast: Mask) -> Intensity:
        """The mapping of an image: percentiles 0.5 and 99.5 inside the breast become -1 and 1.

        So a contrast means the same on film, phantom and DICOM.

        Args:
            image: `uint16 (H, W)`.
            breast: `bool (H, W)`; an empty mask stands for the whole image.
        """
        step = max(1, round((image.size / _WINDOW_PIXELS) ** 0.5))
        grid = (slice(None, None, step), slice(None, None, step))
        inside = image[grid][breast[grid]]
        low, high = np.percentile(inside if inside.size else image[grid], (0.5, 99.5))
        return cls(float(low), float(max(high, low + 1)))

    def units(self, grey: NDArray[np.generic], limit: float = 1.0) -> Plane:
        """Grey levels as `float32` intensities.

        Args:
            grey: `(H, W)` grey levels of any dtype.
            limit: Intensities are clipped to [-limit, limit]; 1 by default.
        """
        scale = np.float32(2 / (self.high - self.low))
        mapped = (grey.astype(np.float32) - np.float32(self.low)) * scale - 1
        return np.asarray(np.clip(mapped, -limit, limit), np.float32)

    def white(self, bits_stored: int) -> float:
        """Intensity of the highest grey level of a bit depth; at least 1."""
        highest = float(2**bits_stored - 1)
        return max(1.0, 2 * (highest - self.low) / (self.high - self.low) - 1)

    def grey(self, channel: Plane) -> Plane:
        """A difference of intensities (in units of [-1, 1]) as a difference of grey levels."""
        return np.asarray(channel * np.float32((self.high - self.low) / 2), np.float32)


def resample(plane: Plane, shape: tuple[int, int]) -> Plane:
    """A plane at another size: interpolated linearly when enlarged, by a triangle filter when reduced.

    Args:
        plane: `float32 (H, W)`.
        shape: Wanted (rows, columns).

    Returns:
        `float32` of that shape; the plane itself when it already has that shape.
    """
    if plane.shape == shape:
        return plane
    rows, columns = (_weights(plane.shape[axis], shape[axis]) for axis in (0, 1))
    return np.asarray((rows @ plane) @ columns.T, np.float32)


def _weights(source: int, target: int) -> NDArray[np.float32]:
    """`float32 (target, source)` rows that sum to one: a triangle as wide as the coarser of the two pixels."""
    ratio = source / target
    width = max(ratio, 1.0)
    centres = (np.arange(target) + 0.5) * ratio - 0.5
    distance = np.abs(np.arange(source)[None] - centres[:, None]) / width
    weights = np.maximum(1 - distance, 0)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)
