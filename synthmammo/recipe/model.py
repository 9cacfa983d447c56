"""The recipe: the dataset to make, stated once and checked before anything is made."""

from __future__ import annotations

from pydantic import model_validator

from synthmammo.recipe.consistency import check_consistency
from synthmammo.recipe.fields import RecipeFields


class Recipe(RecipeFields):
    """A dataset, declared; its fields are checked against each other."""

    def __repr__(self) -> str:
        classes = ", ".join(self.classes)
        return f"Recipe({self.name}: {self.size:,} samples of {classes}; {self.background.generator} backgrounds)"

    __str__ = __repr__

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        check_consistency(self)
        return self
