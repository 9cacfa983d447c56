"""The shape of a compressed breast: contour with nipple, distance to the skin, pectoral muscle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from synthmammo.generators.phantom.field import Field, Grid, stream
from synthmammo.generators.phantom.shapes import SHAPES
from synthmammo.mammogram.sample import Mask, View

_CLOSING = (0.88, 0.78, 0.64, 0.45)
"""Widths over the reach that the lower end does not exceed; wider ones ended in a corner at the film's edge."""

Profile = NDArray[np.float32]
"""Distance from the chest wall in millimetres, `float32 (N,)`, at N heights."""


@dataclass(frozen=True)
class Outline:
    """Drawn shape; lengths in millimetres from the chest wall (x) and from the top of the field of view (y).

    Attributes:
        view: CC or MLO.
        reach: Largest distance of the skin from the chest wall, without the nipple.
        nipple_y: Height of the nipple.
        top_y: Where the contour leaves the chest wall above; MLO: the top of the field of view.
        bottom_y: Where it returns below; MLO: the lower end of the film.
        widths: Distance of the skin from the chest wall over the reach, at equal steps from top to nipple, and
            as many from there to the bottom.
        nipple_height: How far the nipple stands out of the contour.
        nipple_radius: Half its width.
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
    widths: tuple[float, ...]
    nipple_height: float
    nipple_radius: float
    wobble: tuple[float, ...]
    pectoral_x: float
    pectoral_y: float
    pectoral_bow: float
    thickness: float

    def profile(self, y: Profile, nipple: bool = True) -> Profile:
        """Skin contour at heights `y`; 0 where there is no breast."""
        t = (y - self.top_y) / (self.bottom_y - self.top_y)
        x = self.reach * self._curve()(np.clip(t, -0.2, 1.2))
        ripple = sum(a * np.sin((k + 2) * t * 2 * np.pi + 5 * a) for k, a in enumerate(self.wobble))
        x = x + ripple * np.clip(x / 40, 0, 1)
        if nipple:
            x = x + self.nipple_height * np.exp(-(((y - self.nipple_y) / self.nipple_radius) ** 4))
        return np.asarray(np.maximum(x, 0), dtype=np.float32)

    def _curve(self) -> PchipInterpolator:
        """Width over reach at shares of the height: a CC closes on the chest wall, an MLO goes on above the film."""
        half = len(self.widths) // 2
        apex = (self.nipple_y - self.top_y) / (self.bottom_y - self.top_y)
        at = (np.arange(half) + 0.5) / half
        at = np.concatenate([apex * at, apex + (1 - apex) * at])
        if self.view is View.MLO:
            last = max(0.05, 1.5 * self.widths[-1] - 0.5 * self.widths[-2])
            ends = ([-0.2, 0.0], [self.widths[0]] * 2), ([1.0, 1.1, 1.2], [last, 0.0, 0.0])
        else:
            ends = ([-0.2, 0.0], [0.0, 0.0]), ([1.0, 1.2], [0.0, 0.0])
        places, values = (np.concatenate([ends[0][k], line, ends[1][k]]) for k, line in enumerate((at, self.widths)))
        return PchipInterpolator(places, values)

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
    """A shape that fits the field of view, of the distribution of `SHAPES`.

    Args:
        seed: Seed of the image.
        view: CC or MLO.
        height_mm: Height of the field of view in millimetres; what would be higher is drawn to fit.
        width_mm: Width of the field of view in millimetres; what would be wider is drawn to fit.
        body_seed: Seed of what the images of one person share: size, and for a projection its shape, of which the
            other breast's differs a little, as those of a person do. None: a person of its own.
    """
    if body_seed is None:
        return _drawn(seed, view, height_mm, width_mm, _size(stream(seed, f"outline/{view}")))
    shared = _drawn(body_seed, view, height_mm, width_mm, _size(stream(body_seed, "outline/size")))
    rng = stream(seed, "outline/own")
    scale = float(np.clip(rng.normal(1, 0.03), 0.92, 1.08))
    return replace(
        shared,
        reach=min(shared.reach * scale, 0.95 * width_mm - 8),
        nipple_y=shared.nipple_y + float(rng.uniform(-4, 4)),
        wobble=_wobble(rng),
        pectoral_x=min(shared.pectoral_x * float(rng.uniform(0.85, 1.1)), 0.85 * shared.widths[0] * shared.reach),
        pectoral_y=shared.pectoral_y * float(rng.uniform(0.93, 1.07)),
    )


def _size(rng: np.random.Generator) -> float:
    """Deviations of the logarithm of the reach."""
    return float(np.clip(rng.normal(), -2.0, 2.0))


def _wobble(rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(float(v) for v in rng.normal(0, [0.6, 0.4, 0.3]))


def _shape(rng: np.random.Generator, view: View, size: float) -> tuple[NDArray[np.float64], float, float]:
    """Widths over the reach, the nipple's share of the height, and the height in millimetres."""
    fitted = SHAPES[view]
    drawn = np.array(fitted.mean) + size * np.array(fitted.slope)
    drawn += np.clip(rng.normal(size=len(fitted.modes)), -1.8, 1.8) @ np.array(fitted.modes)
    widths = np.maximum(drawn[:-2], 0.03)
    widths[-4:] = np.minimum(widths[-4:], _CLOSING)
    return widths / widths.max(), float(np.clip(drawn[-2], 0.35, 0.78)), float(np.exp(drawn[-1]))


def _drawn(seed: int, view: View, height_mm: float, width_mm: float, size: float) -> Outline:
    rng = stream(seed, f"outline/{view}")
    rng.normal()  # the size of a person of its own
    mean, deviation = SHAPES[view].reach
    reach = min(float(np.exp(mean + deviation * size)), 0.95 * width_mm - 8)
    widths, apex, high = _shape(rng, view, size)
    high = min(1.12 * high, 1.02 * height_mm) if view is View.MLO else min(high, 0.97 * height_mm)
    top_y = 0.0 if view is View.MLO else float((height_mm - high) * rng.uniform(0.35, 0.65))
    return Outline(
        view=view,
        reach=reach,
        nipple_y=top_y + high * apex,
        top_y=top_y,
        bottom_y=top_y + high,
        widths=tuple(round(float(w), 4) for w in widths),
        nipple_height=float(max(0.0, rng.uniform(-5, 3.5))),
        nipple_radius=float(rng.uniform(4.5, 7)),
        wobble=_wobble(rng),
        pectoral_x=float(min(rng.uniform(22, 64), 0.85 * widths[0] * reach)),
        pectoral_y=float(high * rng.uniform(0.45, 0.95)),
        pectoral_bow=float(rng.uniform(1.0, 1.8)),
        thickness=float(np.clip(rng.normal(57 if view is View.MLO else 50, 9) * np.exp(0.12 * size), 25, 85)),
    )
