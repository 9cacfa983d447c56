"""An image while lesions are put onto it and taken off again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synthmammo.anatomy import tissue_share
from synthmammo.anatomy.tissue import window_around
from synthmammo.compose import Cut, Intensity, Window, cut
from synthmammo.errors import GeneratorError
from synthmammo.generators.base import Context, Lesion
from synthmammo.placement import Places, Site
from synthmammo.recipe import LesionSpec
from synthmammo.row import Candidate, PlannedLesion
from synthmammo.sample import Box, Finding, Image, Labels, Sample

LEAST_INSIDE = 0.95
"""Share of the square around a lesion that must be breast; a lesion does not hang over the skin."""

REMOVAL_LIMIT = 4.0
"""Largest intensity that a removal sees; of the host's own, 99 % lie within 1."""


@dataclass(frozen=True)
class Try:
    """One candidate for one planned lesion at one place.

    Attributes:
        lesion: What was planned.
        spec: The recipe's entry behind it.
        candidate: The draw.
        attempt: Its number among the lesion's candidates, from 0.
        site: Centre, (row, column).
    """

    lesion: PlannedLesion
    spec: LesionSpec
    candidate: Candidate
    attempt: int
    site: Site


@dataclass(frozen=True)
class Placed:
    """A try that passed, and what the labels say of it."""

    tried: Try
    finding: Finding


@dataclass(frozen=True)
class Ground:
    """What is found out about a background once, for all the samples made on it.

    Attributes:
        intensity: Its grey levels in the units that generators see.
        places: Where lesions may go.
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
            hint = "Set background.assume_spacing_mm in the recipe, or --assume-spacing-mm at ingest."
            raise GeneratorError(message, where=host.key, hint=hint)
        return cls(Intensity.of(host.image, host.breast), Places(host))


@dataclass
class Canvas:
    """An image while lesions are put onto it.

    Attributes:
        host: The untouched background; every context is cropped from it.
        image: `uint16 (H, W)`, changed in place.
        lesions: `uint8 (H, W)`, changed in place.
        intensity: The background's.
        places: The background's.
        placed: The lesions so far.
    """

    host: Sample
    image: Image
    lesions: Labels
    intensity: Intensity
    places: Places
    placed: list[Placed] = field(default_factory=list)

    @classmethod
    def of(cls, host: Sample, ground: Ground | None = None) -> Canvas:
        """A fresh canvas over a background.

        Raises:
            GeneratorError: The background's spacing is not known.
        """
        ground = ground or Ground.of(host)
        return cls(host, host.image.copy(), host.lesions.copy(), ground.intensity, ground.places)

    @property
    def taken(self) -> list[Box]:
        """Boxes of all findings, the host's own and those put on."""
        return [finding.box for finding in (*self.host.findings, *(placed.finding for placed in self.placed))]

    def put(self, generator: Lesion, tried: Try, minimum_contrast_to_noise: float = 0.0) -> bool:
        """Make one lesion and lay it onto the image; False, with nothing changed, when it fails the recipe's measures.

        Args:
            generator: Makes the lesion from the untouched host's tissue.
            tried: What and where.
            minimum_contrast_to_noise: Least mean channel over the standard deviation of the tissue around.
        """
        host, lesion, spec = self.host, tried.lesion, tried.spec
        assert host.spacing_mm and spec.post
        extent = window_around(*tried.site, max(1, round(lesion.diameter_mm / min(host.spacing_mm))))
        if tissue_share(host.breast, extent) < LEAST_INSIDE:
            return False
        window = Window.around(tried.site, generator.field_mm(lesion), host.spacing_mm, generator.spacing_mm)
        context = self._context(window, host.image)
        answer = generator(context, lesion, tried.candidate.seed)
        piece = cut(answer.channel, spec.post, window.spacing_mm, mask=answer.mask)
        if piece is None or contrast_to_noise(context, piece) < minimum_contrast_to_noise:
            return False
        mask, box = window.mask(piece.component, host.breast)
        under, found = self.lesions[box.slices], Box.around(mask)
        if found is None or (np.any(under[mask]) and not spec.placement.overlap):
            return False
        window.add(self.image, host.breast, self.intensity.grey(piece.channel), host.bits_stored)
        label = len(host.findings) + len(self.placed) + 1
        under[mask] = label
        extent = found.moved(box.row0, box.col0)
        descriptors = {**lesion.descriptors, **answer.descriptors}
        finding = Finding(lesion.kind, lesion.pathology, extent, label, synthetic=True, descriptors=descriptors)
        self.placed.append(Placed(tried, finding))
        return True

    def _context(self, window: Window, image: Image, limit: float = 1.0) -> Context:
        pixels, breast = window.context(image, self.host.breast, self.intensity, limit)
        return Context(pixels, breast, window.spacing_mm, self.intensity.white(self.host.bits_stored))

    def undo(self) -> None:
        """Make the image the untouched host again."""
        self.image[:], self.lesions[:] = self.host.image, self.host.lesions
        self.placed.clear()

    def take_off(self, generator: Lesion) -> None:
        """Remove the lesions that were put on, the last first (the paper's negative case), and their labels."""
        host = self.host
        assert host.spacing_mm
        for placed in reversed(self.placed):
            lesion, post = placed.tried.lesion, placed.tried.spec.post
            assert post
            window = Window.around(placed.tried.site, generator.field_mm(lesion), host.spacing_mm, generator.spacing_mm)
            # What the lesion brought above 1 must be seen there, or less is taken off than was put on.
            context = self._context(window, self.image, REMOVAL_LIMIT)
            answer = generator(context, lesion, placed.tried.candidate.seed)
            piece = cut(answer.channel, post, window.spacing_mm, sign=-1, mask=answer.mask)
            if piece:
                window.add(self.image, host.breast, self.intensity.grey(piece.channel), host.bits_stored)
        self.lesions[:] = host.lesions


def contrast_to_noise(context: Context, piece: Cut) -> float:
    """Mean of a lesion's channel over the standard deviation of the breast around it, both in units of [-1, 1]."""
    around = context.pixels[context.breast & (piece.channel == 0)]
    noise = float(around.std()) if around.size else 0.0
    return abs(float(piece.channel[piece.component].mean())) / max(noise, 1e-6)
