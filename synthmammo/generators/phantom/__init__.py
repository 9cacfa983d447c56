"""A procedural mammogram: breast, tissue and acquisition drawn from a seed, at any spacing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from synthmammo.errors import GeneratorError
from synthmammo.generators.phantom.acquisition import Response, attenuate, expose, find_response
from synthmammo.generators.phantom.field import Grid, upsample
from synthmammo.generators.phantom.implant import draw_implant
from synthmammo.generators.phantom.outline import draw_outline
from synthmammo.generators.phantom.tissue import glandular_share, overlay_pectoral
from synthmammo.row import Row
from synthmammo.sample import Laterality, Sample, SpacingOrigin, View

SMALL = {"spacing_mm": 0.45, "height_mm": 230.4, "width_mm": 230.4}
"""Arguments of `Phantom` for 512 x 512 pixels."""


class Phantom:
    """Backgrounds without a trained network.

    Args:
        spacing_mm: Pixel spacing.
        height_mm: Height of the field of view.
        width_mm: Width of the field of view.
        bits_stored: 8, 12, 14 or 16.
        chest_wall: "left" or "right"; None puts a left breast's chest wall at the left edge and a right one's right.
        response: "film", "digital" or a `Response`.
    """

    batch_size = 1

    def __init__(
        self,
        spacing_mm: float = 0.1,
        height_mm: float = 240.0,
        width_mm: float = 180.0,
        bits_stored: int = 12,
        chest_wall: str | None = None,
        response: str | Response = "film",
    ) -> None:
        if chest_wall not in (None, "left", "right"):
            raise GeneratorError(f"expected 'left', 'right' or nothing, got '{chest_wall}'", where="chest_wall")
        for name, value, low, high in (
            ("spacing_mm", spacing_mm, 0.02, 2.0),
            ("height_mm", height_mm, 100.0, 320.0),
            ("width_mm", width_mm, 80.0, 320.0),
        ):
            if not low <= value <= high:
                raise GeneratorError(f"expected {low} to {high}, got {value}", where=name)
        self.grid = Grid(round(height_mm / spacing_mm), round(width_mm / spacing_mm), spacing_mm)
        self.height_mm, self.width_mm = height_mm, width_mm
        self.bits_stored, self.chest_wall = bits_stored, chest_wall
        self.response = find_response(response)

    def latents(self, rows: Sequence[Row]) -> list[Row]:
        """The rows themselves: a phantom has no latent code."""
        return list(rows)

    def render(self, latents: Sequence[Row]) -> list[Sample]:
        """One sample a row."""
        return [self._sample(row) for row in latents]

    def _sample(self, row: Row) -> Sample:
        seed = row.host_seed
        view, laterality, density = row.view or View.MLO, row.laterality or Laterality.LEFT, row.density or "b"
        outline = draw_outline(seed, view, self.height_mm, self.width_mm)
        breast = outline.mask(self.grid)
        # The columns beyond the nipple are air.
        grid = replace(self.grid, width=int(np.flatnonzero(breast.any(0))[-1]) + 1)
        coarse = grid.coarser(1.5)
        coarse_depth = outline.depth(coarse)
        depth = upsample(coarse_depth, coarse, grid)
        implant = draw_implant(seed, outline) if row.implant else None
        share = glandular_share(seed, outline, density, grid, coarse_depth, implant)
        if view is View.MLO:
            share = overlay_pectoral(seed, share, outline, grid)
        sensed = depth > min(15.0, 0.5 * float(depth.max()))
        if implant:
            share = implant.overlay(share, grid)
            sensed &= implant.radius(grid) > 1
        attenuation = attenuate(share, depth, outline.thickness, self.response.equalise)
        grey = expose(seed, attenuation, sensed, grid, self.response)
        top = (1 << self.bits_stored) - 1
        image = np.zeros(breast.shape, np.uint16)
        image[:, : grid.width] = np.where(breast[:, : grid.width], np.maximum(np.rint(grey * top), 1), 0)
        side = self.chest_wall or ("left" if laterality is Laterality.LEFT else "right")
        if side == "right":
            image, breast = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(breast[:, ::-1])
        return Sample(
            key=row.key,
            image=image,
            bits_stored=self.bits_stored,
            breast=breast,
            lesions=np.zeros(image.shape, np.uint8),
            spacing_mm=(grid.spacing_mm, grid.spacing_mm),
            spacing_origin=SpacingOrigin.KNOWN,
            view=view,
            laterality=laterality,
            label=row.label,
            split=row.split,
            patient=row.patient,
            provenance={
                "generator": "phantom",
                "seed": seed,
                "spacing_mm": grid.spacing_mm,
                "density": density,
                "view": str(view),
                "implant": row.implant,
                "shape_mm": asdict(outline) | {"view": str(view)},
            },
        )


__all__ = ["SMALL", "Phantom"]
