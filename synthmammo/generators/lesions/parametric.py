"""Drawn lesions: they read nothing, and their removal knows its own."""

from __future__ import annotations

from synthmammo.generators.base import Lesion
from synthmammo.generators.inputs import Inputs
from synthmammo.generators.lesions.base import LesionKind
from synthmammo.recipe.lesions import LesionSpec, Removal


class ParametricKind(LesionKind):
    """Lesions drawn after BI-RADS terms."""

    protocol = 1
    removal_section = Removal

    def open(self, stated: LesionSpec, inputs: Inputs, device: str = "cpu") -> Lesion:  # noqa: D102, the protocol's
        from synthmammo.generators.parametric import Parametric

        return Parametric(stated.spacing_mm)

    def open_removal(self, stated: Removal, inputs: Inputs, device: str = "cpu") -> Lesion:  # noqa: D102
        from synthmammo.generators.parametric import ParametricRemoval

        return ParametricRemoval()
