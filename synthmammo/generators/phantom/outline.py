"""The shape of a compressed breast: contour with nipple, distance to the skin, pectoral muscle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from synthmammo.generators.phantom.field import Field, Grid, stream
from synthmammo.mammogram.sample import Mask, View

Profile = NDArray[np.float32]
"""Distance from the chest wall in millimetres, `float32 (N,)`, at N heights."""


@dataclass(frozen=True)
class Outline:
    """Drawn shape; lengths in millimetres from the chest wall (x) and from the top of the field of view (y).

    Attributes:
        view: CC or MLO.
        reach: Largest distance of the skin from the chest wall, without the nipple.
        nipple_y: Height of the nipple.
        top_y: Where the contour leaves the chest wall above; negative when it leaves the field of view.
        bottom_y: Where it returns below.
        top_x: MLO: distance from the chest wall at the top of the field of view.
        roundness: Exponents of the upper and the lower arc (2 is an ellipse).
        nipple_height: How far the nipple stands out of the contour.
        nipple_radius: Half its width.
        fold_x: MLO: width of the abdomen below the inframammary fold; 0 for none.
        fold_y: MLO: height of the fold.
        wobble: Amplitudes of the contour's first harmonics.
        pectoral_x: MLO: width of the pectoral muscle at the top.
        pectoral_y: MLO: height at which it ends on the chest wall.
        pectoral_bow: Exponent of its edge: 1 straight, above 1 convex.
        thickness: Compressed thickness.
    """

    view: View
    reach: float
    nipple_y: float
    top_y: float
    bottom_y: float
    top_x: float
    roundness: tuple[float, float]
    nipple_height: float
    nipple_radius: float
    fold_x: float
    fold_y: float
    wobble: tuple[float, ...]
    pectoral_x: float
    pectoral_y: float
    pectoral_bow: float
    thickness: float

    def profile(self, y: Profile, nipple: bool = True) -> Profile:
        """Skin contour at heights `y`; 0 where there is no breast."""
        above = np.clip((self.nipple_y - y) / (self.nipple_y - self.top_y), 0, 1)
        below = np.clip((y - self.nipple_y) / (self.bottom_y - self.nipple_y), 0, 1)
        lower = (1 - below ** self.roundness[1]) ** 0.55
        if self.view is View.MLO:
            arc = np.cos(above * np.pi / 2) ** 2
            upper = self.top_x / self.reach + (1 - self.top_x / self.reach) * (
                (2 - self.roundness[0] / 2) * arc + (self.roundness[0] / 2 - 1) * (1 - above**2)
            )
        else:
            upper = (1 - above ** self.roundness[0]) ** 0.55
        x = self.reach * np.where(y < self.nipple_y, upper, lower)
        phase = (y - self.top_y) / (self.bottom_y - self.top_y) * 2 * np.pi
        ripple = sum(a * np.sin((k + 1) * phase + 5 * a) for k, a in enumerate(self.wobble))
        x = x + ripple * np.clip(x / 20, 0, 1)
        if self.fold_x:
            x = np.maximum(x, self.fold_x * np.clip((y - self.fold_y) / 25, 0, 1) ** 0.6)
        if nipple:
            x = x + self.nipple_height * np.exp(-(((y - self.nipple_y) / self.nipple_radius) ** 4))
        return np.asarray(np.maximum(x, 0), dtype=np.float32)

    def mask(self, grid: Grid) -> Mask:
        """Breast, `bool (H, W)`: one piece that touches the chest wall."""
        return np.asarray(grid.columns_mm[None, :] < self.profile(grid.rows_mm)[:, None])

    def depth(self, grid: Grid) -> Field:
        """Distance to the skin in millimetres, negative outside the breast."""
        height_mm = grid.height * grid.spacing_mm
        y = np.arange(-60, height_mm + 60, 0.3, dtype=np.float32)
        x = self.profile(y)
        inside = np.flatnonzero(x > 0)
        kept = slice(max(inside[0] - 1, 0), inside[-1] + 2)  # with the contour's ends on the chest wall
        points = np.stack([y[kept], x[kept]], 1)
        # Along a steep contour equal steps in y leave gaps; points go at equal steps of arc length.
        arc = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        even = np.arange(0, arc[-1], 0.4)
        points = np.stack([np.interp(even, arc, points[:, 0]), np.interp(even, arc, points[:, 1])], 1)
        at = np.stack(np.meshgrid(grid.rows_mm, grid.columns_mm, indexing="ij"), -1).reshape(-1, 2)
        distance = cKDTree(points).query(at)[0].reshape(grid.height, grid.width).astype(np.float32)
        return np.asarray(np.where(self.mask(grid), distance, -distance))

    def pectoral_depth(self, grid: Grid) -> Field:
        """Distance into the pectoral muscle in millimetres, negative outside it."""
        y = np.clip(grid.rows_mm / self.pectoral_y, 0, None)
        edge = self.pectoral_x * (1 - y**self.pectoral_bow)
        slope = self.pectoral_x / self.pectoral_y
        return np.asarray((edge[:, None] - grid.columns_mm[None, :]) / np.hypot(1, slope), dtype=np.float32)


def draw_outline(seed: int, view: View, height_mm: float, width_mm: float, body_seed: int | None = None) -> Outline:
    """A shape that fits the field of view.

    Args:
        seed: Of the image.
        view: CC or MLO.
        height_mm: Of the field of view.
        width_mm: Of the field of view.
        body_seed: Of what the images of one person share: size, and for a projection its shape, of which the other
            breast's differs a little, as those of a person do. None: a person of its own.
    """
    if body_seed is None:
        return _drawn(seed, view, height_mm, width_mm, _size(stream(seed, f"outline/{view}")))
    shared = _drawn(body_seed, view, height_mm, width_mm, _size(stream(body_seed, "outline/size")))
    rng = stream(seed, "outline/own")
    scale = float(np.clip(rng.normal(1, 0.03), 0.92, 1.08))
    return replace(
        shared,
        reach=min(shared.reach * scale, 0.95 * width_mm - 6),
        nipple_y=shared.nipple_y + float(rng.uniform(-4, 4)),
        wobble=tuple(float(v) for v in rng.normal(0, [1.5, 1.0, 0.5])),
        pectoral_x=min(shared.pectoral_x * float(rng.uniform(0.85, 1.1)), 0.8 * shared.top_x),
        pectoral_y=shared.pectoral_y * float(rng.uniform(0.93, 1.07)),
    )


def _size(rng: np.random.Generator) -> float:
    return float(np.clip(np.exp(rng.normal(0, 0.22)), 0.6, 1.7))


def _drawn(seed: int, view: View, height_mm: float, width_mm: float, size: float) -> Outline:
    rng = stream(seed, f"outline/{view}")
    rng.normal()  # the size of a person of its own
    reach = min((98 if view is View.MLO else 85) * size, 0.95 * width_mm - 6)
    if view is View.MLO:
        nipple_y = height_mm * rng.uniform(0.5, 0.7)
        bottom_y = max(nipple_y + reach * rng.uniform(0.68, 0.95), 0.8 * height_mm)
        top_y = min(-5.0, nipple_y - reach * rng.uniform(1.3, 2.0))
        top_x = reach * rng.uniform(0.4, 0.76)
    else:
        half = min(reach * rng.uniform(0.85, 1.25), 0.48 * height_mm)
        nipple_y = height_mm / 2 + rng.uniform(-0.12, 0.12) * half
        top_y, bottom_y, top_x = height_mm / 2 - half, height_mm / 2 + half, 0.0
    fold = view is View.MLO and rng.random() < 0.5
    return Outline(
        view=view,
        reach=float(reach),
        nipple_y=float(nipple_y),
        top_y=float(top_y),
        bottom_y=float(bottom_y),
        top_x=float(top_x),
        roundness=(float(rng.uniform(2.7, 4.0)), float(rng.uniform(2.1, 2.9))),
        nipple_height=float(rng.uniform(1, 6)),
        nipple_radius=float(rng.uniform(4.5, 7)),
        fold_x=float(rng.uniform(4, 25)) if fold else 0.0,
        fold_y=float(bottom_y - rng.uniform(2, 25)),
        wobble=tuple(float(v) for v in rng.normal(0, [1.5, 1.0, 0.5])),
        pectoral_x=float(min(rng.uniform(20, 64), 0.8 * top_x)),
        pectoral_y=float(height_mm * rng.uniform(0.35, 0.72)),
        pectoral_bow=float(rng.uniform(0.95, 1.5)),
        thickness=float(np.clip(rng.normal(50, 9) * size**0.5, 25, 80)),
    )
