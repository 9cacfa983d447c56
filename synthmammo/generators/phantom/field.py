"""Random fields in millimetres: the same seed draws the same anatomy on a grid of any spacing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

Field = NDArray[np.float32]
"""`float32 (H, W)` on a `Grid`."""

LATTICE_WIDTH_MM = 320.0
"""Width that random lattices are drawn for, whatever the field of view: a wider one leaves the draws as they are."""

_SPLINE_POWER = (151 / 315) ** 2  # mean square of a cubic B-spline surface over white unit coefficients


@dataclass(frozen=True)
class Grid:
    """Pixels whose centres lie at `(i + 0.5) * spacing_mm`; the first column is the chest wall, the first row the top.

    Attributes:
        height: Rows.
        width: Columns.
        spacing_mm: Distance of neighbouring pixels.
    """

    height: int
    width: int
    spacing_mm: float

    @property
    def rows_mm(self) -> NDArray[np.float32]:
        """Height of the row centres below the top edge, `float32 (H,)`."""
        return ((np.arange(self.height) + 0.5) * self.spacing_mm).astype(np.float32)

    @property
    def columns_mm(self) -> NDArray[np.float32]:
        """Distance of the column centres from the chest wall, `float32 (W,)`."""
        return ((np.arange(self.width) + 0.5) * self.spacing_mm).astype(np.float32)

    def coarser(self, spacing_mm: float) -> Grid:
        """A grid of at least this spacing that covers this one with two pixels to spare."""
        spacing_mm = max(spacing_mm, self.spacing_mm)
        extent = [int(np.ceil(n * self.spacing_mm / spacing_mm)) + 2 for n in (self.height, self.width)]
        return Grid(extent[0], extent[1], spacing_mm)


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of one named group of draws; groups are independent of each other and of their order."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@lru_cache(maxsize=256)
def _weights(n: int, spacing_mm: float, knots: int, knot_mm: float, interpolate: bool) -> sparse.csr_array:
    """Cubic weights `(n, knots)` from knots to samples; knot j lies at `(j + 0.5) * knot_mm` or, in a spline, at `j`."""
    at = (np.arange(n) + 0.5) * spacing_mm / knot_mm + (-0.5 if interpolate else 1.0)
    first = np.floor(at).astype(int)
    t = at - first
    if interpolate:  # Catmull-Rom
        taps = [
            ((2 - t) * t - 1) * t / 2,
            ((3 * t - 5) * t * t + 2) / 2,
            ((4 - 3 * t) * t + 1) * t / 2,
            (t - 1) * t * t / 2,
        ]
    else:  # cubic B-spline
        taps = [(1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6]
    columns = np.clip(first[:, None] + np.arange(-1, 3), 0, knots - 1)
    rows = np.repeat(np.arange(n), 4)
    entries = (np.stack(taps, 1).astype(np.float32).ravel(), (rows, columns.ravel()))
    return sparse.csr_array(entries, shape=(n, knots))


def upsample(values: Field, source: Grid, target: Grid) -> Field:
    """A field of a coarse grid on a finer one, by cubic interpolation."""
    if source == target:
        return values
    across = _weights(target.width, target.spacing_mm, source.width, source.spacing_mm, True)
    down = _weights(target.height, target.spacing_mm, source.height, source.spacing_mm, True)
    return np.asarray(down @ np.ascontiguousarray((across @ values.T).T), dtype=np.float32)


def lattice(rng: np.random.Generator, height_mm: float, step_mm: float) -> Field:
    """White normal numbers on knots `step_mm` apart; a taller one only adds rows."""
    rows = int(np.ceil(height_mm / step_mm)) + 4
    return rng.standard_normal((rows, int(LATTICE_WIDTH_MM / step_mm) + 4), dtype=np.float32)


def noise(rng: np.random.Generator, grid: Grid, step_mm: float) -> Field:
    """Smooth stationary noise of unit variance whose blobs are about `2 * step_mm` wide."""
    knots = lattice(rng, grid.height * grid.spacing_mm, step_mm)
    across = _weights(grid.width, grid.spacing_mm, knots.shape[1], step_mm, False)
    down = _weights(grid.height, grid.spacing_mm, knots.shape[0], step_mm, False)
    wide = np.ascontiguousarray((across @ knots.T).T)
    return np.asarray(down @ wide, dtype=np.float32) * np.float32(_SPLINE_POWER**-0.5)


def octaves(largest_mm: float, smallest_mm: float) -> Iterator[float]:
    """Knot distances from the largest, halved until below the smallest."""
    step_mm = largest_mm
    while step_mm >= smallest_mm:
        yield step_mm
        step_mm /= 2


def power_law(seed: int, name: str, grid: Grid, largest_mm: float, smallest_mm: float, beta: float) -> Field:
    """Noise with power spectrum `1 / f ** beta` between two knot distances, of unit variance from `largest_mm` down.

    Octaves finer than the grid are left out, so that a coarse grid shows the fine one's field without its detail.
    """
    total = np.zeros((grid.height, grid.width), np.float32)
    power = 0.0
    for i, step_mm in enumerate(octaves(largest_mm, smallest_mm)):
        share = 2.0 ** (-i * (beta - 2) / 2)
        power += share**2
        if step_mm >= 0.9 * grid.spacing_mm:
            total += np.float32(share) * noise(stream(seed, f"{name}/{i}"), grid, step_mm)
    return total / np.float32(power**0.5)


def warped(rng: np.random.Generator, along_mm: Field, across_mm: Field, steps_mm: tuple[float, float]) -> Field:
    """Unit noise in curved coordinates: stretched to `steps_mm` (along, across) of them."""
    span = [np.ptp(c) / s for c, s in zip((along_mm, across_mm), steps_mm, strict=True)]
    knots = rng.standard_normal((256, 256), dtype=np.float32)
    at = np.stack([(along_mm + 400) / steps_mm[0], (across_mm + 400) / steps_mm[1]])
    del span
    surface = ndimage.map_coordinates(knots, at, order=3, prefilter=False, mode="grid-wrap")
    return surface.astype(np.float32) * np.float32(_SPLINE_POWER**-0.5)


def line_distance(values: Field, spacing_mm: float) -> Field:
    """Distance in millimetres to the zero lines of a smooth field, to first order."""
    down, across = np.gradient(values, spacing_mm)
    slope = np.sqrt(down * down + across * across)
    return np.asarray(values / (slope + 0.15 * slope.mean()), dtype=np.float32)


def smoothstep(x: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, a cubic between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)
