"""The language of recipes: what a recipe may say, which distributions it may state, and how it is read from YAML."""

from synthmammo.recipe.background import Background
from synthmammo.recipe.backgrounds import IngestedBackground, PhantomBackground, StyleGAN2Background
from synthmammo.recipe.draws import Choice, Draw, Shares
from synthmammo.recipe.emit import Emit
from synthmammo.recipe.fields import PatchOutput, Quality
from synthmammo.recipe.lesions import LesionSpec, Placement, PostProcessing
from synthmammo.recipe.load import RecipeLike, as_recipe, load_recipe, own_schema, resolved_yaml
from synthmammo.recipe.model import Recipe
from synthmammo.recipe.shipped import shipped_recipes

__all__ = [
    "Background",
    "Choice",
    "Draw",
    "Emit",
    "IngestedBackground",
    "LesionSpec",
    "PatchOutput",
    "PhantomBackground",
    "Placement",
    "PostProcessing",
    "Quality",
    "Recipe",
    "RecipeLike",
    "Shares",
    "StyleGAN2Background",
    "as_recipe",
    "load_recipe",
    "own_schema",
    "resolved_yaml",
    "shipped_recipes",
]
