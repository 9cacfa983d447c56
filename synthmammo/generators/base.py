"""The protocols a generator may follow, and the table of the generators there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError, nearest
from synthmammo.mammogram.planned import PlannedLesion, Row
from synthmammo.mammogram.sample import Mask, Sample
from synthmammo.models.names import is_model


class Host(Protocol):
    """Makes backgrounds: whole images without added lesions."""

    batch_size: int
    """Rows given to one call of `latents`; the last batch is padded to it by repeating a row."""

    def latents(self, rows: Sequence[Row]) -> Any:
        """What `render` needs of the rows; edits are applied to this, between the two."""
        ...

    def render(self, latents: Any) -> list[Sample]:
        """One sample a row, with the row's key, split, label and patient."""
        ...


@dataclass(frozen=True)
class Context:
    """The tissue a lesion is put onto, cropped from the untouched host.

    Attributes:
        pixels: `float32 (N, N)` in [-1, 1] by the host's intensity mapping.
        breast: `bool (N, N)`.
        spacing_mm: Millimetres per pixel, the same along rows and columns.
        white: Intensity of the highest grey level the image can store, at least 1.
    """

    pixels: NDArray[np.float32]
    breast: Mask
    spacing_mm: float
    white: float = 1.0


@dataclass(frozen=True)
class LesionChannel:
    """What a lesion generator answers.

    Attributes:
        channel: `float32 (N, N)`, signed, in the units of `Context.pixels`; added to them it makes the lesion.
        mask: `bool (N, N)` exact extent, or None where it must be found by thresholding the channel.
        descriptors: BI-RADS terms of what was made, where they differ from what was planned.
    """

    channel: NDArray[np.float32]
    mask: Mask | None = None
    descriptors: dict[str, str] = field(default_factory=dict)


class Lesion(Protocol):
    """Puts lesions onto tissue, or takes them off (a negative channel)."""

    spacing_mm: float | None
    """Spacing the generator works at; None: at the image's own."""

    def field_mm(self, lesion: PlannedLesion) -> float:
        """Side of the square context the lesion needs, in millimetres."""
        ...

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """The lesion as a signed channel over the context; a pure function of its arguments."""
        ...


_CONTEXTUAL = "contextual"
HOSTS = {
    "phantom": "synthmammo.generators.phantom:Phantom",
    "ingested": "synthmammo.generators.ingested:Ingested",
    "stylegan2": "synthmammo.generators.stylegan2:StyleGAN2",
}
LESIONS = {
    "parametric": "synthmammo.generators.parametric:Parametric",
    _CONTEXTUAL: "synthmammo.generators.contextual:Contextual",
}
REMOVALS = {
    "parametric": "synthmammo.generators.parametric:Removal",
    _CONTEXTUAL: "synthmammo.generators.contextual:ContextualRemoval",
}


def find(table: dict[str, str], name: str, where: str) -> Any:
    """The class behind a name of `HOSTS`, `LESIONS` or `REMOVALS`, imported only now.

    A lesion generator may also be named by its model (`zoo/NAME`, a path, `hf://...`): a contextual GAN.

    Raises:
        GeneratorError: The name is not in the table.
    """
    by_model = _CONTEXTUAL in table and is_model(name)
    if name == _CONTEXTUAL:
        hint = "Name its model: zoo/NAME, the path of a .safetensors file, or hf://ORG/REPO/FILE@REVISION."
        raise GeneratorError("a contextual GAN is named by its model", where=where, hint=hint)
    if name not in table and not by_model:
        raise GeneratorError(f"no generator is called '{name}'", where=where, hint=nearest(name, table))
    module, _, attribute = table[_CONTEXTUAL if by_model else name].partition(":")
    kind = getattr(import_module(module), attribute)
    return partial(kind, name) if by_model else kind
