"""Backgrounds of plan rows: drawn by a generator, edited where the plan says so, rendered, perhaps chosen by looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from synthmammo.building.requirement import unmet
from synthmammo.editing.editor import Editor
from synthmammo.generators.backgrounds.base import brought_by
from synthmammo.generators.backgrounds.kinds import kind_of
from synthmammo.generators.base import Host
from synthmammo.generators.inputs import Inputs
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.recipe import Recipe


class Backgrounds:
    """Makes the backgrounds of a recipe's plan.

    Args:
        recipe: The checked recipe.
        inputs: What its generators read, as `find_inputs` finds it; by default each looks for its own.
        device: Device of the networks; "cpu" by default.

    Attributes:
        batch_size: Number of rows that are made together.

    Raises:
        GeneratorError: The generator is unknown or lacks its model, or an edit cannot work on it.
        DatasetError: The dataset of real hosts is absent.
    """

    def __init__(self, recipe: Recipe, inputs: Inputs | None = None, device: str = "cpu") -> None:
        self._host: Host = open_host(recipe, inputs, device)
        self._editor = open_editor(recipe, self._host)
        self._requirement = recipe.require
        self._brought = brought_by(recipe.background.generator)
        self._name = recipe.background.generator
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
        made = self._host.render(self._editor(latents) if self._editor else latents)[: len(rows)]
        return [self._signed(sample) for sample in made] if self._brought else made

    def _signed(self, sample: Sample) -> Sample:
        """A plug-in's image, whose provenance names the plug-in whatever that says itself."""
        return sample.with_(provenance={**sample.provenance, "generator": self._name, **self._brought})


def open_host(recipe: Recipe, inputs: Inputs | None = None, device: str = "cpu") -> Any:
    """The generator of a recipe's backgrounds, a `Host`.

    Args:
        recipe: The checked recipe.
        inputs: What it reads; by default it looks for it.
        device: Device of its network; "cpu" by default.

    Raises:
        GeneratorError: It is unknown or lacks its model.
        DatasetError: The dataset of real hosts is absent.
    """
    return kind_of(recipe).open(recipe, inputs or Inputs(), device)


def open_editor(recipe: Recipe, host: Any) -> Editor | None:
    """The edits of a recipe, ready for its model; None where there are none.

    Args:
        recipe: The checked recipe.
        host: Its opened generator; one whose latents can be edited has its `model`.

    Raises:
        GeneratorError: One of them cannot work on the model.
    """
    background = recipe.background.edited
    return Editor(recipe.edits, host.model, background) if recipe.edits and background else None
