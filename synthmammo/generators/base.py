"""The protocols that generators follow, and the table of generators by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any, Protocol

from synthmammo.errors import GeneratorError, nearest
from synthmammo.mammogram.planned import PlannedLesion, Row
from synthmammo.mammogram.sample import Mask, Plane, Sample
from synthmammo.models.names import is_model


class Host(Protocol):
    """Makes backgrounds: whole images without added lesions."""

    batch_size: int
    """Number of rows per call of `latents`; the last batch is filled up by repeating a row."""

    def latents(self, rows: Sequence[Row]) -> Any:
        """What `render` needs to know about the rows; edits change it between the two calls."""
        ...

    def render(self, latents: Any) -> list[Sample]:
        """One sample per row, with the row's key, split, label and patient."""
        ...


@dataclass(frozen=True)
class Context:
    """The tissue that a lesion is put onto, cropped from the untouched host.

    Attributes:
        pixels: Tissue, `float32 (N, N)` in [-1, 1] by the host's intensity mapping.
        breast: Breast mask, `bool (N, N)`.
        spacing_mm: Millimetres per pixel, the same along rows and columns.
        white: Intensity of the highest grey level that the image can store, at least 1; 1 by default.
    """

    pixels: Plane
    breast: Mask
    spacing_mm: float
    white: float = 1.0


@dataclass(frozen=True)
class LesionChannel:
    """What a lesion generator makes.

    Attributes:
        channel: Change of `Context.pixels` that makes the lesion, `float32 (N, N)`, signed, in the same units.
        mask: Exact extent, `bool (N, N)`; None, the default, where it must be found by thresholding the channel.
        descriptors: BI-RADS terms of the lesion, where they differ from those planned; by default none do.
    """

    channel: Plane
    mask: Mask | None = None
    descriptors: dict[str, str] = field(default_factory=dict)


class Lesion(Protocol):
    """Puts lesions onto tissue, or takes them off (by a negative channel)."""

    spacing_mm: float | None
    """Millimetres per pixel that the generator works at; None for those of the image."""

    def field_mm(self, lesion: PlannedLesion) -> float:
        """Side of the square context that the lesion needs, in millimetres."""
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
    "parametric": "synthmammo.generators.parametric:ParametricRemoval",
    _CONTEXTUAL: "synthmammo.generators.contextual:ContextualRemoval",
}


def find(table: dict[str, str], name: str, where: str) -> Any:
    """The class behind a name in a table, imported only now.

    A contextual GAN is named by its model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.

    Args:
        table: `HOSTS`, `LESIONS` or `REMOVALS`.
        name: Name of a generator, or of a contextual GAN's model.
        where: Field or option that has the name, for messages.

    Raises:
        GeneratorError: The table has no such name.
    """
    module, _, attribute = table[known(table, name, where)].partition(":")
    kind = getattr(import_module(module), attribute)
    return partial(kind, name) if is_model(name) else kind


def known(table: dict[str, str], name: str, where: str) -> str:
    """The key of `HOSTS`, `LESIONS` or `REMOVALS` that a generator's name stands for; nothing is imported.

    Raises:
        GeneratorError: The name is not in the table.
    """
    by_model = _CONTEXTUAL in table and is_model(name)
    if name == _CONTEXTUAL:
        hint = "Name its model: zoo/NAME, the path of a .safetensors file, or hf://ORG/REPO/FILE@REVISION."
        raise GeneratorError("a contextual GAN is named by its model", where=where, hint=hint)
    if name not in table and not by_model:
        raise GeneratorError(f"no generator is called '{name}'", where=where, hint=nearest(name, table))
    return _CONTEXTUAL if by_model else name
