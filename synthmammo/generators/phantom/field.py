"""Random fields in millimetres: the same seed draws the same anatomy on a grid of any spacing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Field = NDArray[np.float32]
"""`float32 (H, W)` on a `Grid`."""

_REACH_MM = 320.0  # lattices are drawn this wide whatever the field of view, so that a wider one keeps the draws

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
        """Distance of the row centres from the top edge, `float32 (H,)`."""
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


def _weights(at: NDArray[np.float64], knots: int, interpolate: bool = False) -> sparse.csr_array:
    """Cubic weights `(N, knots)` for N places given in knots: a B-spline's, or those that meet the knots' values."""
    first = np.floor(at).astype(np.int64)
    t = at - first
    if interpolate:  # Catmull-Rom
        outer = [((2 - t) * t - 1) * t / 2, (t - 1) * t * t / 2]
        inner = [((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2]
    else:
        outer = [(1 - t) ** 3 / 6, t**3 / 6]
        inner = [(3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6]
    weights = np.stack([outer[0], *inner, outer[1]], 1).astype(np.float32)
    columns = np.clip(first[:, None] + np.arange(-1, 3), 0, knots - 1)
    return sparse.csr_array((weights.ravel(), columns.ravel(), np.arange(0, 4 * len(at) + 1, 4)), (len(at), knots))


def _apply(down: sparse.csr_array, across: sparse.csr_array, values: Field) -> Field:
    return np.asarray(down @ np.ascontiguousarray((across @ values.T).T), dtype=np.float32)


def upsample(values: Field, source: Grid, target: Grid) -> Field:
    """A field of a coarse grid on a finer one, by cubic interpolation."""
    if source == target:
        return values
    down = _weights(target.rows_mm.astype(np.float64) / source.spacing_mm - 0.5, source.height, True)
    across = _weights(target.columns_mm.astype(np.float64) / source.spacing_mm - 0.5, source.width, True)
    return _apply(down, across, values)


def noise_at(
    rng: np.random.Generator,
    rows_mm: NDArray[np.float32],
    columns_mm: NDArray[np.float32],
    step_mm: tuple[float, float],
) -> Field:
    """Smooth stationary noise of unit variance at the crossings of rows and columns, neither negative.

    Args:
        rng: Source of the knots.
        rows_mm: `float32 (H,)`, ascending.
        columns_mm: `float32 (W,)`, ascending, at most 320.
        step_mm: Distance of the knots down and across; a blob is about twice as wide.
    """
    at = [np.asarray(c, np.float64) / s + 1 for c, s in zip((rows_mm, columns_mm), step_mm, strict=True)]
    shape = (int(at[0][-1]) + 3, int(_REACH_MM / step_mm[1]) + 4)
    knots = rng.standard_normal(shape, dtype=np.float32)
    return _apply(_weights(at[0], shape[0]), _weights(at[1], shape[1]), knots) * np.float32(_SPLINE_POWER**-0.5)


def noise(rng: np.random.Generator, grid: Grid, step_mm: float) -> Field:
    """Smooth stationary noise of unit variance with knots `step_mm` apart."""
    return noise_at(rng, grid.rows_mm, grid.columns_mm, (step_mm, step_mm))


def octaves(largest_mm: float, smallest_mm: float) -> Iterator[float]:
    """Knot distances from the largest, halved until below the smallest."""
    step_mm = largest_mm
    while step_mm >= smallest_mm:
        yield step_mm
        step_mm /= 2


def power_law(seed: int, name: str, grid: Grid, largest_mm: float, smallest_mm: float, beta: float) -> Field:
    """Noise of unit variance with power spectrum `1 / f ** beta` between two knot distances.

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


def smoothstep(x: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, a cubic between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
