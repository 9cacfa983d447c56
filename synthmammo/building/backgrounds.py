"""Backgrounds of plan rows: drawn by a generator, edited where the plan says so, rendered, perhaps chosen by looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from synthmammo.building.requirement import unmet
from synthmammo.editing.editor import Editor
from synthmammo.errors import GeneratorError
from synthmammo.generators.base import HOSTS, Host, find
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.models.latents import open_model
from synthmammo.recipe import IngestedBackground, PhantomBackground, Recipe, StyleGAN2Background


class Backgrounds:
    """Makes the backgrounds of a recipe's plan.

    Args:
        recipe: The checked recipe.

    Attributes:
        batch_size: Number of rows that are made together.

    Raises:
        GeneratorError: The generator is unknown or lacks its model, or an edit cannot work on it.
        DatasetError: The dataset of real hosts is absent.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._host = open_host(recipe)
        self._editor = open_editor(recipe)
        self._requirement = recipe.require
        self.batch_size = self._host.batch_size

    def __call__(self, rows: Sequence[Row]) -> list[Sample | str]:
        """Make one background per row.

        Args:
            rows: At most `batch_size` rows of the plan.

        Returns:
            The backgrounds; in place of one, why none of its candidate seeds would do.
        """
        if self._requirement is None:
            return [*self._made(rows)]
        found: list[Sample | str] = [""] * len(rows)
        for attempt in range(self._requirement.candidates):
            still = [number for number, one in enumerate(found) if isinstance(one, str)]
            if not still:
                break
            tried = [replace(rows[number], host_seed=rows[number].host_seeds[attempt]) for number in still]
            for number, sample in zip(still, self._made(tried), strict=True):
                found[number] = self._accepted(sample, attempt)
        return found

    def _accepted(self, sample: Sample, attempt: int) -> Sample | str:
        """The background, with the number of those rejected before it; a text where it is rejected too."""
        assert self._requirement
        reason = unmet(sample, self._requirement)
        if reason is None:
            return sample.with_(provenance={**sample.provenance, "attempt": attempt})
        return f"none of the {self._requirement.candidates} candidate seeds looks as required; of the last one {reason}"

    def _made(self, rows: Sequence[Row]) -> list[Sample]:
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
        options |= {"noise": background.noise}
    host: Host = kind(**options)
    if isinstance(background, StyleGAN2Background) and background.conditional:
        _check_classes(background.model, tuple(recipe.classes))
    return host


def _check_classes(model: str, wanted: tuple[str, ...]) -> None:
    known = open_model(model).checkpoint.description.classes
    missing = [label for label in wanted if label not in known]
    if missing:
        message = f"the model {model} knows no class '{missing[0]}'"
        hint = f"It makes {', '.join(known)}." if known else "It makes images without classes."
        raise GeneratorError(message, where="background.conditional", hint=hint)


def open_editor(recipe: Recipe) -> Editor | None:
    """The edits of a recipe, ready for its model; None where there are none.

    Raises:
        GeneratorError: One of them cannot work on the model.
    """
    background = recipe.background
    if not recipe.edits or not isinstance(background, StyleGAN2Background):
        return None
    return Editor(recipe.edits, open_model(background.model), background)
