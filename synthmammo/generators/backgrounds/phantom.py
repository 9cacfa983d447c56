"""Phantoms as backgrounds: they read nothing, and the recipe says all that is known of them."""

from __future__ import annotations

from typing import cast

from synthmammo.generators.backgrounds.base import BackgroundKind, Extent
from synthmammo.generators.base import Host
from synthmammo.generators.inputs import Inputs
from synthmammo.recipe.backgrounds import PhantomBackground
from synthmammo.recipe.fields import RecipeFields


class PhantomKind(BackgroundKind):
    """Procedural mammograms."""

    protocol = 1
    section = PhantomBackground

    def extent(self, recipe: RecipeFields, inputs: Inputs) -> Extent:  # noqa: D102, the protocol's
        stated = _section(recipe)
        lengths = (stated.height_mm, stated.width_mm)
        height, width = (round(length / stated.spacing_mm) for length in lengths)
        return Extent("the phantoms", height, width, stated.spacing_mm, min(lengths))

    def open(self, recipe: RecipeFields, inputs: Inputs, device: str = "cpu") -> Host:  # noqa: D102, the protocol's
        from synthmammo.generators.phantom import Phantom

        stated = _section(recipe)
        return Phantom(
            spacing_mm=stated.spacing_mm,
            height_mm=stated.height_mm,
            width_mm=stated.width_mm,
            bits_stored=recipe.emit.bits_stored,
            chest_wall=stated.chest_wall,
            response=stated.response,
        )


def _section(recipe: RecipeFields) -> PhantomBackground:
    return cast(PhantomBackground, recipe.background)
