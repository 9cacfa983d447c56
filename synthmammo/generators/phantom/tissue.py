"""What the breast is made of: glandular share with its texture, ligaments, ducts, vessels, muscle, implant."""

from __future__ import annotations

import numpy as np

from synthmammo.generators.phantom.fibre import Fan, Weave, draw_fan, septa
from synthmammo.generators.phantom.field import Field, Grid, noise, power_law, smoothstep, stream, upsample
from synthmammo.generators.phantom.implant import Implant
from synthmammo.generators.phantom.outline import Outline
from synthmammo.generators.phantom.strand import strands
from synthmammo.generators.phantom.tube import chords, draw_tubes
from synthmammo.mammogram.sample import View

_FILL = {"a": -2.6, "b": -1.2, "c": -0.1, "d": 1.2}  # of the cone behind the nipple, in deviations of the lobules
_PEAK = {"a": 0.48, "b": 0.63, "c": 0.78, "d": 0.92}  # glandular share where it is filled
_SUBCUTANEOUS = {"a": 1.3, "b": 1.15, "c": 1.0, "d": 0.75}  # depth of the fat below the skin, over the common one

STREAMS = Weave(28, 4.5)
"""A fan of fibres that stream towards the nipple."""

SEPTA_MM = (9.0, 5.0, 2.8, 1.6)
"""Half the width of the cells between walls of connective tissue."""

MUSCLE = Weave(55, 5.0)
"""Fibres of the pectoral muscle, along its edge."""


def _prior(seed: int, outline: Outline, density: str, grid: Grid, depth: Field, implant: Implant | None) -> Field:
    """Where glandular tissue is likely, in deviations of the lobules: a cone behind the nipple, fat around it."""
    rng = stream(seed, "disc")
    y, x = grid.rows_mm[:, None], grid.columns_mm[None, :]
    centre_x = outline.reach * rng.uniform(0.45, 0.68)
    centre_y = outline.nipple_y + outline.reach * rng.uniform(-0.28, 0.08)
    half_x = outline.reach * rng.uniform(0.3, 0.5)
    half_y = outline.reach * rng.uniform(0.38, 0.68)
    tilt = rng.uniform(-0.1, 0.5) if outline.view is View.MLO else rng.uniform(-0.2, 0.2)
    u, v = (x - centre_x) + tilt * (y - centre_y), (y - centre_y) - tilt * (x - centre_x)
    radius = np.sqrt((u / half_x) ** 2 + (v / half_y) ** 2)
    fat_mm = rng.uniform(5, 13) * _SUBCUTANEOUS[density]
    nipple = np.exp(-(((y - outline.nipple_y) ** 2) + (x - outline.reach) ** 2) / 18**2)
    prior = (
        2.0 * (1 - radius**1.8).clip(-2.5, 1)
        - 2.5 * (1 - smoothstep(depth, 0.3 * fat_mm, 1.8 * fat_mm)) * (1 - 0.9 * nipple)
        + 1.5 * nipple
        + _FILL[density]
        + rng.normal(0, 0.35)
    )
    if implant:  # The tissue it displaces lies as a cap before it.
        prior += 1.5 * np.exp(-(((implant.radius(grid) - 1.25) / 0.2) ** 2)) - 0.5
    return prior.astype(np.float32)


def glandular_share(
    seed: int, outline: Outline, density: str, grid: Grid, depth: Field, implant: Implant | None
) -> Field:
    """Fibroglandular share of the compressed thickness without muscle and implant.

    Args:
        seed: Seed of the texture.
        outline: Shape of the breast.
        density: BI-RADS composition "a" to "d".
        grid: Grid of the result.
        depth: Distance to the skin in millimetres on `grid.coarser(1.5)`.
        implant: What pushes the tissue aside, if anything.

    Returns:
        `float32 (H, W)`, about 0 to 1.
    """
    rng, coarse = stream(seed, "tissue"), grid.coarser(1.5)
    prior = _prior(seed, outline, density, coarse, depth, implant)
    # Lobules of fat between those of gland: as large as 3 cm, rounded.
    lobules = power_law(seed, "lobules", coarse, 22.0, 2.5, rng.uniform(3.0, 3.6))
    prior, lobules = (upsample(field, coarse, grid) for field in (prior, lobules))
    net = _net(seed, outline, coarse, grid)
    field = prior + np.float32(0.9) * lobules + np.float32(0.4) * net
    peak = np.float32(_PEAK[density] * np.exp(np.clip(rng.normal(0, 0.3), -0.6, 0.6)))
    gland = peak / (1 + np.exp(np.float32(-1.2) * field))
    near = np.clip(np.float32(0.9) + np.float32(0.12) * (prior + lobules), 0.65, 1)
    fat = near * np.float32(rng.uniform(0.075, 0.14))
    share = gland * (np.float32(0.85) + np.float32(0.115) * net) + fat * net
    share += np.float32(0.03) * lobules
    share += chords(draw_tubes(seed, outline), grid) * np.float32(2.0 / outline.thickness)
    return np.asarray(share, dtype=np.float32)


def _net(seed: int, outline: Outline, coarse: Grid, grid: Grid) -> Field:
    """Strands and walls of connective tissue, of mean 0 and a deviation of about 1."""
    rng = stream(seed, "net")
    mix = rng.dirichlet((4, 4, 2)) * 1.5 * float(np.exp(rng.normal(0, 0.3)))
    net = np.float32(mix[0]) * strands(seed, outline, grid)
    fan = draw_fan(seed, "0", (outline.nipple_y, outline.reach), coarse, grid)
    net += np.float32(mix[1]) * fan.fibres(seed, "fibre/0", STREAMS)
    net += np.float32(mix[2]) * septa(seed, "septa", grid, SEPTA_MM)
    return net


def overlay_pectoral(seed: int, share: Field, outline: Outline, grid: Grid) -> Field:
    """The share with the pectoral muscle in the ray."""
    rng = stream(seed, "pectoral")
    inside = outline.pectoral_depth(grid)
    level, soft_mm = np.float32(rng.uniform(0.75, 1.1)), rng.uniform(2, 8)
    muscle = smoothstep(inside, -0.5 * soft_mm, 0.5 * soft_mm) * (0.75 + 0.25 * smoothstep(inside, 0, 30))
    muscle *= 1 - np.float32(rng.uniform(0.05, 0.3)) * np.clip(grid.rows_mm / outline.pectoral_y, 0, 1)[:, None]
    along = grid.rows_mm[:, None] + np.float32(0.3) * inside
    across = inside + 4 * noise(stream(seed, "muscle/bend"), grid, 40.0)
    fibres = Fan(along - along.min(), np.clip(across + 200, 0, 320), grid.spacing_mm).fibres(seed, "muscle", MUSCLE)
    muscle *= np.float32(0.93) + np.float32(0.06) * fibres
    return np.asarray(share * (1 - np.float32(0.45) * muscle) + level * muscle, dtype=np.float32)
