"""A generator of backgrounds that recipes name as `generator: speckled`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from synthmammo.generators.backgrounds.base import BackgroundKind, Extent
from synthmammo.generators.inputs import Inputs
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Laterality, Sample, SpacingOrigin
from synthmammo.recipe.backgrounds import BackgroundSection, Shown
from synthmammo.recipe.fields import RecipeFields


class SpeckledBackground(BackgroundSection):
    """Half discs of speckle."""

    generator: Literal["speckled"] = Field(description="Says that the images are speckled")
    side_px: int = Field(256, ge=64, le=4096, description="Side of the images, in pixels")
    spacing_mm: float = Field(0.5, gt=0, description="Millimetres per pixel")
    grain: float = Field(0.2, ge=0, le=1, description="Strength of the speckle")

    def shown(self, view: str | None) -> Shown:
        """The plan draws side and view; a disc looks the same in both views."""
        return Shown({"CC": 0.5, "MLO": 0.5}, {"L": 0.5, "R": 0.5})


class Speckled(BackgroundKind):
    """Half discs of speckle, which are nobody's breasts."""

    protocol = 1
    section = SpeckledBackground

    def extent(self, recipe: RecipeFields, inputs: Inputs) -> Extent:
        """Known from the recipe, so that lesions which do not fit are refused by `check`."""
        stated: SpeckledBackground = recipe.background
        side_mm = stated.side_px * stated.spacing_mm
        return Extent("the half discs", stated.side_px, stated.side_px, stated.spacing_mm, side_mm)

    def open(self, recipe: RecipeFields, inputs: Inputs, device: str = "cpu") -> Host:
        """The generator."""
        return Host(recipe.background, recipe.emit.bits_stored)


class Host:
    """Makes the images; see the protocol `synthmammo.generators.base.Host`."""

    batch_size = 1

    def __init__(self, stated: SpeckledBackground, bits_stored: int) -> None:
        self.stated, self.bits_stored = stated, bits_stored

    def latents(self, rows: Sequence[Row]) -> list[Row]:
        """The rows themselves: there are no latents that edits could change."""
        return list(rows)

    def render(self, latents: Sequence[Row]) -> list[Sample]:
        """One sample per row, from its seed alone."""
        return [self._sample(row) for row in latents]

    def _sample(self, row: Row) -> Sample:
        side, spacing_mm = self.stated.side_px, self.stated.spacing_mm
        rows, columns = np.mgrid[:side, :side]
        breast = np.hypot(rows - side / 2, columns) < 0.45 * side
        speckle = np.random.default_rng(row.host_seed).normal(0, self.stated.grain, (side, side))
        highest = 2**self.bits_stored - 1
        levels = np.where(breast, np.clip(0.4 * (1 + speckle), 0.01, 1) * highest, 0)
        if row.laterality is Laterality.RIGHT:
            levels, breast = levels[:, ::-1], breast[:, ::-1]
        return Sample(
            key=row.key,
            image=np.ascontiguousarray(levels).astype(np.uint16),
            bits_stored=self.bits_stored,
            breast=np.ascontiguousarray(breast),
            lesions=np.zeros((side, side), np.uint8),
            spacing_mm=(spacing_mm, spacing_mm),
            spacing_origin=SpacingOrigin.KNOWN,
            view=row.view,
            laterality=row.laterality,
            label=row.label,
            split=row.split,
            patient=row.patient,
            provenance={"seed": row.host_seed, "grain": self.stated.grain},  # name, package and version are added
        )
