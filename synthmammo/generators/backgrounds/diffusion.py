"""Images of a diffusion pipeline as backgrounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from synthmammo.generators.backgrounds.base import BackgroundKind, Extent, Lack
from synthmammo.generators.base import Host
from synthmammo.generators.inputs import Input, Inputs, Locate
from synthmammo.generators.pipeline_input import pipeline_input
from synthmammo.models.pipelines import side_px
from synthmammo.recipe.diffusion import DiffusionBackground
from synthmammo.recipe.fields import RecipeFields


class DiffusionKind(BackgroundKind):
    """Whole mammograms from a diffusion pipeline of diffusers, unconditional or asked for by a text."""

    protocol = 1
    section = DiffusionBackground

    def inputs(self, recipe: RecipeFields, locate: Locate) -> Iterator[Input]:  # noqa: D102, the protocol's
        return pipeline_input(_section(recipe).model, "background.model", locate)

    def lacks(self, recipe: RecipeFields) -> Lack | None:  # noqa: D102, the protocol's
        stated, shown = _section(recipe), recipe.shown
        if stated.spacing_mm and shown.view and shown.laterality:
            return None
        hint = "State background.spacing_mm, background.laterality and background.view; or leave DICOM out:"
        return Lack("those of a pipeline are as the recipe says", hint)

    def extent(self, recipe: RecipeFields, inputs: Inputs) -> Extent | None:  # noqa: D102, the protocol's
        stated = _section(recipe)
        path = inputs.path(stated.model)
        side = side_px(path) if path else None
        if side is None:
            return None
        spacing_mm = stated.spacing_mm
        return Extent("the pipeline's images", side, side, spacing_mm, spacing_mm and side * spacing_mm)

    def open(self, recipe: RecipeFields, inputs: Inputs, device: str = "cpu") -> Host:  # noqa: D102, the protocol's
        from synthmammo.generators.diffusion import Diffusion

        stated = _section(recipe)
        found = inputs.get(stated.model)
        return Diffusion(
            stated, recipe.emit.bits_stored, found.path if found else None, found.digest if found else None, device
        )


def _section(recipe: RecipeFields) -> DiffusionBackground:
    return cast(DiffusionBackground, recipe.background)
