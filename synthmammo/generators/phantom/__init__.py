"""A procedural mammogram: breast, tissue and acquisition drawn from a seed, at any spacing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from synthmammo.errors import GeneratorError
from synthmammo.generators.phantom.acquisition import Response, attenuate, expose, find_response
from synthmammo.generators.phantom.field import Grid, upsample
from synthmammo.generators.phantom.implant import Implant, draw_implant
from synthmammo.generators.phantom.node import overlay_nodes
from synthmammo.generators.phantom.outline import Outline, draw_outline
from synthmammo.generators.phantom.tissue import glandular_share, overlay_pectoral
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import BITS_STORED, Image, Laterality, Mask, Sample, SpacingOrigin, View

SMALL = {"spacing_mm": 0.45, "height_mm": 230.4, "width_mm": 230.4}
"""Arguments of `Phantom` for 512 x 512 pixels."""


class Phantom:
    """Backgrounds without a trained network.

    A glandular share of the compressed thickness is made of a cone behind the nipple (BI-RADS composition) that
    lobules of fat break up, of hundreds of single thin strands, of fibres that stream towards the nipple and of walls
    around cells of fat, and of ducts and vessels, some with calcified walls. The pectoral muscle with nodes of the
    axilla (MLO) and an implant lie in the same rays. The share gives attenuation at 20 keV, the free edge is half
    round, and film or detector turn it into grey levels under automatic exposure. Everything is drawn in millimetres:
    a seed gives the same anatomy at every spacing, so a coarse image is the fine one with its detail averaged away.

    Fitted to views of CBIS-DDSM, split `train` only (CC BY 3.0; Sawyer-Lee 2016, Lee 2017): outlines and heights by
    view (`shapes.py`), exposure, fall of the edge, share by density, strength of strands and grain. Kernel distances
    x 1000 of EfficientNet-Lite0 features to the split `val`, both sides masked and cropped alike, 8 bits (`python -m
    benchmarks.phantom_distance DATASET --first-seed 5000 --count 140`) at 0.9 mm; "before" is the phantom of release
    0.1.0. A softer muscle was nearer (whole 53.8), but on dense breasts not even `anatomy` found it:

    | distance                        | before | now  | films to films |
    |---------------------------------|--------|------|----------------|
    | whole                           | 89.7   | 61.0 | 0.4            |
    | outlines                        | 113.6  | 18.3 | -0.6           |
    | patches of 72 mm                | 85.7   | 48.0 | 1.8            |

    10th, 50th and 90th percentile in a field of 230.4 x 230.4 mm, which is lower than many films:

    |              | height, mm    | depth, mm    | area, cm2     | median grey  | 5th to 95th percentile |
    |--------------|---------------|--------------|---------------|--------------|------------------------|
    | films CC     | 175, 214, 261 | 70, 103, 142 | 78, 143, 230  | 85, 114, 144 | 109, 142, 178          |
    | phantoms CC  | 166, 196, 216 | 73, 95, 136  | 78, 131, 199  | 90, 112, 137 | 104, 145, 164          |
    | films MLO    | 203, 230, 283 | 73, 107, 145 | 112, 178, 274 | 89, 118, 148 | 143, 173, 200          |
    | phantoms MLO | 218, 230, 230 | 71, 93, 143  | 116, 161, 230 | 95, 122, 149 | 142, 174, 191          |

    What is left lies in CC views (a distance of about 100 at 0.9 mm, of MLO views 45, on a quarter of `train` that was
    kept apart), and there in structures of 1 to 5 mm.

    Args:
        spacing_mm: Pixel spacing, 0.02 to 2.
        height_mm: Height of the field of view, 100 to 320.
        width_mm: Width of the field of view, 80 to 320; breasts that would be wider are drawn to fit.
        bits_stored: 8, 12, 14 or 16.
        chest_wall: "left" or "right"; None: at the left edge for a left breast, else at the right.
        response: "film", "digital" (thickness equalised, as For Presentation) or a `Response`.

    Raises:
        GeneratorError: An argument is out of its range.
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
        if bits_stored not in BITS_STORED:
            raise GeneratorError(f"expected one of {BITS_STORED}, got {bits_stored}", where="bits_stored")
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
        """One sample a row, without lesions; MLO, left and density "b" where a row names none."""
        return [self._sample(row) for row in latents]

    def _sample(self, row: Row) -> Sample:
        seed, laterality = row.host_seed, row.laterality or Laterality.LEFT
        outline = draw_outline(seed, row.view or View.MLO, self.height_mm, self.width_mm, row.body_seed)
        implant = draw_implant(seed, outline) if row.implant else None
        density = row.density or "b"
        breast = outline.mask(self.grid)
        image = self._pixels(seed, outline, density, implant, breast)
        side = self.chest_wall or ("left" if laterality is Laterality.LEFT else "right")
        if side == "right":
            image, breast = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(breast[:, ::-1])
        return Sample(
            key=row.key,
            image=image,
            bits_stored=self.bits_stored,
            breast=breast,
            lesions=np.zeros(image.shape, np.uint8),
            spacing_mm=(self.grid.spacing_mm, self.grid.spacing_mm),
            spacing_origin=SpacingOrigin.KNOWN,
            view=outline.view,
            laterality=laterality,
            label=row.label,
            split=row.split,
            patient=row.patient,
            provenance={
                "generator": "phantom",
                "seed": seed,
                **({} if row.body_seed is None else {"body_seed": row.body_seed}),
                "spacing_mm": self.grid.spacing_mm,
                "density": density,
                "view": str(outline.view),
                "implant": asdict(implant) if implant else None,
                "response": asdict(self.response),
                "shape_mm": asdict(outline) | {"view": str(outline.view)},
            },
        )

    def _pixels(self, seed: int, outline: Outline, density: str, implant: Implant | None, breast: Mask) -> Image:
        # The columns beyond the nipple are air.
        grid = replace(self.grid, width=int(np.flatnonzero(breast.any(0))[-1]) + 1)
        coarse = grid.coarser(1.5)
        coarse_depth = outline.depth(coarse)
        depth = upsample(coarse_depth, coarse, grid)
        share = glandular_share(seed, outline, density, grid, coarse_depth, implant)
        if outline.view is View.MLO:
            share = overlay_nodes(seed, overlay_pectoral(seed, share, outline, grid), outline, grid)
        sensed = depth > min(15.0, 0.5 * float(depth.max()))
        if outline.view is View.MLO:
            beside = sensed & (outline.pectoral_depth(grid) < 0)
            sensed = beside if beside.any() else sensed
        if implant:
            share = implant.overlay(share, grid)
            beside = sensed & (implant.radius(grid) > 1)
            sensed = beside if beside.any() else sensed
        attenuation = attenuate(share, depth, outline.thickness, self.response.equalise)
        grey = expose(seed, attenuation, sensed, grid, self.response)
        levels = np.maximum(np.rint(grey * ((1 << self.bits_stored) - 1)), 1)
        image = np.zeros(breast.shape, np.uint16)
        image[:, : grid.width] = np.where(breast[:, : grid.width], levels, 0)
        return image


__all__ = ["SMALL", "Phantom"]
