"""Lymph nodes of the axilla: small dense beans with a fatty notch, over and beside the pectoral muscle."""

from __future__ import annotations

import numpy as np

from synthmammo.generators.phantom.field import Field, Grid, stream
from synthmammo.generators.phantom.outline import Outline

_COUNTS = (0, 0, 0, 0, 1, 1, 2)


def overlay_nodes(seed: int, share: Field, outline: Outline, grid: Grid) -> Field:
    """The share with the nodes that an oblique view shows; most show none or one.

    Args:
        seed: Seed of the nodes.
        share: Glandular share of the thickness, `float32 (H, W)`, changed in place.
        outline: Shape of the breast.
        grid: Grid of the share.
    """
    rng = stream(seed, "nodes")
    for _ in range(rng.choice(_COUNTS)):
        y, x = outline.bottom_y * rng.uniform(0.02, 0.35), outline.reach * rng.uniform(0.03, 0.45)
        half = float(np.clip(np.exp(rng.normal(1.6, 0.35)), 2.5, 11))
        _stamp(share, grid, (y, x, half), (rng.uniform(0, np.pi), rng.uniform(0.55, 0.95), rng.uniform(0.15, 0.35)))
    return share


def _stamp(share: Field, grid: Grid, place: tuple[float, float, float], form: tuple[float, float, float]) -> None:
    """Adds one node: (y, x, half length) in millimetres; angle, width over length, share at its middle."""
    (y, x, half), (angle, slim, level) = place, form
    rows, columns = (
        slice(max(0, int((at - half) / grid.spacing_mm)), max(0, int((at + half) / grid.spacing_mm) + 1))
        for at in (y, x)
    )
    dy, dx = grid.rows_mm[rows, None] - y, grid.columns_mm[None, columns] - x
    u = (dy * np.sin(angle) + dx * np.cos(angle)) / half
    v = (dx * np.sin(angle) - dy * np.cos(angle)) / (half * slim)
    bean = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    hilum = np.exp(-(((u / 0.35) ** 2) + ((v - 0.75) / 0.45) ** 2))
    share[rows, columns] += (level * bean * (1 - 0.8 * hilum)).astype(np.float32)
