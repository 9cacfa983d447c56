"""The kind of a recipe's backgrounds: that of its generator, refined where the recipe names a detail network."""

from __future__ import annotations

from synthmammo.generators.backgrounds.base import BackgroundKind, background_kind
from synthmammo.generators.backgrounds.detail import DetailedKind
from synthmammo.recipe.fields import RecipeFields


def kind_of(recipe: RecipeFields) -> BackgroundKind:
    """The kind of a recipe's backgrounds."""
    kind = background_kind(recipe.background.generator)
    refined_by = recipe.background.refined_by
    return kind if refined_by is None else DetailedKind(kind, refined_by)
