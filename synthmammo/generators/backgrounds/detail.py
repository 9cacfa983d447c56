"""Backgrounds of any kind whose recipe names a detail network, which makes them finer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.errors import CheckpointError, GeneratorError
from synthmammo.generators.backgrounds.base import BackgroundKind, Extent, Lack
from synthmammo.generators.base import Host
from synthmammo.generators.inputs import Input, Inputs, Locate, model_input, naming_field
from synthmammo.models.file import Description, describe
from synthmammo.models.suitable import require_architecture, require_refinable
from synthmammo.recipe.fields import RecipeFields

if TYPE_CHECKING:
    import pyarrow as pa

FIELD = "background.detail"


class DetailedKind(BackgroundKind):
    """A kind of backgrounds, and the network that refines what it makes.

    Args:
        coarse: The kind of the coarse backgrounds.
        model: Name of the detail network.
    """

    def __init__(self, coarse: BackgroundKind, model: str) -> None:
        self._coarse, self._model = coarse, model

    def inputs(self, recipe: RecipeFields, locate: Locate) -> Iterator[Input]:  # noqa: D102, the protocol's
        yield from self._coarse.inputs(recipe, locate)
        yield from model_input(self._model, FIELD, locate)

    def check(self, recipe: RecipeFields, inputs: Inputs) -> None:
        """Refuse a model that is no detail network, or one for pixels of another size.

        Raises:
            GeneratorError: The network cannot refine these backgrounds.
        """
        self._coarse.check(recipe, inputs)
        if path := inputs.path(self._model):
            described = self._described(path)
            coarse = self._coarse.extent(recipe, inputs)
            if coarse and coarse.spacing_mm:
                require_refinable(described, coarse.spacing_mm, f"{FIELD}: {self._model}")

    def _described(self, path: Path) -> Description:
        with naming_field(FIELD, self._model):
            described = describe(path)
            require_architecture(described, path, "detail")
        return described

    def hosts(self, recipe: RecipeFields) -> pa.Table | None:  # noqa: D102, the protocol's
        return self._coarse.hosts(recipe)

    def lacks(self, recipe: RecipeFields) -> Lack | None:  # noqa: D102, the protocol's
        return self._coarse.lacks(recipe)

    def extent(self, recipe: RecipeFields, inputs: Inputs) -> Extent | None:  # noqa: D102, the protocol's
        coarse = self._coarse.extent(recipe, inputs)
        with suppress(CheckpointError, GeneratorError):  # a build says what is wrong with it
            if coarse and (path := inputs.path(self._model)):
                factor = int(self._described(path).config["factor"])
                spacing_mm = coarse.spacing_mm and coarse.spacing_mm / factor
                sides = (coarse.height_px * factor, coarse.width_px * factor)
                return replace(coarse, height_px=sides[0], width_px=sides[1], spacing_mm=spacing_mm)
        return None

    def open(self, recipe: RecipeFields, inputs: Inputs, device: str = "cpu") -> Host:  # noqa: D102, the protocol's
        from synthmammo.generators.detail import Detailed

        with naming_field(FIELD, self._model):
            return Detailed(self._coarse.open(recipe, inputs, device), self._model, device, inputs.path(self._model))
