"""An image while lesions are put onto it and taken off again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synthmammo.building.compose import IsolatedLesion, Window, isolate
from synthmammo.building.placement import Places, Site
from synthmammo.errors import GeneratorError
from synthmammo.generators.base import Context, Lesion, LesionChannel
from synthmammo.mammogram.anatomy import tissue_share
from synthmammo.mammogram.anatomy.tissue import window_around
from synthmammo.mammogram.intensity import Intensity, resample
from synthmammo.mammogram.planned import Candidate, PlannedLesion
from synthmammo.mammogram.sample import Box, Finding, Image, Labels, Mask, Sample
from synthmammo.recipe import LesionSpec

LEAST_INSIDE = 0.95
"""Share of the square around a lesion that must be breast; a lesion does not hang over the skin."""

REMOVAL_LIMIT = 4.0
"""Largest intensity that a removal sees; 99 % of the host's own lie within 1."""

_COVERED = 0.25
"""Share of a generator's pixel that a finding must cover to be part of what is painted over."""


@dataclass(frozen=True)
class Try:
    """One candidate for one planned lesion at one place.

    Attributes:
        lesion: The planned lesion.
        spec: The recipe's entry that it was planned from.
        candidate: The candidate's draws.
        attempt: Number of the candidate among those of the lesion, from 0.
        site: Centre (row, column) in pixels of the image.
    """

    lesion: PlannedLesion
    spec: LesionSpec
    candidate: Candidate
    attempt: int
    site: Site


@dataclass(frozen=True)
class Placed:
    """A try that passed, with the finding that it became."""

    tried: Try
    finding: Finding


@dataclass(frozen=True)
class Ground:
    """What is found out about a background once, for all the samples made on it.

    Attributes:
        intensity: Grey levels of the background in the units that generators see.
        places: Places that lesions may take.
    """

    intensity: Intensity
    places: Places

    @classmethod
    def of(cls, host: Sample) -> Ground:
        """Look at a background.

        Raises:
            GeneratorError: Its spacing is not known.
        """
        if host.spacing_mm is None:
            message = "lesions have a size, but the host's pixel spacing is unknown"
            hint = "Real hosts: set background.assume_spacing_mm in the recipe, or assume_spacing_mm at ingest. "
            hint += "A model's images: its file states none; `synthmammo convert` takes spacing_mm."
            raise GeneratorError(message, where=host.key, hint=hint)
        # A patch keeps the grey levels of the image that it was cut from, so that a contrast means the same on both.
        known = host.history.intensity
        return cls(Intensity(*known) if known else Intensity.of(host.image, host.breast), Places(host))


@dataclass(frozen=True)
class _Piece:
    """What a generator made for one place.

    Attributes:
        window: Square of the image that the generator saw.
        context: Tissue in the window.
        answer: Answer of the generator.
        lesion: Lesion isolated in the answer; None where the answer has none.
    """

    window: Window
    context: Context
    answer: LesionChannel
    lesion: IsolatedLesion | None


@dataclass
class Canvas:
    """An image while lesions are put onto it.

    Attributes:
        host: The untouched background; every context is cropped from it.
        intensity: Grey levels of the background in the units that generators see.
        image: `uint16 (H, W)` image, changed in place.
        lesions: `uint8 (H, W)` instance labels, changed in place.
        placed: Lesions that were put on so far.
    """

    host: Sample
    intensity: Intensity
    image: Image
    lesions: Labels
    placed: list[Placed] = field(default_factory=list)

    @classmethod
    def of(cls, host: Sample, ground: Ground | None = None) -> Canvas:
        """A fresh canvas over a background.

        Raises:
            GeneratorError: The background's spacing is not known.
        """
        ground = ground or Ground.of(host)
        return cls(host, ground.intensity, host.image.copy(), host.lesions.copy())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, the host's own and those put on."""
        return (*self.host.findings, *(placed.finding for placed in self.placed))

    @property
    def taken(self) -> list[Box]:
        """Boxes of all findings."""
        return [finding.box for finding in self.findings]

    def sample(self) -> Sample:
        """The host as it is now, with the lesions that were put on among its findings."""
        return self.host.with_(image=self.image, lesions=self.lesions, findings=self.findings)

    def put(self, generator: Lesion, tried: Try, minimum_contrast_to_noise: float = 0.0) -> bool:
        """Make one lesion and lay it onto the image.

        Args:
            generator: Generator that makes the lesion from the untouched host's tissue.
            tried: Lesion, candidate and place.
            minimum_contrast_to_noise: Least `contrast_to_noise` that the lesion must have, 0 by default.

        Returns:
            Whether the lesion is on the image; when it fails the recipe's measures nothing is changed.
        """
        if not self._inside(tried):
            return False
        piece = self._made(generator, tried, self.host.image)
        if piece.lesion is None or contrast_to_noise(piece.context, piece.lesion) < minimum_contrast_to_noise:
            return False
        finding = self._labelled(tried, piece)
        if finding is None:
            return False
        self._add(self.image, piece)
        self.placed.append(Placed(tried, finding))
        return True

    def removed(self, generator: Lesion) -> Image:
        """The image after the lesions that were put on are removed, the last first (Wu et al. 2020, negative case).

        Args:
            generator: Generator that makes the channels to take off.
        """
        image = self.image.copy()
        for placed in reversed(self.placed):
            # What the lesion brought above 1 must be seen there, or less is taken off than was put on.
            self._add(image, self._made(generator, placed.tried, image, limit=REMOVAL_LIMIT, sign=-1))
        return image

    def without(self, generator: Lesion, tried: Try, extent: Mask) -> Image:
        """The image with tissue painted where a finding of the host lies.

        Args:
            generator: Takes lesions off.
            tried: What was found and where its middle is.
            extent: `bool (H, W)` the pixels of the finding, in place of what a threshold would find.
        """
        image, post = self.image.copy(), tried.spec.post
        assert post
        window, context, answer = self._answered(generator, tried, image, REMOVAL_LIMIT)
        size = (window.size_px, window.size_px)
        mask = resample(window.crop(extent).astype(np.float32), size) >= _COVERED
        # A network sees at most 1 and answers to that: what the finding brought above 1 goes with it.
        channel = answer.channel + np.minimum(1 - context.pixels, 0)
        self._add(image, _Piece(window, context, answer, isolate(channel, post, window.spacing_mm, sign=-1, mask=mask)))
        return image

    def _inside(self, tried: Try) -> bool:
        assert self.host.spacing_mm
        size_px = max(1, round(tried.lesion.diameter_mm / min(self.host.spacing_mm)))
        return tissue_share(self.host.breast, window_around(*tried.site, size_px)) >= LEAST_INSIDE

    def _made(self, generator: Lesion, tried: Try, image: Image, limit: float = 1.0, sign: int = 1) -> _Piece:
        window, context, answer = self._answered(generator, tried, image, limit)
        assert tried.spec.post
        return _Piece(
            window,
            context,
            answer,
            isolate(answer.channel, tried.spec.post, window.spacing_mm, sign=sign, mask=answer.mask),
        )

    def _answered(
        self, generator: Lesion, tried: Try, image: Image, limit: float
    ) -> tuple[Window, Context, LesionChannel]:
        """What a generator says to the tissue around a site, with that tissue and where it lies."""
        host, lesion = self.host, tried.lesion
        assert host.spacing_mm
        window = Window.around(tried.site, generator.field_mm(lesion), host.spacing_mm, generator.spacing_mm)
        pixels, breast = window.context(image, host.breast, self.intensity, limit)
        context = Context(pixels, breast, window.spacing_mm, self.intensity.white(host.bits_stored))
        return window, context, generator(context, lesion, tried.candidate.seed)

    def _labelled(self, tried: Try, piece: _Piece) -> Finding | None:
        """The finding of a lesion, whose pixels get its label; None where it has no pixels or may not overlap."""
        assert piece.lesion
        lesion, host = tried.lesion, self.host
        mask, box = piece.window.mask(piece.lesion.component, host.breast)
        under, found = self.lesions[box.slices], Box.around(mask)
        if found is None or (np.any(under[mask]) and not tried.spec.placement.overlap):
            return None
        # Findings of a crop, or of an image that one was taken off, may have higher labels than there are findings.
        label = max(len(self.findings), *(finding.label for finding in self.findings), 0) + 1
        under[mask] = label
        extent = found.moved(box.row0, box.col0)
        descriptors = {**lesion.descriptors, **piece.answer.descriptors}
        return Finding(lesion.kind, lesion.pathology, extent, label, synthetic=True, descriptors=descriptors)

    def _add(self, image: Image, piece: _Piece) -> None:
        if piece.lesion:
            change = self.intensity.grey(piece.lesion.channel)
            piece.window.add(image, self.host.breast, change, self.host.bits_stored)


def contrast_to_noise(context: Context, lesion: IsolatedLesion) -> float:
    """Mean of a lesion's channel over the standard deviation of the breast around it.

    Args:
        context: Tissue that the lesion was made from, in units of [-1, 1].
        lesion: The lesion, in the same units.
    """
    around = context.pixels[context.breast & (lesion.channel == 0)]
    noise = float(around.std()) if around.size else 0.0
    return abs(float(lesion.channel[lesion.component].mean())) / max(noise, 1e-6)
