"""Backgrounds of plan rows: drawn by a generator, edited where the plan says so, rendered, perhaps chosen by looks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.building.requirement import unmet
from synthmammo.building.serving import Served
from synthmammo.editing.editor import Editor
from synthmammo.generators.backgrounds.base import brought_by
from synthmammo.generators.backgrounds.kinds import kind_of
from synthmammo.generators.base import DeviceHost, Host
from synthmammo.generators.inputs import Inputs
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.models import devices
from synthmammo.models.devices import Computing
from synthmammo.recipe import Recipe


class Backgrounds:
    """Makes the backgrounds of a recipe's plan.

    Args:
        recipe: The checked recipe.
        inputs: What its generators read, as `find_inputs` finds it; by default each looks for its own.
        computing: Device, batch and precision of the networks; by default the processor, and the generator's own batch.

    Attributes:
        batch_size: Number of rows that are made together.

    Raises:
        GeneratorError: The generator is unknown or lacks its model, or an edit cannot work on it.
        DatasetError: The dataset of real hosts is absent.
    """

    def __init__(self, recipe: Recipe, inputs: Inputs | None = None, computing: Computing | None = None) -> None:
        self._computing = computing or Computing()
        self._served = Served(*self._computing.served) if self._computing.served else None
        self._host: Host = open_host(recipe, inputs, devices.CPU if self._served else self._computing.device)
        if self._served and not isinstance(self._host, DeviceHost):
            self._host = open_host(recipe, inputs, self._computing.device)  # one that no other process can help
        self._editor = open_editor(recipe, self._host)
        self._requirement = recipe.require
        self._brought = brought_by(recipe.background.generator)
        self._name = recipe.background.generator
        # A generator that makes images one by one, as a drawing, gains nothing by batches.
        own = self._host.batch_size
        self.batch_size = self._computing.batch or own if own > 1 else own
        if isinstance(self._host, DeviceHost):
            self._host.precision = self._computing.precision

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
        tried = [0] * len(rows)
        while chosen := self._candidates(found, tried):
            seeds = [replace(rows[number], host_seed=rows[number].host_seeds[attempt]) for number, attempt in chosen]
            for (number, attempt), sample in zip(chosen, self._made(seeds), strict=True):
                tried[number] = attempt + 1
                if isinstance(found[number], str):
                    found[number] = self._accepted(sample, attempt)
        return found

    def _candidates(self, found: Sequence[Sample | str], tried: Sequence[int]) -> list[tuple[int, int]]:
        """The next row numbers and attempts: those of rows that still lack a background, as many as fill a batch.

        What would fill the batch up is made anyway, so that it may as well be what comes next if these are rejected.
        """
        assert self._requirement
        still = [number for number, one in enumerate(found) if isinstance(one, str)]
        most, candidates = self.batch_size, self._requirement.candidates
        return [
            (number, tried[number] + more)
            for more in range(candidates)
            for number in still
            if tried[number] + more < candidates
        ][:most]

    def _accepted(self, sample: Sample, attempt: int) -> Sample | str:
        """The background, with the number of those rejected before it; a text where it is rejected too."""
        assert self._requirement
        reason = unmet(sample, self._requirement)
        if reason is None:
            return sample.with_(provenance={**sample.provenance, "attempt": attempt})
        return f"none of the {self._requirement.candidates} candidate seeds looks as required; of the last one {reason}"

    def edited(self, rows: Sequence[Row]) -> Any:
        """What the generator renders of rows, after their edits: a full batch, whose last rows repeat the last row.

        Args:
            rows: At most `batch_size` rows of the plan.
        """
        return self._latents(self._full(rows))

    def _full(self, rows: Sequence[Row]) -> list[Row]:
        # Always a full batch: on some devices a row's pixels depend on the batch size, never on its neighbours.
        return [*rows, *[rows[-1]] * (self.batch_size - len(rows))]

    def _made(self, rows: Sequence[Row]) -> list[Sample]:
        made = self._rendered(self._full(rows), len(rows))
        return [self._signed(sample) for sample in made] if self._brought else made

    def _signed(self, sample: Sample) -> Sample:
        """A plug-in's image, whose provenance names the plug-in whatever that says itself."""
        return sample.with_(provenance={**sample.provenance, "generator": self._name, **self._brought})

    def _rendered(self, rows: Sequence[Row], wanted: int) -> list[Sample]:
        """The first `wanted` of a full batch."""
        if not isinstance(self._host, DeviceHost):
            with self._memory():
                return self._host.render(self._latents(rows))[:wanted]
        planes = self._served.planes(rows) if self._served else self.planes(rows)
        return self._host.finished(rows[:wanted], planes[:wanted])

    def planes(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """The work on the device for another process.

        Args:
            rows: A full batch of rows.

        Returns:
            `float32 (N, H, W)` pixels.
        """
        assert isinstance(self._host, DeviceHost)
        with self._memory():
            return self._host.planes(self._latents(rows))

    def _latents(self, rows: Sequence[Row]) -> Any:
        latents = self._host.latents(rows)
        return self._editor(latents) if self._editor else latents

    def _memory(self) -> AbstractContextManager[None]:
        if not self._computing.in_batches:
            return nullcontext()
        return devices.memory_for(self.batch_size, self._computing.device)


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
