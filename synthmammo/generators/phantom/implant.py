"""A breast implant: a smooth dense lens on the chest wall that pushes the tissue towards the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthmammo.generators.phantom.field import Field, Grid, smoothstep, stream
from synthmammo.generators.phantom.outline import Outline


@dataclass(frozen=True)
class Implant:
    """An ellipse, in millimetres from the top (y) and from the chest wall (x).

    Attributes:
        centre: (y, x).
        half: Half axes (y, x).
        tilt: Shear of the ellipse.
        share: Its attenuation as a glandular share of the thickness; silicone is above 1, saline about 1.
    """

    centre: tuple[float, float]
    half: tuple[float, float]
    tilt: float
    share: float

    def radius(self, grid: Grid) -> Field:
        """Distance from the centre over the distance of the ellipse in that direction, `float32 (H, W)`."""
        v = (grid.rows_mm[:, None] - self.centre[0]) / self.half[0]
        u = (grid.columns_mm[None, :] - self.centre[1]) / self.half[1] - self.tilt * v
        return np.asarray(np.sqrt(u * u + v * v), dtype=np.float32)

    def overlay(self, share: Field, grid: Grid) -> Field:
        """The share with the implant in the ray: half of the tissue before it remains, its rim is sharp."""
        radius = self.radius(grid)
        soft = max(0.8, grid.spacing_mm) / min(self.half)
        inside = smoothstep(radius, 1 + soft, 1 - soft)
        lens = np.float32(0.75) + np.float32(0.25) * np.sqrt(np.clip(1 - radius * radius, 0, 1))
        return np.asarray(share * (1 - np.float32(0.5) * inside) + np.float32(self.share) * lens * inside)


def draw_implant(seed: int, outline: Outline) -> Implant:
    """An implant that fits the breast."""
    rng = stream(seed, "implant")
    y = outline.nipple_y + outline.reach * rng.uniform(-0.3, -0.05)
    room = min(y - outline.top_y, outline.bottom_y - y)
    return Implant(
        centre=(float(y), float(outline.reach * 0.12)),
        half=(
            float(min(outline.reach * rng.uniform(0.5, 0.75), 0.75 * room)),
            float(outline.reach * rng.uniform(0.42, 0.58)),
        ),
        tilt=float(rng.uniform(-0.12, 0.12)),
        share=float(rng.choice([1.3, 2.2]) * rng.uniform(0.9, 1.1)),
    )
