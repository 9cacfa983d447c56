"""From plan rows to samples: host, lesions, removal, crop. Draws nothing; `build`, `verify` and `regenerate` use it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from time import perf_counter
from typing import Any

import numpy as np

from synthmammo.anatomy import Sites, site_from_draw, tissue_share
from synthmammo.backgrounds import Backgrounds
from synthmammo.canvas import Canvas, Ground, Placed, Try
from synthmammo.errors import GeneratorError
from synthmammo.generators.base import LESIONS, REMOVALS, Lesion, find
from synthmammo.geometry import crop
from synthmammo.placement import Site, crop_box
from synthmammo.recipe import LesionSpec, Placement, Recipe
from synthmammo.row import Candidate, PlannedLesion, Row
from synthmammo.sample import Box, Sample


@dataclass(frozen=True)
class Failure:
    """A row that could not be made as planned; it is reported, never replaced silently."""

    key: str
    reason: str


class Assembler:
    """Makes the samples of a recipe's plan.

    Args:
        recipe: The checked recipe.

    Raises:
        GeneratorError: A generator is unknown or lacks its model.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._backgrounds = Backgrounds(recipe)
        self._lesions = [
            _open_lesion(LESIONS, spec.generator, f"lesions.{number}.generator", spec.spacing_mm)
            for number, spec in enumerate(recipe.lesions)
        ]
        self._removal = recipe.removal and _open_lesion(REMOVALS, recipe.removal.generator, "removal.generator", None)
        self.seconds: dict[str, float] = defaultdict(float)

    def samples(self, rows: Iterable[Row]) -> Iterator[Sample | Failure]:
        """One sample or one failure a row, in order; rows that share a background should follow each other."""
        groups = [list(group) for _, group in groupby(rows, key=lambda row: row.host)]
        size = self._backgrounds.batch_size
        for start in range(0, len(groups), size):
            batch = groups[start : start + size]
            with self._timed("generate"):
                hosts = self._backgrounds([group[0] for group in batch])
            for group, host in zip(batch, hosts, strict=True):
                if isinstance(host, str):
                    yield from (Failure(row.key, host) for row in group)
                else:
                    yield from self._on(host, group)

    def _on(self, host: Sample, rows: Sequence[Row]) -> Iterator[Sample | Failure]:
        if self.recipe.patch and self.recipe.patch.size_px > min(host.shape):
            message = f"{self.recipe.patch.size_px} is more than the background has, {min(host.shape)} pixels"
            raise GeneratorError(message, where="patch.size_px", hint="State a smaller patch.")
        ground = Ground.of(host) if self.recipe.patch or any(row.lesions for row in rows) else None
        together = 2 if self.recipe.pair else 1
        for _, group in groupby(rows, key=lambda row: row.index // together):
            made = []
            for row in group:
                with self._timed("compose"):
                    made.append(self._sample(row, host, ground))
            yield from _together(made)

    def _sample(self, row: Row, host: Sample, ground: Ground | None) -> Sample | Failure:
        host = host.with_(key=row.key, label=row.label, split=row.split, patient=row.patient)
        if ground is None or not (row.lesions or self.recipe.patch):
            return self._checked(row, self._described(row, host, []))
        canvas = Canvas.of(host, ground)
        # The untouched twin of a patch is cut where the lesion would be.
        put = row.role != "host" or self.recipe.patch is not None
        if row.lesions and put and (reason := self._put_all(row, canvas)):
            return Failure(row.key, reason)
        if row.role == "removed":
            assert self._removal
            canvas.take_off(self._removal)
        centre = self._patch_centre(row, canvas) if row.crop else None
        if row.role == "host":
            canvas.undo()
        shown = [] if row.role == "removed" else canvas.placed
        findings = (*host.findings, *(placed.finding for placed in shown))
        sample = host.with_(image=canvas.image, lesions=canvas.lesions, findings=findings)
        sample = self._described(row, sample, canvas.placed)
        if self.recipe.patch:
            if centre is None:
                return Failure(row.key, "no place for a patch with enough tissue")
            box = crop_box(centre, self.recipe.patch.size_px, sample.shape)
            if reason := self._too_little_tissue(row, sample, box):
                return Failure(row.key, reason)
            intensity = [canvas.intensity.low, canvas.intensity.high]
            origin = {"crop": list(box), "intensity": intensity}
            sample = crop(sample, box).with_(provenance={**sample.provenance, **origin})
        return self._checked(row, sample)

    def _put_all(self, row: Row, canvas: Canvas) -> str | None:
        """Put on every lesion of a row; returns why one of them could not be."""
        strips: dict[int, list[Site] | None] = {}
        for lesion in row.lesions:
            spec = self.recipe.lesions[lesion.spec]
            site = None
            if spec.placement.layout == "contiguous":
                count = next(iter(spec.count))
                if lesion.spec not in strips:
                    draw = lesion.candidates[0].site
                    strips[lesion.spec] = canvas.places.contiguous(spec.placement, count, draw)
                strip = strips[lesion.spec]
                if strip is None:
                    return f"no {count} adjacent windows of {spec.placement.window_mm:g} mm with enough tissue"
                site = strip.pop(0)
            if not self._put(row, canvas, lesion, spec, site):
                what = f"{lesion.pathology} {lesion.kind} of {lesion.diameter_mm:.1f} mm"
                return f"none of the {len(lesion.candidates)} candidates for a {what} passed"
        return None

    def _put(self, row: Row, canvas: Canvas, lesion: PlannedLesion, spec: LesionSpec, site: Site | None) -> bool:
        generator = self._lesions[lesion.spec]
        placement = self._placement(spec, canvas)
        sites = None if site else canvas.places.free(placement, lesion.diameter_mm, canvas.taken)
        for attempt, candidate in enumerate(lesion.candidates):
            place = site or self._site(row, candidate, sites)
            if place is None:
                return False
            quality = self.recipe.quality.minimum_contrast_to_noise
            if canvas.put(generator, Try(lesion, spec, candidate, attempt, place), quality):
                return True
        return False

    def _site(self, row: Row, candidate: Candidate, sites: Sites | None) -> Site | None:
        place = site_from_draw(sites, candidate.site) if sites else None
        if place is None or row.crop is None:
            return place
        # The candidate picks the patch's centre; the lesion lies at the planned offset from it. Where that is outside
        # the image the try fails: moving the lesion inside would move the patch too, away from its tissue.
        row_px, column_px = self._offset(row)
        return place[0] + row_px, place[1] + column_px

    def _offset(self, row: Row) -> Site:
        assert self.recipe.patch and row.crop
        reach = self.recipe.patch.offset_px
        return round((2 * row.crop[1] - 1) * reach), round((2 * row.crop[2] - 1) * reach)

    def _patch_centre(self, row: Row, canvas: Canvas) -> Site | None:
        assert row.crop
        if canvas.placed:
            (row_px, column_px), place = self._offset(row), canvas.placed[0].tried.site
            return place[0] - row_px, place[1] - column_px
        return site_from_draw(canvas.places.free(self._placement(None, canvas), 0.0, canvas.taken), row.crop[0])

    def _placement(self, spec: LesionSpec | None, canvas: Canvas) -> Placement:
        placement = spec.placement if spec else Placement()
        if self.recipe.patch is None:
            return placement
        # The window that must be tissue is the patch itself.
        return placement.model_copy(update={"window_mm": self.recipe.patch.size_px * canvas.places.spacing_mm})

    def _too_little_tissue(self, row: Row, sample: Sample, box: Box) -> str | None:
        """Why a patch is not cut where adjacent lesions, or their offset, have taken it; None where it is."""
        placement = self.recipe.lesions[row.lesions[0].spec].placement if row.lesions else Placement()
        share = tissue_share(sample.breast, box)
        # In the precision of the map that the sites come from.
        if np.float32(share) >= np.float32(placement.tissue_share):
            return None
        return f"{share:.1%} of the patch is tissue, expected {placement.tissue_share:.1%}"

    def _described(self, row: Row, sample: Sample, placed: Sequence[Placed]) -> Sample:
        provenance = {
            "recipe": self.recipe.name,
            "index": row.index,
            "role": row.role,
            "density": row.density,
            "host": sample.provenance,
            "edits": [{name: value for name, value in asdict(edit).items() if value is not None} for edit in row.edits],
            "lesions": [_account(one, self._lesions[one.tried.lesion.spec]) for one in placed],
            "attempts": [one.tried.attempt for one in placed],
        }
        return sample.with_(provenance=provenance)

    def _checked(self, row: Row, sample: Sample) -> Sample | Failure:
        quality, highest = self.recipe.quality, 2**sample.bits_stored - 1
        breast = float(sample.breast.mean())
        if breast < quality.minimum_breast_share:
            return Failure(row.key, f"breast is {breast:.1%} of the image, expected {quality.minimum_breast_share:.1%}")
        if quality.maximum_saturated_share < 1:
            share = float((sample.image[sample.breast] == highest).mean()) if breast else 0.0
            if share > quality.maximum_saturated_share:
                allowed = f"{quality.maximum_saturated_share:.1%}"
                return Failure(row.key, f"{share:.1%} of the breast is saturated, at most {allowed} expected")
        return sample

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = perf_counter()
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


def _open_lesion(table: dict[str, str], name: str, where: str, spacing_mm: float | None) -> Lesion:
    lesion: Lesion = find(table, name, where)(spacing_mm=spacing_mm)
    return lesion


def _account(placed: Placed, generator: Lesion) -> dict[str, Any]:
    tried, lesion, post = placed.tried, placed.tried.lesion, placed.tried.spec.post
    assert post
    checkpoint = getattr(generator, "checkpoint", None)
    return {
        "generator": tried.spec.generator,
        **({"weights": checkpoint.digest} if checkpoint else {}),
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
