"""From plan rows to samples: host, lesions, removal, crop. Nothing is drawn here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from time import perf_counter

import numpy as np

from synthmammo._version import PIXELS_VERSION
from synthmammo.building.backgrounds import Backgrounds
from synthmammo.building.canvas import Canvas, Ground, Placed
from synthmammo.building.insertion import Inserter
from synthmammo.building.placement import Frame, Places, Site
from synthmammo.building.reasons import LEFT_OUT
from synthmammo.building.together import Rounds, ahead
from synthmammo.errors import GeneratorError
from synthmammo.generators.inputs import Inputs
from synthmammo.mammogram.anatomy import site_from_draw, tissue_share
from synthmammo.mammogram.geometry import crop
from synthmammo.mammogram.history import Built, cut_record
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Box, Sample
from synthmammo.models.devices import Computing
from synthmammo.models.threads import one_thread
from synthmammo.recipe import Placement, Quality, Recipe


@dataclass(frozen=True)
class Failure:
    """A row that could not be made as planned; it is reported, never replaced silently."""

    key: str
    reason: str


Batch = list[tuple[Sample | str, Sequence[Row]]]
"""Backgrounds that were made together, each with the rows that share it; a text says why there is none."""


@dataclass(frozen=True)
class Scene:
    """A background with its lesions on it, from which a sample or both halves of a pair are taken.

    Attributes:
        canvas: The background and its lesions.
        box: The patch to cut; None for the whole image.
    """

    canvas: Canvas
    box: Box | None


class Assembler:
    """Makes the samples of a recipe's plan.

    Args:
        recipe: The checked recipe.
        inputs: What its generators read, as `find_inputs` finds it; by default each looks for its own.
        computing: Device, batch and precision of the networks; by default the processor, and batches as the generators
            have them. With a batch, backgrounds are made ahead by a thread while others are composed, and networks that
            make lesions answer for all samples of a batch at once.

    Attributes:
        recipe: The checked recipe.
        seconds: Processor time in seconds by activity, so far.

    Raises:
        GeneratorError: A generator is unknown or lacks its model.
    """

    def __init__(self, recipe: Recipe, inputs: Inputs | None = None, computing: Computing | None = None) -> None:
        self.recipe, computing = recipe, computing or Computing()
        self._rounds = Rounds(computing.batch, computing.device) if computing.batch else None
        self._backgrounds = Backgrounds(recipe, inputs, computing)
        self._inserter = Inserter(recipe, inputs, computing, self._rounds)
        self.seconds: dict[str, float] = defaultdict(float)

    def samples(self, rows: Iterable[Row]) -> Iterator[Sample | Failure]:
        """Make one sample or one failure per row, in order.

        Args:
            rows: Rows of the plan; those that share a background should follow each other.
        """
        groups = [list(group) for _, group in groupby(rows, key=lambda row: row.host)]
        if self._rounds is None:
            for batch in self._batches(groups):
                for host, group in batch:
                    yield from self._on(host, group)
            return
        with one_thread():
            for batch in ahead(self._batches(groups)):
                yield from self._side_by_side(batch, self._rounds)

    def _batches(self, groups: Sequence[Sequence[Row]]) -> Iterator[Batch]:
        """Backgrounds with the rows that share each, batch by batch."""
        size = self._backgrounds.batch_size
        for start in range(0, len(groups), size):
            batch = groups[start : start + size]
            with self._timed("generate"):
                hosts = self._backgrounds([group[0] for group in batch])
            yield list(zip(hosts, batch, strict=True))

    def _side_by_side(self, batch: Batch, rounds: Rounds) -> Iterator[Sample | Failure]:
        """The samples of a batch; its backgrounds are composed by a thread each, so that they ask networks together."""
        with self._timed("compose"):
            made = rounds.run([partial(self._composed, host, group) for host, group in batch])
        for samples in made:
            yield from samples

    def _composed(self, host: Sample | str, rows: Sequence[Row]) -> list[Sample | Failure]:
        return [made for group in self._made_on(host, rows) for made in group()]

    def _on(self, host: Sample | str, rows: Sequence[Row]) -> Iterator[Sample | Failure]:
        for group in self._made_on(host, rows):
            with self._timed("compose"):
                made = group()
            yield from made

    def _made_on(self, host: Sample | str, rows: Sequence[Row]) -> Iterator[Callable[[], list[Sample | Failure]]]:
        """What makes the samples on a background, one call per sample or pair."""
        if isinstance(host, str):
            yield lambda: [Failure(row.key, host) for row in rows]
            return
        ground = self._ground(host, rows)
        together = 2 if self.recipe.pair else 1
        for _, group in groupby(rows, key=lambda row: row.index // together):
            yield partial(self._halves, host, ground, [*group])

    def _halves(self, host: Sample, ground: Ground | None, rows: Sequence[Row]) -> list[Sample | Failure]:
        return _together(self._group(host, ground, rows))

    def _ground(self, host: Sample, rows: Sequence[Row]) -> Ground | None:
        patch = self.recipe.patch
        if patch and patch.size_px > min(host.shape):
            message = f"{patch.size_px} is more than the background has, {min(host.shape)} pixels"
            raise GeneratorError(message, where="patch.size_px", hint="State a smaller patch.")
        return Ground.of(host) if patch or any(row.lesions for row in rows) else None

    def _group(self, host: Sample, ground: Ground | None, rows: Sequence[Row]) -> list[Sample | Failure]:
        """The sample of a row, or the halves of a pair, whose lesions and place are made once."""
        if ground is None or not (self.recipe.patch or any(row.lesions for row in rows)):
            return [self._checked(self._described(row, host)) for row in rows]
        scene = self._scene(host, ground, rows)
        if isinstance(scene, Scene):
            return [self._checked(self._half(row, scene)) for row in rows]
        return [
            Failure(row.key, scene) if self._needs_scene(row) else self._checked(self._described(row, host))
            for row in rows
        ]

    def _scene(self, host: Sample, ground: Ground, rows: Sequence[Row]) -> Scene | str:
        """The lesions that rows share on their host, and their patch; a text where there is no such scene."""
        canvas, row, patch = Canvas.of(host, ground), rows[0], self.recipe.patch
        frame = Frame.of(patch, row.crop) if patch and row.crop else None
        if any(map(self._needs_scene, rows)):
            reason = self._inserter.put(row.lesions, canvas, ground.places, frame)
            if reason:
                return reason
        box = self._box(row, canvas, ground.places, frame) if frame else None
        return box if isinstance(box, str) else Scene(canvas, box)

    def _needs_scene(self, row: Row) -> bool:
        # The untouched twin of a whole image needs no lesion; that of a patch is cut where the lesion would be.
        return row.role != "host" or self.recipe.patch is not None

    def _box(self, row: Row, canvas: Canvas, places: Places, frame: Frame) -> Box | str:
        """The patch as pixels of the host; a text where none has enough tissue."""
        placement = self.recipe.lesions[row.lesions[0].spec].placement if row.lesions else Placement()
        if canvas.placed:
            centre: Site | None = frame.centre(canvas.placed[0].tried.site)
        else:
            window = frame.as_window(placement, places.spacing_mm)
            centre = site_from_draw(places.free(window, 0.0, canvas.taken), frame.draw)
        if centre is None:
            return "no place for a patch with enough tissue"
        box = frame.box(centre, canvas.host.shape)
        share = tissue_share(canvas.host.breast, box)
        # Compared as the map of sites compares. Adjacent lesions are put where their own windows have tissue.
        if np.float32(share) < np.float32(placement.tissue_share):
            return f"{share:.1%} of the patch is tissue, expected {placement.tissue_share:.1%}"
        return box

    def _half(self, row: Row, scene: Scene) -> Sample:
        """What a row shows of a scene: the lesions, the image without them, or the untouched host."""
        canvas = scene.canvas
        if row.role == "host":
            sample, placed = canvas.host, []
        elif row.role == "removed":
            sample, placed = canvas.host.with_(image=self._inserter.removed(canvas)), canvas.placed
        else:
            sample, placed = canvas.sample(), canvas.placed
        sample = self._described(row, sample, placed)
        if scene.box is None:
            return sample
        cut = cut_record(scene.box, canvas.intensity.low, canvas.intensity.high)
        return crop(sample, scene.box).with_(provenance={**sample.provenance, **cut})

    def _described(self, row: Row, sample: Sample, placed: Sequence[Placed] = ()) -> Sample:
        built = Built(
            recipe=self.recipe.name,
            index=row.index,
            role=row.role,
            density=row.density,
            host=sample.provenance,
            edits=tuple(map(asdict, row.edits)),
            lesions=tuple(map(self._inserter.account, placed)),
            attempts=tuple(one.tried.attempt for one in placed),
            pixels_version=PIXELS_VERSION,
            removal=self._inserter.removal_account() if row.role == "removed" else None,
        )
        return sample.with_(
            key=row.key, label=row.label, split=row.split, patient=row.patient, provenance=built.record()
        )

    def _checked(self, sample: Sample) -> Sample | Failure:
        reason = _lacking(sample, self.recipe.quality)
        return Failure(sample.key, reason) if reason else sample

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = perf_counter()
        with one_thread():
            yield
        self.seconds[what] += perf_counter() - start


def _together(halves: list[Sample | Failure]) -> list[Sample | Failure]:
    """A sample, or the halves of a pair; when one of them failed the other is no use, and fails too."""
    reasons = [half.reason for half in halves if isinstance(half, Failure)]
    if not reasons:
        return halves
    return [
        half if isinstance(half, Failure) else Failure(half.key, f"its twin failed: {reasons[0]}") for half in halves
    ]


def _lacking(sample: Sample, quality: Quality) -> str | None:
    """What a finished sample lacks of the recipe's measures; None where it has them."""
    if sample.key in quality.without:
        return LEFT_OUT
    breast, highest = float(sample.breast.mean()), 2**sample.bits_stored - 1
    if breast < quality.minimum_breast_share:
        return f"breast is {breast:.1%} of the image, expected {quality.minimum_breast_share:.1%}"
    if quality.maximum_saturated_share < 1:
        share = float((sample.image[sample.breast] == highest).mean()) if breast else 0.0
        if share > quality.maximum_saturated_share:
            return f"{share:.1%} of the breast is saturated, at most {quality.maximum_saturated_share:.1%} expected"
    return None
