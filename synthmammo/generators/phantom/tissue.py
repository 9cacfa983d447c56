"""What the breast is made of: glandular share with its texture, ligaments, ducts, vessels, muscle, implant."""

from __future__ import annotations

import numpy as np

from synthmammo.generators.phantom.fibre import Fan, Weave, draw_fan
from synthmammo.generators.phantom.field import Field, Grid, noise, power_law, smoothstep, stream, upsample
from synthmammo.generators.phantom.implant import Implant
from synthmammo.generators.phantom.outline import Outline
from synthmammo.generators.phantom.tube import chords, draw_tubes
from synthmammo.mammogram.sample import View

_FILL = {"a": -2.0, "b": -0.8, "c": 0.3, "d": 1.4}  # of the disc behind the nipple, in deviations of the texture
_PEAK = {"a": 0.5, "b": 0.6, "c": 0.75, "d": 0.9}  # glandular share where it is filled
_SUBCUTANEOUS = {"a": 1.3, "b": 1.15, "c": 1.0, "d": 0.75}  # depth of the fat below the skin, over the common one

WEAVES = (Weave(30, 6.0), Weave(22, 7.0), Weave(12, 6.0))
"""Three fans of fibres that cross each other, from streaming to net-like."""

MUSCLE = Weave(55, 5.0)
"""Fibres of the pectoral muscle, along its edge."""


def _prior(seed: int, outline: Outline, density: str, grid: Grid, depth: Field, implant: Implant | None) -> Field:
    """Where glandular tissue is likely, in deviations of the texture: a disc behind the nipple, fat around it."""
    rng = stream(seed, "disc")
    y, x = grid.rows_mm[:, None], grid.columns_mm[None, :]
    centre_x = outline.reach * rng.uniform(0.42, 0.62)
    centre_y = outline.nipple_y + outline.reach * rng.uniform(-0.25, 0.06)
    half_x = outline.reach * rng.uniform(0.42, 0.58)
    half_y = outline.reach * rng.uniform(0.42, 0.68)
    tilt = rng.uniform(-0.1, 0.5) if outline.view is View.MLO else rng.uniform(-0.2, 0.2)
    u, v = (x - centre_x) + tilt * (y - centre_y), (y - centre_y) - tilt * (x - centre_x)
    radius = np.sqrt((u / half_x) ** 2 + (v / half_y) ** 2)
    fat_mm = rng.uniform(5, 13) * _SUBCUTANEOUS[density]
    nipple = np.exp(-(((y - outline.nipple_y) ** 2) + (x - outline.reach) ** 2) / 18**2)
    prior = (
        1.8 * (1 - radius**1.6).clip(-2.2, 1)
        - 2.5 * (1 - smoothstep(depth, 0.3 * fat_mm, 1.8 * fat_mm)) * (1 - 0.7 * nipple)
        + 0.9 * nipple
        + _FILL[density]
        + rng.normal(0, 0.3)
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
    prior = upsample(_prior(seed, outline, density, coarse, depth, implant), coarse, grid)
    cloud = power_law(seed, "cloud", grid, 20.0, 0.3, rng.uniform(3.0, 3.6))
    net = np.zeros_like(prior)
    for i, weave in enumerate(WEAVES):
        fan = draw_fan(seed, str(i), (outline.nipple_y, outline.reach), coarse, grid)
        net += fan.fibres(seed, f"fibre/{i}", weave)
    net *= np.float32(0.6)
    net /= 1 + np.float32(0.15) * np.abs(net)
    gland = np.float32(_PEAK[density]) / (1 + np.exp(np.float32(-1.3) * (prior + 0.8 * cloud + 0.35 * net)))
    fat = np.float32(rng.uniform(0.05, 0.1))
    share = gland * (0.9 + np.float32(0.16) * net + np.float32(0.08) * cloud) + fat * (net + 0.5 * cloud)
    share += chords(draw_tubes(seed, outline), grid) * np.float32(1.5 / outline.thickness)
    return np.asarray(share, dtype=np.float32)


def overlay_pectoral(seed: int, share: Field, outline: Outline, grid: Grid) -> Field:
    """The share with the pectoral muscle in the ray."""
    rng = stream(seed, "pectoral")
    inside = outline.pectoral_depth(grid)
    level, soft_mm = np.float32(rng.uniform(0.7, 1.05)), rng.uniform(2, 8)
    muscle = smoothstep(inside, -0.5 * soft_mm, 0.5 * soft_mm) * (0.75 + 0.25 * smoothstep(inside, 0, 30))
    along = grid.rows_mm[:, None] + np.float32(0.3) * inside
    across = inside + 4 * noise(stream(seed, "muscle/bend"), grid, 40.0)
    fibres = Fan(along - along.min(), np.clip(across + 200, 0, 320), grid.spacing_mm).fibres(seed, "muscle", MUSCLE)
    muscle *= np.float32(0.93) + np.float32(0.085) * fibres
    return np.asarray(share * (1 - np.float32(0.45) * muscle) + level * muscle, dtype=np.float32)
