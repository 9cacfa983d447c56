"""The lesions of plan rows: candidates are tried on a canvas until one passes, and lesions are taken off again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from synthmammo.building.canvas import Canvas, Placed, Try
from synthmammo.building.placement import Frame, Places, Site
from synthmammo.building.serving import Served, ServedLesion
from synthmammo.building.together import Asked, Rounds
from synthmammo.generators.base import BatchedLesion, Lesion, LesionChannel, Question
from synthmammo.generators.inputs import Inputs
from synthmammo.generators.lesions.base import brought_by, lesion_kind
from synthmammo.mammogram.anatomy import site_from_draw
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.mammogram.sample import Image
from synthmammo.models.devices import CPU, Computing
from synthmammo.recipe import LesionSpec, Recipe
from synthmammo.recipe.lesions import Removal


class Inserter:
    """Puts the lesions of a recipe onto canvases.

    Args:
        recipe: The checked recipe.
        inputs: What its generators read, as `find_inputs` finds it; by default each looks for its own.
        computing: Device, batch and precision of the networks; by default the processor.
        rounds: Rounds that the lesions are put on in, whose networks answer in batches; None, the default, for one
            lesion after the other.

    Raises:
        GeneratorError: A generator is unknown or lacks its model.
    """

    def __init__(
        self,
        recipe: Recipe,
        inputs: Inputs | None = None,
        computing: Computing | None = None,
        rounds: Rounds | None = None,
    ) -> None:
        opened = _Opened(inputs or Inputs(), computing or Computing(), rounds)
        self._specs = recipe.lesions
        self._least_contrast = recipe.quality.minimum_contrast_to_noise
        self._generators = [opened.lesion(number, spec) for number, spec in enumerate(recipe.lesions)]
        self._removal_name = recipe.removal and recipe.removal.generator
        self._removal = opened.removal(recipe.removal) if recipe.removal else None

    def answers(self, number: int | None, questions: Sequence[Question]) -> list[LesionChannel]:
        """What a network makes of several questions, for another process.

        Args:
            number: Number of the recipe's entry under `lesions`; None for its removal.
            questions: A full batch of questions.
        """
        generator = self._removal if number is None else self._generators[number]
        assert isinstance(generator, BatchedLesion)
        return generator.answers(questions)

    def put(
        self, lesions: Sequence[PlannedLesion], canvas: Canvas, places: Places, frame: Frame | None = None
    ) -> str | None:
        """Put lesions onto a canvas, each by the first of its candidates that passes.

        Args:
            lesions: Planned lesions of one image; those of one entry of the recipe follow each other.
            canvas: Canvas that they are put onto, changed in place.
            places: Places of the canvas's host.
            frame: Patch that will be cut around the first lesion; None, the default, for whole images.

        Returns:
            Reason why one of them could not be put on; None when all are.
        """
        for number, same in groupby(lesions, key=lambda lesion: lesion.spec):
            spec = self._specs[number]
            if spec.placement.layout == "contiguous":
                reason = self._put_adjacent(spec, [*same], canvas, places)
            elif spec.placement.site:
                reason = self.put_at(next(same), canvas, spec.placement.site)
            else:
                reason = self._put_free(spec, same, canvas, places, frame)
            if reason:
                return reason
        return None

    def put_at(self, lesion: PlannedLesion, canvas: Canvas, site: Site) -> str | None:
        """Put a lesion onto a stated place, by the first of its candidates that passes there.

        Returns:
            Why it could not be put on; None when it is.
        """
        spec = self._specs[lesion.spec]
        tries = (Try(lesion, spec, one, attempt, site) for attempt, one in enumerate(lesion.candidates))
        return None if self._first(tries, canvas) else _none_passed(lesion)

    def _put_adjacent(
        self, spec: LesionSpec, lesions: Sequence[PlannedLesion], canvas: Canvas, places: Places
    ) -> str | None:
        strip = places.contiguous(spec.placement, len(lesions), lesions[0].candidates[0].site)
        if strip is None:
            window = f"{spec.placement.window_mm:g} mm"
            return f"no {len(lesions)} adjacent windows of {window} with enough tissue"
        for lesion, site in zip(lesions, strip, strict=True):
            tries = (Try(lesion, spec, one, attempt, site) for attempt, one in enumerate(lesion.candidates))
            if not self._first(tries, canvas):
                return _none_passed(lesion)
        return None

    def _put_free(
        self, spec: LesionSpec, lesions: Iterator[PlannedLesion], canvas: Canvas, places: Places, frame: Frame | None
    ) -> str | None:
        placement = frame.as_window(spec.placement, places.spacing_mm) if frame else spec.placement
        for lesion in lesions:
            sites = places.free(placement, lesion.diameter_mm, canvas.taken)
            found = ((one, site_from_draw(sites, one.site)) for one in lesion.candidates)
            tries = (
                Try(lesion, spec, one, attempt, frame.site(place) if frame else place)
                for attempt, (one, place) in enumerate(found)
                if place
            )
            if not self._first(tries, canvas):
                return _none_passed(lesion)
        return None

    def _first(self, tries: Iterator[Try], canvas: Canvas) -> bool:
        return any(canvas.put(self._generators[one.lesion.spec], one, self._least_contrast) for one in tries)

    def removed(self, canvas: Canvas) -> Image:
        """The image of a canvas after its lesions were taken off again."""
        assert self._removal
        return canvas.removed(self._removal)

    def removal_account(self) -> dict[str, Any]:
        """What the provenance of an image says of the generator that took its lesions off."""
        assert self._removal and self._removal_name
        return _named(self._removal_name, self._removal)

    def account(self, placed: Placed) -> dict[str, Any]:
        """What the provenance of an image says of one of its lesions."""
        tried, lesion, post = placed.tried, placed.tried.lesion, placed.tried.spec.post
        assert post
        return {
            **_named(tried.spec.generator, self._generators[lesion.spec]),
            "kind": str(lesion.kind),
            "pathology": str(lesion.pathology),
            "diameter_mm": lesion.diameter_mm,
            "contrast": lesion.contrast,
            "seed": tried.candidate.seed,
            "site": list(tried.site),
            "attempt": tried.attempt,
            "box": list(placed.finding.box),
            "descriptors": placed.finding.descriptors,
            "post": post.model_dump(),
        }


def _named(name: str, generator: Lesion) -> dict[str, Any]:
    return {"generator": name, **generator.facts, **brought_by(name)}


def _none_passed(lesion: PlannedLesion) -> str:
    what = f"{lesion.pathology} {lesion.kind} of {lesion.diameter_mm:.1f} mm"
    return f"none of the {len(lesion.candidates)} candidates for a {what} passed"


@dataclass(frozen=True)
class _Opened:
    """How the generators of lesions are opened."""

    inputs: Inputs
    computing: Computing
    rounds: Rounds | None

    def lesion(self, number: int, spec: LesionSpec) -> Lesion:
        kind = lesion_kind(spec.generator, f"lesions.{number}.generator")
        return self._in_rounds(partial(kind.open, spec, self.inputs), number)

    def removal(self, stated: Removal) -> Lesion:
        kind = lesion_kind(stated.generator, "removal.generator")
        return self._in_rounds(partial(kind.open_removal, stated, self.inputs), None)

    def _in_rounds(self, opened: Callable[[str], Lesion], number: int | None) -> Lesion:
        served = Served(*self.computing.served) if self.computing.served else None
        generator = opened(CPU if served else self.computing.device)
        if not isinstance(generator, BatchedLesion):
            return opened(self.computing.device) if served else generator  # one that no other process can help
        batched = ServedLesion(generator, served, number) if served else generator
        return Asked(batched, self.rounds) if self.rounds else batched
