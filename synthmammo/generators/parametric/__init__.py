"""Parametric lesions: masses and calcification clusters drawn after BI-RADS terms, with exact masks.

A lesion is drawn in millimetres from its seed alone, as attenuation (`Rendering`); only then is it laid onto the
tissue. So one (lesion, seed) is the same lesion at every pixel spacing and on every host. Attenuation adds in
projection, which is why the underlying texture stays visible through the lesion; what film and display cannot show
any more is lost (`superpose`). No anatomy model or training data is behind these shapes: the sources are the BI-RADS
atlas (5th edition, mammography, sections B1 and B2) and looking at CBIS-DDSM beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError, nearest
from synthmammo.generators.base import Context, LesionChannel
from synthmammo.generators.parametric.calcifications import calcification_field_mm, draw_calcifications
from synthmammo.generators.parametric.masses import draw_mass, mass_field_mm
from synthmammo.generators.parametric.outline import Array, Rendering
from synthmammo.mammogram.planned import PlannedLesion
from synthmammo.mammogram.sample import Kind
from synthmammo.mammogram.terms import TERMS

__all__ = ["Parametric", "ParametricRemoval", "superpose"]

_FIELD_MM = {Kind.MASS: mass_field_mm, Kind.CALCIFICATION: calcification_field_mm}
_DRAW = {Kind.MASS: draw_mass, Kind.CALCIFICATION: draw_calcifications}
_ROOM = 0.12
"""Intensity that a lesion can still add to tissue that is already white."""
_WHITE = 1.25
"""Highest intensity that a lesion may reach where the bit depth has the room; the brightest tissue has 1."""
_ROUNDS = 24
"""Rounds of `ParametricRemoval`; the error falls by the slope of `superpose`, at worst by a fifth per round."""


def superpose(pixels: NDArray[np.float32], attenuation: Array, white: float = 1.0) -> Array:
    """The channel that a lesion adds to tissue: its attenuation, bounded by the room left up to white.

    It is a soft minimum (a^-2 + room^-2)^(-1/2), as film and display compress bright tissue: two thirds of the texture
    stay where the attenuation equals the room, a quarter where it is twice as much.

    Args:
        pixels: Tissue, `float32 (N, N)` in [-1, 1].
        attenuation: Attenuation of the lesion, `float32 (N, N)`, at least 0 except in the dark halo of some masses.
        white: Intensity of the highest grey level; 1 by default.

    Returns:
        `float32 (N, N)` channel to be added to the tissue.
    """
    room = np.maximum(min(white, _WHITE) - pixels, np.float32(_ROOM))
    ratio = attenuation / room
    return np.asarray(attenuation / np.sqrt(1 + ratio * ratio), np.float32)


class Parametric:
    """Puts drawn lesions onto tissue; see the protocol `Lesion`.

    Args:
        spacing_mm: Millimetres per pixel to work at; by default those of the image, as no network asks for others.
    """

    def __init__(self, spacing_mm: float | None = None) -> None:
        self.spacing_mm = spacing_mm
        self.facts: Mapping[str, Any] = {}

    def field_mm(self, lesion: PlannedLesion) -> float:
        """Side of the square context that the lesion needs, in millimetres: the lesion, its spicules and a rim.

        Raises:
            GeneratorError: The lesion's kind, terms, size or contrast cannot be drawn.
        """
        _check(lesion)
        return _FIELD_MM[lesion.kind](lesion)

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """The lesion, centred in the context.

        Args:
            context: Tissue, a square of at least `field_mm` per side.
            lesion: Lesion to draw; `contrast` is the channel's peak where the tissue leaves room for it. Calcifications
                have this peak before the pixels average: coarser pixels show less of a fine particle.
            seed: Random seed for drawing the form of the lesion.

        Returns:
            `float32 (N, N)` channel, at least 0 except in the halo of some circumscribed masses, exactly 0 outside the
            field and outside the breast; `bool (N, N)` mask.

        Raises:
            GeneratorError: The lesion cannot be drawn, or the context is too small for it.
        """
        attenuation, mask = self._draw(context, lesion, seed)
        return LesionChannel(superpose(context.pixels, attenuation, context.white), mask)

    def _draw(self, context: Context, lesion: PlannedLesion, seed: int) -> tuple[Array, NDArray[np.bool_]]:
        """Attenuation in intensity units, `float32 (N, N)`, and mask, over the whole context."""
        rendering = _render(context, lesion, seed, self.field_mm(lesion))
        size, inner = len(context.pixels), len(rendering.density)
        start = (size - inner) // 2
        window = (slice(start, start + inner),) * 2
        attenuation, mask = np.zeros((size, size), np.float32), np.zeros((size, size), np.bool_)
        attenuation[window] = rendering.density * np.float32(lesion.contrast)
        mask[window] = rendering.mask
        return attenuation * context.breast, mask & context.breast


class ParametricRemoval(Parametric):
    """Takes off a lesion that `Parametric` put on, given the same arguments and the context with the lesion in it.

    It solves tissue + superpose(tissue) = context for the tissue by fixed-point iteration, which converges from above,
    as `superpose` falls with the tissue at a slope above -1. The result is the inserted channel with its sign changed.
    """

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """The negative channel over the context; arguments, mask and errors are those of `Parametric`."""
        attenuation, mask = self._draw(context, lesion, seed)
        channel = np.zeros_like(attenuation)
        for _ in range(_ROUNDS):
            # When the lesion was put on, the tissue was seen within [-1, 1]; the image itself may be brighter.
            tissue = np.clip(context.pixels - channel, -1, 1)
            channel = superpose(tissue, attenuation, context.white)
        return LesionChannel(-channel, mask)


def _render(context: Context, lesion: PlannedLesion, seed: int, field_mm: float) -> Rendering:
    size = len(context.pixels)
    # The caller may have rounded the side of the context by a pixel.
    if (size + 1) * context.spacing_mm < field_mm:
        message = f"a context of {size * context.spacing_mm:.1f} mm is too small for a lesion of {field_mm:.1f} mm"
        raise GeneratorError(message, hint="Crop field_mm(lesion) around the site.")
    # The window keeps the parity of the context, so that both have the same centre.
    inner = min(int(np.ceil(field_mm / context.spacing_mm)), size)
    inner += (size - inner) % 2
    return _DRAW[lesion.kind](lesion, np.random.default_rng(seed), inner, context.spacing_mm)


def _check(lesion: PlannedLesion) -> None:
    if lesion.kind not in _DRAW:
        raise GeneratorError(f"'{lesion.kind}' cannot be drawn", where="kind", hint=nearest(lesion.kind, _DRAW))
    for name, words in TERMS[lesion.kind].items():
        word = lesion.descriptors.get(name)
        if word is None:
            raise GeneratorError(f"a {lesion.kind} needs a {name}", where=name, hint=f"Known: {', '.join(words)}.")
        if word not in words:
            raise GeneratorError(f"no {name} is called '{word}'", where=name, hint=nearest(word, words))
    for name, value in (("diameter_mm", lesion.diameter_mm), ("contrast", lesion.contrast)):
        if not (np.isfinite(value) and value > 0):
            raise GeneratorError(f"expected a number above 0, got {value}", where=name)
