"""What the breast is made of: glandular share with its texture, ligaments, ducts, vessels, muscle fibres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthmammo.generators.phantom.field import (
    Field,
    Grid,
    line_distance,
    noise,
    power_law,
    smoothstep,
    stream,
    upsample,
    warped,
)
from synthmammo.generators.phantom.outline import Outline
from synthmammo.sample import View

_FILL = {"a": -1.5, "b": -0.65, "c": 0.25, "d": 1.3}
_PEAK = {"a": 0.45, "b": 0.6, "c": 0.75, "d": 0.9}


@dataclass(frozen=True)
class Tissue:
    """Shares of the compressed thickness, `float32 (H, W)` each.

    Attributes:
        gland: Fibroglandular tissue, 0 to 1.
        strands: Ligaments, ducts and vessels, in the same unit, added to it.
    """

    gland: Field
    strands: Field


def _prior(seed: int, outline: Outline, density: str, grid: Grid, depth: Field) -> Field:
    """Where glandular tissue is likely, in standard deviations of the texture: a disc behind the nipple."""
    rng = stream(seed, "disc")
    y, x = grid.rows_mm[:, None], grid.columns_mm[None, :]
    centre_x = outline.reach * rng.uniform(0.5, 0.66)
    centre_y = outline.nipple_y + outline.reach * rng.uniform(-0.22, 0.06)
    half_x = outline.reach * rng.uniform(0.42, 0.55)
    half_y = outline.reach * rng.uniform(0.42, 0.62)
    tilt = rng.uniform(-0.1, 0.5) if outline.view is View.MLO else rng.uniform(-0.2, 0.2)
    u, v = (x - centre_x) + tilt * (y - centre_y), (y - centre_y) - tilt * (x - centre_x)
    radius = np.sqrt((u / half_x) ** 2 + (v / half_y) ** 2)
    fat_mm = rng.uniform(5, 13) * {"a": 1.3, "b": 1.15, "c": 1.0, "d": 0.75}[density]
    nipple = np.exp(-(((y - outline.nipple_y) ** 2) + (x - outline.reach) ** 2) / 18**2)
    return (
        1.6 * (1 - radius**1.6).clip(-2.5, 1)
        - 3 * (1 - smoothstep(depth, 0.3 * fat_mm, 1.6 * fat_mm)) * (1 - 0.7 * nipple)
        + 0.9 * nipple
        + np.float32(_FILL[density] + rng.normal(0, 0.2))
    ).astype(np.float32)


def _fan(seed: int, outline: Outline, grid: Grid) -> tuple[Field, Field]:
    """Coordinates along and across the fan of ducts and ligaments that runs from the nipple, in millimetres."""
    rng = stream(seed, "fan")
    y, x = grid.rows_mm[:, None], grid.columns_mm[None, :]
    dy, dx = y - outline.nipple_y, (outline.reach + rng.uniform(5, 30)) - x
    bend = [noise(stream(seed, f"bend/{i}"), grid, 22.0) * np.float32(rng.uniform(4, 8)) for i in (0, 1)]
    dy, dx = dy + bend[0], dx + bend[1]
    return np.hypot(dy, dx), np.arctan2(dy, np.abs(dx) + 12) * np.float32(rng.uniform(55, 75))


def make_tissue(seed: int, outline: Outline, density: str, grid: Grid, depth: Field, coarse: Grid) -> Tissue:
    """Tissue on `grid`; `depth` is the distance to the skin on `coarse`."""
    rng = stream(seed, "tissue")
    middle = grid.coarser(0.75)
    along, across = _fan(seed, outline, middle)
    prior = upsample(_prior(seed, outline, density, coarse, depth), coarse, grid)
    texture = power_law(seed, "texture", grid, 16.0, 0.25, rng.uniform(2.7, 3.2))
    streaks = upsample(warped(stream(seed, "streaks"), along, across, (16.0, 4.0)), middle, grid)
    lean = prior + np.float32(1.0) * texture + np.float32(0.45) * streaks
    strands = np.zeros_like(prior)
    favour = 0.25 + 0.75 / (1 + np.exp(-1.5 * (prior + 1.0)))
    for i, (steps, width_mm, strength) in enumerate(
        [((26.0, 9.0), 0.55, 0.16), ((17.0, 5.5), 0.4, 0.12), ((11.0, 3.0), 0.28, 0.09)]
    ):
        distance = line_distance(warped(stream(seed, f"strand/{i}"), along, across, steps), middle.spacing_mm)
        presence = smoothstep(noise(stream(seed, f"presence/{i}"), middle, 7.0), -0.6, 1.6)
        width = np.hypot(width_mm, 0.45 * grid.spacing_mm)
        line = np.exp(-((upsample(distance, middle, grid) / np.float32(width)) ** 2) / 2)
        line *= upsample(presence, middle, grid)
        lean += np.float32(1.2 * strength / 0.16) * line
        strands += np.float32(strength * width_mm / width) * line
    strands *= favour
    gland = np.float32(_PEAK[density]) / (1 + np.exp(-1.7 * lean))
    return Tissue(gland=gland, strands=strands)
