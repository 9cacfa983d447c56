"""Backgrounds of plan rows: drawn by a generator, edited where the plan says so, rendered."""

from __future__ import annotations

from collections.abc import Sequence

from synthmammo.editing.base import Editor
from synthmammo.generators.base import HOSTS, Host, find
from synthmammo.latents import open_model
from synthmammo.recipe import IngestedBackground, PhantomBackground, Recipe, StyleGAN2Background
from synthmammo.row import Row
from synthmammo.sample import Sample


class Backgrounds:
    """Makes the backgrounds of a recipe's plan.

    Args:
        recipe: The checked recipe.

    Attributes:
        batch_size: Rows that are made together.

    Raises:
        GeneratorError: The generator is unknown or lacks its model, or an edit cannot work on it.
        DatasetError: The dataset of real hosts is absent.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._host = open_host(recipe)
        self._editor = open_editor(recipe)
        self.batch_size = self._host.batch_size

    def __call__(self, rows: Sequence[Row]) -> list[Sample]:
        """One background a row, of at most `batch_size` rows."""
        # Always a full batch: on some devices a row's pixels depend on the batch size, never on its neighbours.
        padded = [*rows, *[rows[-1]] * (self.batch_size - len(rows))]
        latents = self._host.latents(padded)
        return self._host.render(self._editor(latents) if self._editor else latents)[: len(rows)]


def open_host(recipe: Recipe) -> Host:
    """The generator of a recipe's backgrounds.

    Raises:
        GeneratorError: It is unknown or lacks its model.
        DatasetError: The dataset of real hosts is absent.
    """
    background = recipe.background
    kind = find(HOSTS, background.generator, "background.generator")
    if isinstance(background, PhantomBackground):
        names = ("spacing_mm", "height_mm", "width_mm", "chest_wall", "response")
        options = {name: getattr(background, name) for name in names} | {"bits_stored": recipe.emit.bits_stored}
    elif isinstance(background, IngestedBackground):
        options = {"dataset": background.dataset, "assume_spacing_mm": background.assume_spacing_mm}
    else:
        options = {"model": background.model, "bits_stored": recipe.emit.bits_stored, "inverted": background.latents}
    host: Host = kind(**options)
    return host


def open_editor(recipe: Recipe) -> Editor | None:
    """The edits of a recipe, ready for its model; None where there are none.

    Raises:
        GeneratorError: One of them cannot work on the model.
    """
    background = recipe.background
    if not recipe.edits or not isinstance(background, StyleGAN2Background):
        return None
    return Editor(recipe.edits, open_model(background.model), background)
