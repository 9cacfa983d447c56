"""Recipes that are refused."""

import pytest

from synthmammo.errors import RecipeError
from synthmammo.recipe import load_recipe
from tests.support import tiny

MASS, CALCIFICATION = tiny.TINY["lesions"]


def refused(path, *settings):
    """The message of a recipe that must be refused."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, settings)
    return str(caught.value)


def with_background(**changes):
    return {"background": {**tiny.TINY["background"], **changes}}
