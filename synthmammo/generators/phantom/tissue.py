"""What the breast is made of: glandular share with its texture, ligaments and fibres."""

from __future__ import annotations

import numpy as np

from synthmammo.generators.phantom.fibre import Fan, Weave, draw_fan
from synthmammo.generators.phantom.field import K, Field, Grid, power_law, smoothstep, stream, upsample
from synthmammo.generators.phantom.outline import Outline
from synthmammo.sample import View

_FILL = {"a": -2.2, "b": -1.2, "c": -0.1, "d": 1.0}
_PEAK = {"a": 0.5, "b": 0.6, "c": 0.75, "d": 0.9}

WEAVES = (Weave(22, 6.0, 5, 0.85, 3.0), Weave(16, 7.0, 5, 0.85, 3.0), Weave(9, 6.0, 5, 0.85, 3.0))
"""Three fans of fibres that cross each other, from streaming to net-like."""


MUSCLE = Weave(40, 5.0, 3, 0.8, 2.0)
"""Fibres of the pectoral muscle, along its edge."""


def _prior(seed: int, outline: Outline, density: str, grid: Grid, depth: Field) -> Field:
    """Where glandular tissue is likely, in standard deviations of the texture: a disc behind the nipple."""
    rng = stream(seed, "disc")
    y, x = grid.rows_mm[:, None], grid.columns_mm[None, :]
    centre_x = outline.reach * rng.uniform(0.42, 0.62)
    centre_y = outline.nipple_y + outline.reach * rng.uniform(-0.25, 0.06)
    half_x = outline.reach * rng.uniform(0.42, 0.58)
    half_y = outline.reach * rng.uniform(0.42, 0.68)
    tilt = rng.uniform(-0.1, 0.5) if outline.view is View.MLO else rng.uniform(-0.2, 0.2)
    u, v = (x - centre_x) + tilt * (y - centre_y), (y - centre_y) - tilt * (x - centre_x)
    radius = np.sqrt((u / half_x) ** 2 + (v / half_y) ** 2)
    fat_mm = rng.uniform(5, 13) * {"a": 1.3, "b": 1.15, "c": 1.0, "d": 0.75}[density]
    nipple = np.exp(-(((y - outline.nipple_y) ** 2) + (x - outline.reach) ** 2) / 18**2)
    return (
        1.8 * (1 - radius**1.6).clip(-2.2, 1)
        - 2.5 * (1 - smoothstep(depth, 0.3 * fat_mm, 1.8 * fat_mm)) * (1 - 0.7 * nipple)
        + 0.9 * nipple
        + np.float32(_FILL[density] + rng.normal(0, 0.3))
    ).astype(np.float32)


def glandular_share(seed: int, outline: Outline, density: str, grid: Grid, depth: Field, coarse: Grid) -> Field:
    """Fibroglandular share of the compressed thickness, `float32 (H, W)`, 0 to about 1; `depth` is on `coarse`."""
    rng = stream(seed, "tissue")
    prior = upsample(_prior(seed, outline, density, coarse, depth), coarse, grid)
    cloud = power_law(seed, "cloud", grid, 20.0, 0.3, rng.uniform(3.0, 3.6) + K["beta"])
    net = np.zeros_like(prior)
    for i, weave in enumerate(WEAVES):
        fan = draw_fan(seed, str(i), (outline.nipple_y, outline.reach), coarse, grid)
        net += fan.fibres(seed, f"fibre/{i}", weave)
    net *= np.float32(1 / 1.7)
    net /= 1 + np.float32(K["comp"]) * np.abs(net)
    gland = np.float32(_PEAK[density]) / (1 + np.exp(-np.float32(K["soft"]) * (np.float32(K["prior"]) *prior + np.float32(K["lcloud"]) * cloud + np.float32(K["lnet"]) * net)))
    fat = np.float32(rng.uniform(0.04, 0.08)*K["fat"])
    return gland * (0.9 + np.float32(K["gnet"]) * net + np.float32(K["gcloud"]) * cloud) + fat * (net + np.float32(K["fcloud"]) * cloud)


def overlay_pectoral(seed: int, share: Field, outline: Outline, grid: Grid) -> Field:
    """The share with the pectoral muscle behind it."""
    rng = stream(seed, "pectoral")
    inside = outline.pectoral_depth(grid)
    level, soft_mm = np.float32(rng.uniform(0.65, 0.95) * K["muscle"]), rng.uniform(2, 8)
    muscle = smoothstep(inside, -0.5 * soft_mm, 0.5 * soft_mm) * (0.75 + 0.25 * smoothstep(inside, 0, 30))
    along = np.broadcast_to(grid.rows_mm[:, None], inside.shape) + 0.3 * inside
    fibres = Fan(along - along.min(), np.maximum(inside + 200, 0), grid.spacing_mm).fibres(seed, "muscle", MUSCLE)
    muscle *= 0.93 + np.float32(K["mnet"]) * fibres
    return share * (1 - np.float32(0.45) * muscle) + level * muscle
