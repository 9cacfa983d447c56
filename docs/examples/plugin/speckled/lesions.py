"""A generator of lesions that recipes name as `generator: spots`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from synthmammo.generators.base import Context, LesionChannel
from synthmammo.generators.inputs import Inputs
from synthmammo.generators.lesions.base import LesionKind
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.recipe.lesions import LesionSpec


class SpotsLesion(LesionSpec):
    """Spots that fade towards their edge."""

    generator: Literal["spots"] = Field(description="Says that the lesions are spots")
    falloff: float = Field(2.0, gt=0, description="Power by which brightness falls from the middle to the edge")

    @property
    def follows_plan(self) -> bool:
        """A spot has the diameter and the contrast that the plan drew, so it may stand in a series."""
        return True


class Spots(LesionKind):
    """Bright spots of the diameter and contrast that the plan drew."""

    protocol = 1
    section = SpotsLesion

    def open(self, stated: LesionSpec, inputs: Inputs, device: str = "cpu") -> Spot:
        """The generator."""
        return Spot(stated)


class Spot:
    """Puts spots on tissue; see the protocol `synthmammo.generators.base.Lesion`."""

    def __init__(self, stated: SpotsLesion) -> None:
        self.spacing_mm = stated.spacing_mm
        self.falloff = stated.falloff
        self.facts: Mapping[str, Any] = {"falloff": stated.falloff}

    def field_mm(self, lesion: PlannedLesion) -> float:
        """The spot, and as much tissue again."""
        return 2 * lesion.diameter_mm

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """The spot as a signed channel, with its exact mask."""
        size = len(context.pixels)
        rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
        distance = np.hypot(rows, columns) * context.spacing_mm / (lesion.diameter_mm / 2)
        channel = lesion.contrast * np.clip(1 - distance**self.falloff, 0, None) * context.breast
        return LesionChannel(channel.astype(np.float32), (distance < 1) & context.breast)
