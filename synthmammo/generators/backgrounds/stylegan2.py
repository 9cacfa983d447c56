"""Images of a trained StyleGAN2 as backgrounds, from seeds or from the latents of inverted images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from synthmammo.errors import CheckpointError, GeneratorError
from synthmammo.generators.backgrounds.base import HOST_COLUMNS, BackgroundKind, Extent, Lack
from synthmammo.generators.backgrounds.hosts import unfit
from synthmammo.generators.base import Host
from synthmammo.generators.inputs import Input, Inputs, Locate, model_input
from synthmammo.models.file import describe
from synthmammo.models.inverted import read_inverted
from synthmammo.recipe.backgrounds import StyleGAN2Background
from synthmammo.recipe.fields import RecipeFields

if TYPE_CHECKING:
    import pyarrow as pa


class StyleGAN2Kind(BackgroundKind):
    """Whole mammograms from a trained StyleGAN2."""

    protocol = 1
    section = StyleGAN2Background

    def inputs(self, recipe: RecipeFields, locate: Locate) -> Iterator[Input]:  # noqa: D102, the protocol's
        stated = _section(recipe)
        yield from model_input(stated.model, "background.model", locate)
        if stated.latents:
            path = Path(stated.latents)
            if not path.is_file():
                hint = "`synthmammo invert IMAGE` makes it."
                raise GeneratorError("there is no such file", where=f"background.latents: {path}", hint=hint)
            yield Input(stated.latents, path)

    def check(self, recipe: RecipeFields, inputs: Inputs) -> None:
        """Refuse a recipe and a model of which only one says that views can be chosen.

        Raises:
            GeneratorError: The recipe chooses views and the model cannot, or the model asks for one and the recipe is
                silent.
        """
        stated = _section(recipe)
        if (path := inputs.path(stated.model)) is None:
            return
        makes_views = describe(path).makes_views
        if stated.views and not makes_views:
            hint = "State background.view if all its images show one, or take a model that was trained on views."
            message = f"the model {stated.model} does not make the view that it is asked for"
            raise GeneratorError(message, where="background.views", hint=hint)
        if makes_views and not (stated.views or stated.view or stated.latents):
            hint = "E.g. views: {CC: 0.5, MLO: 0.5}."
            message = f"the model {stated.model} makes the view that it is asked for, and none is asked for"
            raise GeneratorError(message, where="background.views", hint=hint)

    def hosts(self, recipe: RecipeFields) -> pa.Table | None:  # noqa: D102, the protocol's
        stated = _section(recipe)
        if not stated.latents:
            return None
        import pyarrow as pa

        rows = read_inverted(stated.latents).rows()
        return pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in HOST_COLUMNS})

    def lacks(self, recipe: RecipeFields) -> Lack | None:  # noqa: D102, the protocol's
        stated = _section(recipe)
        if stated.latents:
            return unfit(
                read_inverted(stated.latents).rows(), "Invert them with assume_spacing_mm, or leave DICOM out:"
            )
        if recipe.shown.view and stated.laterality:
            return None
        hint = "State background.laterality, and background.view, views or require.view; or leave DICOM out:"
        return Lack("those of a StyleGAN2 are as the recipe says", hint)

    def extent(self, recipe: RecipeFields, inputs: Inputs) -> Extent | None:  # noqa: D102, the protocol's
        stated = _section(recipe)
        with suppress(CheckpointError):  # a build says what is wrong with it
            if path := inputs.path(stated.model):
                return _extent(path, bool(stated.latents))
        return None

    def open(self, recipe: RecipeFields, inputs: Inputs, device: str = "cpu") -> Host:  # noqa: D102, the protocol's
        from synthmammo.generators.stylegan2 import StyleGAN2

        stated = _section(recipe)
        host = StyleGAN2(
            stated.model,
            recipe.emit.bits_stored,
            device,
            inverted=stated.latents,
            noise=stated.noise,
            path=inputs.path(stated.model),
        )
        if stated.conditional:
            _check_classes(stated.model, host.model.checkpoint.description.classes, tuple(recipe.classes))
        return host


def _section(recipe: RecipeFields) -> StyleGAN2Background:
    return cast(StyleGAN2Background, recipe.background)


def _extent(path: Path, inverted: bool) -> Extent | None:
    """Size of what a model makes; of inverted images each has a spacing of its own."""
    model = describe(path)
    side = model.config.get("resolution")
    if not isinstance(side, int) or not side:
        return None
    spacing_mm = None if inverted else model.spacing_mm
    return Extent("the model's images", side, side, spacing_mm, spacing_mm and side * spacing_mm)


def _check_classes(model: str, known: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    missing = [label for label in wanted if label not in known]
    if missing:
        message = f"the model {model} knows no class '{missing[0]}'"
        hint = f"It makes {', '.join(known)}." if known else "It makes images without classes."
        raise GeneratorError(message, where="background.conditional", hint=hint)
