"""Strands: hundreds of single thin curved ligaments, laid over each other as a projection lays them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthmammo.generators.phantom.field import Field, Grid, stream
from synthmammo.generators.phantom.outline import Outline

COUNT = 2400
"""Strands of a breast that fills the common field of view; half of them branch off others."""

_AREA_MM2 = 25_000.0
_STEP_MM = 2.0
_LONGEST = 45  # steps
_WIDTHS_MM = (0.28, 0.5)  # deviation of a strand's brightness across it, of thin ones and thick ones
_LENGTH_MM = (36.0, 0.45)  # median, and deviation of the logarithm
_TURN = 0.1  # deviation of the heading per step, radians
_SCATTER = 0.38  # deviation of the heading from that towards the nipple, radians
_CONTRAST = 0.65  # deviation of the logarithm of brightness


def strands(seed: int, outline: Outline, grid: Grid) -> Field:
    """Brightness of all strands together, `float32 (H, W)`, of mean 0 and a deviation of about 1 at 0.9 mm.

    Args:
        seed: Seed of the strands.
        outline: Shape of the breast; most strands head for its nipple.
        grid: Grid of the result.
    """
    rng = stream(seed, "strands")
    area = outline.reach * (outline.bottom_y - outline.top_y)
    count = max(8, int(COUNT * area / _AREA_MM2) // 2)
    paths = _parents(rng, outline, count)
    points = np.concatenate([paths, _branches(rng, paths)])
    length = np.clip(_LENGTH_MM[0] * np.exp(rng.normal(0, _LENGTH_MM[1], 2 * count)), 6, _LONGEST * _STEP_MM)
    light = np.exp(rng.normal(0, _CONTRAST, 2 * count))
    thick = rng.random(2 * count) < 0.2
    total = np.zeros((grid.height, grid.width), np.float32)
    for chosen, width_mm in ((~thick, _WIDTHS_MM[0]), (thick, _WIDTHS_MM[1])):
        laid = _lay(points[chosen], length[chosen], light[chosen], grid) * np.float32(width_mm)
        total += ndimage.gaussian_filter(laid, np.hypot(width_mm / grid.spacing_mm, 0.45), truncate=2.5)
    mean = float(light @ (length * np.where(thick, _WIDTHS_MM[1], _WIDTHS_MM[0]))) * 0.5 / area
    return np.asarray((total - np.float32(mean)) * np.float32(0.44))


def _walk(rng: np.random.Generator, start: NDArray[np.float64], heading: NDArray[np.float64]) -> NDArray[np.float64]:
    """Paths `(N, steps, 2)` as (y, x) in millimetres, whose heading drifts smoothly."""
    drift = rng.normal(0, _TURN, (len(start), _LONGEST + 6))
    drift = ndimage.uniform_filter1d(drift, 7, axis=1)[:, 3:-3] * 7**0.5 * 0.6
    angle = heading[:, None] + np.cumsum(drift, 1)
    steps = np.stack([np.sin(angle), np.cos(angle)], -1) * _STEP_MM
    return np.asarray(start[:, None] + np.cumsum(steps, 1))


def _parents(rng: np.random.Generator, outline: Outline, count: int) -> NDArray[np.float64]:
    middle = np.stack([rng.uniform(outline.top_y, outline.bottom_y, count), rng.uniform(-5, outline.reach, count)], 1)
    aim = np.arctan2(outline.nipple_y - middle[:, 0], outline.reach + 25 - middle[:, 1])
    heading = aim + rng.normal(0, _SCATTER, count) * rng.choice([0.5, 1.0, 2.2], count)
    back = np.stack([np.sin(heading), np.cos(heading)], 1) * 15
    return _walk(rng, middle - back, heading)


def _branches(rng: np.random.Generator, parents: NDArray[np.float64]) -> NDArray[np.float64]:
    count = len(parents)
    at = rng.integers(1, 16, count)
    which = np.arange(count)
    start = parents[which, at]
    along = np.arctan2(*(parents[which, at + 1] - parents[which, at - 1]).T)
    return _walk(rng, start, along + rng.choice([-1, 1], count) * rng.uniform(0.25, 0.9, count))


def _lay(points: NDArray[np.float64], length: NDArray[np.float64], light: NDArray[np.float64], grid: Grid) -> Field:
    """Light per square millimetre of lines whose light per millimetre rises from one end and falls to the other."""
    size = np.array([grid.height, grid.width]) * grid.spacing_mm
    start = points[:, :-1]
    begun = np.arange(start.shape[1]) * _STEP_MM / length[:, None]
    kept = (begun < 1) & ((start > -_STEP_MM) & (start < size + _STEP_MM)).all(-1)
    line = np.nonzero(kept)[0]
    parts = max(1, round(_STEP_MM / grid.spacing_mm))
    t = ((np.arange(parts) + 0.5) / parts).astype(np.float32)
    share = begun[kept].astype(np.float32)[:, None] + t * (_STEP_MM / length[line]).astype(np.float32)[:, None]
    weight = (light[line] * _STEP_MM / parts / grid.spacing_mm**2).astype(np.float32)[:, None]
    weight = weight * np.clip(4 * share * (1 - share), 0, 1)
    margin = int(2 * _STEP_MM / grid.spacing_mm) + 2
    step = np.diff(points, axis=1)[kept]
    row, column = (
        (start[kept][:, i, None] + t * step[:, i, None]).astype(np.float32) / np.float32(grid.spacing_mm)
        + (margin - 0.5)
        for i in (0, 1)
    )
    return _splat(row, column, weight, grid, margin)


def _splat(row: Field, column: Field, weight: Field, grid: Grid, margin: int) -> Field:
    """Weights shared out among the four nearest pixels of a grid with a margin, which is then cut off."""
    height, width = grid.height + 2 * margin, grid.width + 2 * margin
    top, left = row.astype(np.int32), column.astype(np.int32)
    down, across = row - top, column - left
    first = (top * width + left).ravel()
    flat = np.zeros(height * width)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        part = weight * (down if i else 1 - down) * (across if j else 1 - across)
        flat += np.bincount(first + (i * width + j), part.ravel(), len(flat))
    inner = slice(margin, margin + grid.height), slice(margin, margin + grid.width)
    return np.asarray(flat.reshape(height, width)[inner], dtype=np.float32)
