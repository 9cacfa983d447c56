"""Fibres: Cooper's ligaments and the filaments of glandular tissue, made straight and bent along a fan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from synthmammo.generators.phantom.field import Field, Grid, noise, noise_at, stream, upsample

_ACROSS_MM = 150.0  # added to the signed coordinate across the fan, as noise begins at 0
_GENERATIONS = 6
_FADE = 1.06  # brightness of a generation over that of the one before
_SHARPNESS = (4.0, 5.0)  # inverse width of a crest in standard deviations of the noise: per mm of knot distance, least


class Weave(NamedTuple):
    """Fibres of several sizes, each generation half the size of the one before.

    Attributes:
        along_mm: Knot distance, along the fibres, of the noise whose zero lines the largest follow.
        across_mm: The same across.
    """

    along_mm: float
    across_mm: float


@dataclass(frozen=True)
class Fan:
    """Curved coordinates of fibres.

    Attributes:
        along: Millimetres along the fibres, not negative, `float32 (H, W)`.
        across: Millimetres across them, 0 to 320, `float32 (H, W)`.
        spacing_mm: Pixel spacing.
    """

    along: Field
    across: Field
    spacing_mm: float

    def fibres(self, seed: int, name: str, weave: Weave) -> Field:
        """Fibres laid along the fan, `float32 (H, W)` of mean 0; their deviation is about 1.7."""
        pixel_mm = (2 * self.spacing_mm, self.spacing_mm)
        start = float(self.along.min()), float(self.across.min())
        spans = float(np.ptp(self.along)), float(np.ptp(self.across))
        rows_mm, columns_mm = (
            (s + p * np.arange(int(w / p) + 2)).astype(np.float32)
            for s, w, p in zip(start, spans, pixel_mm, strict=True)
        )
        sheet = _sheet(seed, name, weave, rows_mm, columns_mm, pixel_mm)
        at = np.stack([(self.along - start[0]) / pixel_mm[0], (self.across - start[1]) / pixel_mm[1]])
        return np.asarray(ndimage.map_coordinates(sheet, at, order=1, prefilter=False, mode="nearest"))


def _sheet(
    seed: int, name: str, weave: Weave, rows_mm: Field, columns_mm: Field, pixel_mm: tuple[float, float]
) -> Field:
    """Straight fibres on a plane; finer ones lie mostly beside coarser ones."""
    presence = noise_at(stream(seed, f"{name}/presence"), rows_mm, columns_mm, (24.0, 10.0))
    weight = np.clip(np.float32(0.8) + np.float32(0.4) * presence, 0.1, 2)
    sheet = np.zeros_like(weight)
    for i in range(_GENERATIONS):
        step_mm = (weave.along_mm / 2**i, weave.across_mm / 2**i)
        if step_mm[1] < 0.8 * pixel_mm[1]:
            break
        values = noise_at(stream(seed, f"{name}/{i}"), rows_mm, columns_mm, step_mm)
        crest = _crests(values, max(_SHARPNESS[0] * step_mm[1], _SHARPNESS[1]), pixel_mm)
        sheet += np.float32(_FADE**i) * weight * (crest + np.float32(0.12) * values)
        weight *= np.clip(np.float32(0.75) + np.float32(0.7) * crest, 0.3, 1.6)
    return np.asarray(sheet)


def _crests(values: Field, sharpness: float, pixel_mm: tuple[float, float]) -> Field:
    """Crests along the zero lines, mean 0; a pixel wider than a crest shows it wider and fainter, with the same sum."""
    down, across = np.gradient(values, *pixel_mm)
    blur = 1 + np.sqrt(down * down + across * across) * np.float32(0.35 * pixel_mm[1] * sharpness)
    crest = np.exp(np.abs(values) / blur * np.float32(-sharpness)) / blur
    return np.asarray((crest - np.float32(0.8 / sharpness)) * np.float32(2.5))


def draw_fan(seed: int, name: str, nipple_mm: tuple[float, float], coarse: Grid, grid: Grid) -> Fan:
    """A fan with its origin beyond the nipple at (y, x), gently bent."""
    rng = stream(seed, f"fan/{name}")
    y, x = coarse.rows_mm[:, None], coarse.columns_mm[None, :]
    bend = [noise(stream(seed, f"fan/{name}/{i}"), coarse, 20.0) * np.float32(rng.uniform(3, 7)) for i in (0, 1)]
    beyond = rng.uniform(5, 70)
    dy = y - nipple_mm[0] + rng.normal(0, 12) + bend[0]
    dx = nipple_mm[1] + beyond - x + bend[1]
    along = np.hypot(dy, dx)
    across = np.arctan2(dy, np.abs(dx) + 10) * (50 + 0.7 * beyond) + _ACROSS_MM
    fine = [upsample(c.astype(np.float32), coarse, grid) for c in (along, np.clip(across, 0, 2 * _ACROSS_MM))]
    return Fan(np.maximum(fine[0], 0), np.maximum(fine[1], 0), grid.spacing_mm)


def septa(seed: int, name: str, grid: Grid, steps_mm: Sequence[float]) -> Field:
    """Thin curved walls around rounded cells, as septa lie around the lobules of fat, `float32 (H, W)` of mean 0.

    Args:
        seed: Seed of the walls.
        name: Name of their draws.
        grid: Grid of the result.
        steps_mm: Knot distances of the noise whose zero lines the walls follow, from the largest; a cell is about
            twice as wide. Finer walls lie mostly beside coarser ones.
    """
    weight = np.clip(0.7 + np.float32(0.5) * noise(stream(seed, f"{name}/presence"), grid, 14.0), 0.05, 2)
    walls = np.zeros_like(weight)
    for i, step_mm in enumerate(steps_mm):
        if step_mm < 1.2 * grid.spacing_mm:
            break
        values = noise(stream(seed, f"{name}/{i}"), grid, step_mm)
        crest = _crests(values, max(_SHARPNESS[0] * step_mm, _SHARPNESS[1]), (grid.spacing_mm, grid.spacing_mm))
        walls += weight * crest
        weight *= np.clip(np.float32(0.75) + np.float32(0.5) * crest, 0.3, 1.5)
    return np.asarray(walls)
