"""What a recipe asks for that its backgrounds cannot show: lesions larger than the breast or smaller than a pixel."""

from __future__ import annotations

from collections.abc import Iterator

from synthmammo.errors import RecipeError
from synthmammo.generators.backgrounds.base import Extent
from synthmammo.generators.backgrounds.kinds import kind_of
from synthmammo.generators.inputs import Inputs, located_if_here
from synthmammo.mammogram.sample import Kind
from synthmammo.recipe import LesionSpec, Recipe
from synthmammo.recipe.draws import DrawModel
from synthmammo.recipe.edits import DirectionEdit

LEAST_PIXELS = {Kind.MASS: 1, Kind.CALCIFICATION: 2}
"""Least diameter of a lesion in pixels: a mass has one at least, and a cluster is more than one calcification."""

MOST_DEVIATIONS = 10.0
"""Greatest length of a move along a direction, in standard deviations of the latents: no image lies farther out."""


def check_sizes(recipe: Recipe, inputs: Inputs | None = None) -> None:
    """Refuse lesions and edits that cannot be.

    Args:
        recipe: The checked recipe.
        inputs: Its inputs, as `find_inputs` finds them; None, the default, to look for the background's on this
            machine. A model that is not there is not asked.

    Raises:
        RecipeError: A lesion is larger than the breast or smaller than a pixel, or an edit leaves the model's latents.
    """
    _check_edits(recipe)
    kind = kind_of(recipe)
    if inputs is None:  # a plan needs no model; a build says what is wrong with it
        inputs = Inputs(kind.inputs(recipe, located_if_here))
    extent = kind.extent(recipe, inputs)
    if extent and extent.spacing_mm and extent.side_mm:
        for where, lesion, draw in _diameters(recipe):
            _check_diameter(where, lesion, draw, extent, extent.spacing_mm, extent.side_mm)


def _check_edits(recipe: Recipe) -> None:
    for number, edit in enumerate(recipe.edits):
        if not isinstance(edit, DirectionEdit):
            continue
        name, strengths = ("sweep", edit.sweep) if edit.sweep else ("strength", edit.strength and edit.strength.usual)
        longest = max((abs(strength) for strength in strengths or ()), default=0.0)
        if longest > MOST_DEVIATIONS:
            message = f"{longest:g} standard deviations along {edit.direction} lead to no mammogram any more"
            hint = f"Stay within {MOST_DEVIATIONS:g}; most images lie within 3."
            raise RecipeError(message, where=f"edits.{number}.{name}", hint=hint)


def _diameters(recipe: Recipe) -> Iterator[tuple[str, Kind, DrawModel]]:
    """The diameters that are drawn, with the field that says so and the kind of the lesion."""
    if recipe.series:
        steps = recipe.series.diameter_mm
        draw = DrawModel(uniform=(min(steps), max(steps)))
        yield "series.diameter_mm", Kind(recipe.lesions[0].kind), draw
        return
    for number, spec in enumerate(recipe.lesions):
        for draw in _draws(spec):
            yield f"lesions.{number}.diameter_mm", Kind(spec.kind), draw


def _draws(spec: LesionSpec) -> list[DrawModel]:
    if spec.diameter_mm is not None:
        return [spec.diameter_mm]
    # The package's own distributions have long tails; what they draw in the middle must be possible.
    defaults = [spec.size_draws(spec.pathology_in(label))[0] for label in spec.classes]
    return [DrawModel(uniform=(draw.lognormal[0], draw.lognormal[0])) for draw in defaults if draw.lognormal]


def _check_diameter(where: str, kind: Kind, draw: DrawModel, extent: Extent, spacing_mm: float, side_mm: float) -> None:
    low, high = draw.usual
    if high > side_mm:
        message = f"a {kind} of {high:g} mm does not fit into {extent.name}, which are {side_mm:.0f} mm wide"
        raise RecipeError(message, where=where, hint="State smaller lesions, or a larger background.")
    least = LEAST_PIXELS[kind] * spacing_mm
    if low < least:
        pixels = "a pixel" if LEAST_PIXELS[kind] == 1 else f"{LEAST_PIXELS[kind]} pixels"
        message = f"a {kind} of {low:g} mm is smaller than {pixels} of {extent.name}, {least:g} mm"
        raise RecipeError(message, where=where, hint="State larger lesions, or a finer background.spacing_mm.")
