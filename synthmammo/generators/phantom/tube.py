"""Vessels and milk ducts: smooth winding tubes, drawn as the chord that a ray has inside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthmammo.generators.phantom.field import Field, Grid, stream
from synthmammo.generators.phantom.outline import Outline
from synthmammo.mammogram.sample import View

_STEP_MM = 1.0
_FADE_MM = 15.0
"""Over which a tube comes into and leaves the rays that are looked at; a blunt end would look cut off."""


@dataclass(frozen=True)
class Tube:
    """One tube.

    Attributes:
        points_mm: Centre line as (y, x) at steps of about 1 mm, `float64 (N, 2)`.
        radius_mm: Radius at each point, `float64 (N,)`.
    """

    points_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]


def _wander(
    rng: np.random.Generator, start_mm: tuple[float, float], heading: float, length_mm: float, turn: float
) -> NDArray[np.float64]:
    """A path whose curvature drifts; `heading` 0 points away from the chest wall, `turn` is in radians per cm."""
    n = max(4, int(length_mm / _STEP_MM))
    drift = np.convolve(rng.standard_normal(n + 24), np.hanning(25) / np.sqrt((np.hanning(25) ** 2).sum()), "valid")
    angle = heading + np.cumsum(drift) * turn * _STEP_MM / 10
    steps = np.stack([np.sin(angle), np.cos(angle)], 1) * _STEP_MM
    return np.asarray(start_mm) + np.cumsum(steps, 0)


def _ducts(rng: np.random.Generator, outline: Outline) -> list[Tube]:
    tubes = []
    for _ in range(rng.integers(4, 10)):
        start = (outline.nipple_y + rng.uniform(-3, 3), outline.reach - rng.uniform(0, 4))
        path = _wander(rng, start, np.pi + rng.uniform(-0.8, 0.8), outline.reach * rng.uniform(0.15, 0.5), 0.25)
        tubes.append(Tube(path, np.linspace(rng.uniform(0.6, 1.2), 0.25, len(path))))
    return tubes


def _vessels(rng: np.random.Generator, outline: Outline) -> list[Tube]:
    """Arteries and veins come from the axilla and the chest wall; some run in pairs, some fork."""
    tubes = []
    for _ in range(rng.integers(2, 7)):
        level = rng.uniform(0.05, 0.9)
        start = (outline.top_y + level * (outline.bottom_y - outline.top_y), rng.uniform(0, 0.3) * outline.reach)
        start = (max(start[0], rng.uniform(0, 20) if outline.view is View.MLO else start[0]), start[1])
        aim = np.arctan2(outline.nipple_y - start[0], outline.reach - start[1])
        path = _wander(rng, start, aim + rng.normal(0, 0.35), outline.reach * rng.uniform(0.6, 1.2), 0.35)
        radius = np.linspace(rng.uniform(0.7, 1.4), rng.uniform(0.4, 0.7), len(path))
        tubes.append(Tube(path, radius))
        if rng.random() < 0.3:
            tubes.append(Tube(path + np.array([[rng.uniform(2.5, 5), rng.uniform(-1, 1)]]), 0.6 * radius))
        if rng.random() < 0.5:
            at = int(len(path) * rng.uniform(0.3, 0.7))
            fork = _wander(rng, tuple(path[at]), aim + rng.choice([-1, 1]) * rng.uniform(0.4, 0.9), 40, 0.35)
            tubes.append(Tube(fork, np.linspace(0.7 * radius[at], 0.35, len(fork))))
    return tubes


def _calcified(rng: np.random.Generator, vessel: Tube) -> list[Tube]:
    """Two broken lines of calcium along the walls of a vessel."""
    tangent = np.gradient(vessel.points_mm, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / np.maximum(np.hypot(*tangent.T), 1e-6)[:, None]
    walls = []
    for side in (-1, 1):
        present = np.convolve(rng.standard_normal(len(normal) + 4), np.ones(5) / 5**0.5, "valid") > 0
        at = vessel.points_mm + side * vessel.radius_mm[:, None] * normal
        walls.append(Tube(at, np.where(present, rng.uniform(0.25, 0.4), 0.02)))
    return walls


def draw_tubes(seed: int, outline: Outline) -> list[Tube]:
    """The ducts and vessels of one breast; one breast in eight has vessels with calcified walls."""
    vessels = _vessels(stream(seed, "vessels"), outline)
    rng = stream(seed, "vessels/calcified")
    walls = []
    if rng.random() < 0.125:
        walls = [wall for vessel in vessels if rng.random() < 0.5 for wall in _calcified(rng, vessel)]
    return _ducts(stream(seed, "ducts"), outline) + vessels + walls


def chords(tubes: list[Tube], grid: Grid) -> Field:
    """Length in millimetres that a ray has inside the tubes, the longest where they cross, `float32 (H, W)`."""
    field = np.zeros((grid.height, grid.width), np.float32)
    for tube in tubes:
        _stamp(field, tube, grid.spacing_mm)
    return field


def _stamp(field: Field, tube: Tube, spacing_mm: float) -> None:
    steps = np.arange(0, len(tube.points_mm) - 1, 0.5 * spacing_mm / _STEP_MM)
    index = np.arange(len(tube.points_mm))
    centre = np.stack([np.interp(steps, index, tube.points_mm[:, k]) for k in (0, 1)], 1)
    tangent = np.stack([np.interp(steps, index, np.gradient(tube.points_mm[:, k])) for k in (0, 1)], 1)
    tangent /= np.hypot(tangent[:, 0], tangent[:, 1])[:, None]
    radius = np.interp(steps, index, tube.radius_mm)
    # Widened by the pixel, with the same cross-section.
    wide = np.hypot(radius, 0.6 * spacing_mm)
    offset = np.arange(-wide.max(), wide.max() + spacing_mm, 0.5 * spacing_mm)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    pixel = np.floor((centre[:, None] + offset[None, :, None] * normal[:, None]) / spacing_mm).astype(np.int64)
    aside = (((pixel + 0.5) * spacing_mm - centre[:, None]) * normal[:, None]).sum(-1)
    fade = np.clip(np.minimum(steps, steps[-1] - steps) * _STEP_MM / _FADE_MM, 0, 1)
    chord = 2 * (fade * radius**2 / wide)[:, None] * np.sqrt(np.clip(1 - (aside / wide[:, None]) ** 2, 0, None))
    inside = ((pixel >= 0) & (pixel < field.shape)).all(-1) & (chord > 0)
    np.maximum.at(field, (pixel[inside][:, 0], pixel[inside][:, 1]), chord[inside].astype(np.float32))
