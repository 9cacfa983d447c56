"""What a recipe asks for that its backgrounds cannot show: lesions larger than the breast or smaller than a pixel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import MANIFEST
from synthmammo.errors import CheckpointError, RecipeError
from synthmammo.mammogram.sample import Kind
from synthmammo.models.file import Description, describe
from synthmammo.models.names import is_hosted, locate
from synthmammo.recipe import IngestedBackground, LesionSpec, PhantomBackground, Recipe, StyleGAN2Background
from synthmammo.recipe.draws import DrawModel
from synthmammo.recipe.edits import DirectionEdit

LEAST_PIXELS = {Kind.MASS: 1, Kind.CALCIFICATION: 2}
"""Least diameter of a lesion in pixels: a mass has one at least, and a cluster is more than one calcification."""

MOST_DEVIATIONS = 10.0
"""Greatest length of a move along a direction, in standard deviations of the latents: no image lies farther out."""


@dataclass(frozen=True)
class Field:
    """What the backgrounds of a recipe have room for.

    Attributes:
        spacing_mm: Finest pixel spacing in mm.
        side_mm: Shorter side of the largest image in mm; no breast is wider.
        name: What they are, for messages.
    """

    spacing_mm: float
    side_mm: float
    name: str


def check_sizes(recipe: Recipe, found: Mapping[str, Path] | None = None) -> None:
    """Refuse lesions and edits that cannot be.

    Args:
        recipe: The checked recipe.
        found: Paths of its model files, by the names the recipe gives them; None, the default, to look for the
            background's on this machine. A model that is not there is not asked.

    Raises:
        RecipeError: A lesion is larger than the breast or smaller than a pixel, or an edit leaves the model's latents.
    """
    _check_edits(recipe)
    if field := _field(recipe, _here(recipe) if found is None else found):
        for where, kind, draw in _diameters(recipe):
            _check_diameter(where, kind, draw, field)


def _here(recipe: Recipe) -> dict[str, Path]:
    """The file of the background's model, where it is on this machine."""
    model = getattr(recipe.background, "model", None)
    if model is None or is_hosted(model):
        return {}
    with suppress(CheckpointError):  # a plan needs no model; a build says what is wrong with it
        return {model: locate(model)}
    return {}


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


def _check_diameter(where: str, kind: Kind, draw: DrawModel, field: Field) -> None:
    low, high = draw.usual
    if high > field.side_mm:
        message = f"a {kind} of {high:g} mm does not fit into {field.name}, which are {field.side_mm:.0f} mm wide"
        raise RecipeError(message, where=where, hint="State smaller lesions, or a larger background.")
    least = LEAST_PIXELS[kind] * field.spacing_mm
    if low < least:
        pixels = "a pixel" if LEAST_PIXELS[kind] == 1 else f"{LEAST_PIXELS[kind]} pixels"
        message = f"a {kind} of {low:g} mm is smaller than {pixels} of {field.name}, {least:g} mm"
        raise RecipeError(message, where=where, hint="State larger lesions, or a finer background.spacing_mm.")


def _field(recipe: Recipe, found: Mapping[str, Path]) -> Field | None:
    """What the backgrounds have room for; None where that is not known yet."""
    background = recipe.background
    if isinstance(background, PhantomBackground):
        return Field(background.spacing_mm, min(background.height_mm, background.width_mm), "the phantoms")
    if isinstance(background, StyleGAN2Background):
        return _models_field(background, found)
    return _hosts_field(background)


def _models_field(background: StyleGAN2Background, found: Mapping[str, Path]) -> Field | None:
    if background.model not in found or background.latents:
        return None
    with suppress(CheckpointError):
        return _made_by(describe(found[background.model]))
    return None


def _made_by(model: Description) -> Field | None:
    side = model.config.get("resolution")
    if not side or not model.spacing_mm:
        return None
    return Field(model.spacing_mm, side * model.spacing_mm, "the model's images")


def _hosts_field(background: IngestedBackground) -> Field | None:
    directory = Path(background.dataset)
    if not (directory / MANIFEST).is_file():
        return None
    assumed = background.assume_spacing_mm
    fields = []
    for row in read_index(directory).to_pylist():
        if spacing := row["spacing_mm"] or (assumed and [assumed, assumed]):
            fields.append((min(spacing), min(row["height"] * spacing[0], row["width"] * spacing[1])))
    if not fields:
        return None
    return Field(min(finest for finest, _ in fields), max(side for _, side in fields), "the hosts")
