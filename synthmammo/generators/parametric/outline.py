"""Drawing tools of masses and particles: sampling grids, closed outlines, 1/f texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.mammogram.sample import Mask

Array = NDArray[np.float32]

ANGLES = 720
"""Number of directions that an outline is tabulated at."""
_THETA = np.arange(ANGLES) * (2 * np.pi / ANGLES)


@dataclass(frozen=True)
class Rendering:
    """A lesion before it meets tissue.

    Attributes:
        density: Attenuation relative to its peak, `float32 (N, N)`.
        mask: Extent, `bool (N, N)`.
    """

    density: Array
    mask: Mask


@dataclass(frozen=True)
class LesionGrid:
    """Square pixels centred on the lesion, each sampled `oversampling` times along rows and columns.

    Attributes:
        size: Side of the grid, in pixels.
        spacing_mm: Millimetres per pixel.
        finest_mm: Greatest admissible distance between samples, in millimetres.
    """

    size: int
    spacing_mm: float
    finest_mm: float

    @property
    def oversampling(self) -> int:
        """Number of samples along a side of a pixel."""
        return max(1, int(np.ceil(self.spacing_mm / self.finest_mm - 1e-6)))

    def axis_mm(self, start: int = 0, stop: int | None = None) -> Array:
        """Places of samples along one axis, in millimetres from the centre of the grid.

        Args:
            start: First pixel; 0 by default.
            stop: Pixel after the last one; by default the end of the grid.
        """
        samples = np.arange(start * self.oversampling, (self.size if stop is None else stop) * self.oversampling)
        step_mm = self.spacing_mm / self.oversampling
        return np.asarray((samples + 0.5) * step_mm - self.size * self.spacing_mm / 2, np.float32)

    def pixels(self, low_mm: float, high_mm: float) -> slice:
        """Indices of the pixels of the grid that touch an interval.

        Args:
            low_mm: Lower end of the interval, in millimetres from the centre.
            high_mm: Upper end of the interval, in millimetres from the centre.
        """
        first = int(np.floor(low_mm / self.spacing_mm + self.size / 2))
        last = int(np.ceil(high_mm / self.spacing_mm + self.size / 2))
        return slice(min(max(first, 0), self.size), min(max(last, 0), self.size))

    def average(self, samples: Array) -> Array:
        """Means over the samples of each pixel: `(h * oversampling, w * oversampling)` to `(h, w)`."""
        k = self.oversampling
        if k == 1:
            return samples
        height, width = samples.shape
        means = samples.reshape(height // k, k, width // k, k).mean((1, 3), dtype=np.float32)
        return np.asarray(means, np.float32)


def fourier(rng: np.random.Generator, orders: range, amplitude: float, decay: float = 1.0) -> Array:
    """A random periodic function, `float32 (ANGLES,)`.

    Args:
        rng: Generator of the random draws.
        orders: Orders of the waves it consists of.
        amplitude: Standard deviation of the function.
        decay: Exponent by which order n weighs n^-decay; 1 by default.
    """
    n = np.array(orders, np.float64)
    weights = rng.normal(size=len(n)) * n**-decay
    phases = rng.uniform(0, 2 * np.pi, len(n))
    wave = (weights[:, None] * np.cos(n[:, None] * _THETA + phases[:, None])).sum(0)
    return np.asarray(wave * amplitude / max(float(wave.std()), 1e-9), np.float32)


def ellipse(aspect: float, angle: float) -> Array:
    """Radius of an ellipse with half-axes 1 and `aspect`, turned by `angle` in radians: `float32 (ANGLES,)`."""
    along, across = np.cos(_THETA - angle), np.sin(_THETA - angle)
    return np.asarray(1 / np.hypot(along, across / aspect), np.float32)


def polygon(rng: np.random.Generator, corners: int, shortest: float) -> Array:
    """Radius of a polygon with corners at random distances in [shortest, 1]: `float32 (ANGLES,)`."""
    turns = (np.arange(corners) + rng.uniform(-0.32, 0.32, corners)) * (2 * np.pi / corners)
    radii = rng.uniform(shortest, 1, corners)
    following, next_turns = np.roll(radii, -1), np.append(turns[1:], turns[0] + 2 * np.pi)
    theta = (_THETA - turns[0]) % (2 * np.pi) + turns[0]
    side = np.searchsorted(turns, theta, "right") - 1
    before, after, span = radii[side], following[side], next_turns[side] - turns[side]
    from_before, to_after = theta - turns[side], next_turns[side] - theta
    # The straight line between two corners, in polar coordinates.
    height = before * np.sin(from_before) + after * np.sin(to_after)
    return np.asarray(before * after * np.sin(span) / height, np.float32)


def smooth(radius: Array, degrees: float) -> Array:
    """The outline with its corners rounded over about `degrees`."""
    return np.asarray(ndimage.gaussian_filter1d(radius, degrees * ANGLES / 360, mode="wrap"), np.float32)


def points(radius: Array) -> Array:
    """An outline as `float32 (2, ANGLES)` of y and x."""
    return np.stack([radius * np.sin(_THETA), radius * np.cos(_THETA)], dtype=np.float32)


def longest_extent(places: Array) -> float:
    """Longest distance between parallel tangents (the greatest Feret diameter) of `(2, P)` points."""
    directions = np.arange(90) * (np.pi / 90)
    along = np.sin(directions)[:, None] * places[0] + np.cos(directions)[:, None] * places[1]
    return float(np.ptp(along, axis=1).max())


def direction(y: Array, x: Array) -> Array:
    """Direction of (y, x) as a place in the tables of this module, in [-ANGLES / 2, ANGLES / 2]."""
    return np.asarray(np.arctan2(y, x) * np.float32(ANGLES / (2 * np.pi)))


def look_up(table: Array, turn: Array) -> Array:
    """A tabulated periodic function at the directions `turn`."""
    return np.asarray(np.take(table, np.rint(turn).astype(np.int32), mode="wrap"))


def texture(rng: np.random.Generator, cells: int, slope: float) -> Array:
    """Periodic noise with mean 0 and standard deviation 1: `float32 (cells, cells)`.

    Args:
        rng: Generator of the random draws.
        cells: Side of the lattice, in cells.
        slope: Exponent of the amplitude spectrum f^-slope.
    """
    rows, columns = np.fft.fftfreq(cells)[:, None], np.fft.rfftfreq(cells)[None, :]
    frequency = np.maximum(np.hypot(rows, columns), 1 / cells)
    spectrum = np.fft.rfft2(rng.standard_normal((cells, cells))) * frequency**-slope
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (cells, cells))
    return np.asarray(noise / noise.std(), np.float32)


def stretch(cells: Array, axis_mm: Array, side_mm: float) -> Array:
    """A lattice stretched over a square and interpolated at samples.

    Args:
        cells: Lattice, `float32 (N, N)`.
        axis_mm: Places of the samples along either axis, `float32 (M)`, in millimetres from the centre.
        side_mm: Side of the square, in millimetres.

    Returns:
        `float32 (M, M)`.
    """
    places = (axis_mm / side_mm + 0.5) * (len(cells) - 1)
    low = np.clip(places.astype(np.int32), 0, len(cells) - 2)
    part = np.clip(places - low, 0, 1).astype(np.float32)
    part = part * part * (3 - 2 * part)
    rows = cells[low] * (1 - part)[:, None] + cells[low + 1] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, low + 1] * part)
