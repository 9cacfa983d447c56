"""The protocols that generators follow, once they are opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from synthmammo.mammogram.planned import PlannedLesion, Row
from synthmammo.mammogram.sample import Mask, Plane, Sample


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


@runtime_checkable
class DeviceHost(Host, Protocol):
    """A host whose work on a device ends with pixels, so that another process can do the rest of it."""

    precision: str
    """Type of the network's activations, "float32" or "float16"."""

    def planes(self, latents: Any) -> NDArray[np.float32]:
        """Pixels of what `latents` gave, `float32 (N, H, W)`, as the network made them."""
        ...

    def finished(self, rows: Sequence[Row], planes: NDArray[np.float32]) -> list[Sample]:
        """One sample per row, of its pixels; `render` is both steps."""
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


@dataclass(frozen=True)
class Question:
    """What a lesion generator is asked: the arguments of one call.

    Attributes:
        context: The tissue.
        lesion: The planned lesion.
        seed: Random seed of the candidate.
    """

    context: Context
    lesion: PlannedLesion
    seed: int


class Lesion(Protocol):
    """Puts lesions onto tissue, or takes them off (by a negative channel)."""

    @property
    def spacing_mm(self) -> float | None:
        """Millimetres per pixel that the generator works at; None for those of the image."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """What a provenance says of it beside its name, e.g. `model` and `weights`; nothing for a drawing."""
        ...

    def field_mm(self, lesion: PlannedLesion) -> float:
        """Side of the square context that the lesion needs, in millimetres."""
        ...

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """The lesion as a signed channel over the context; a pure function of its arguments."""
        ...


@runtime_checkable
class BatchedLesion(Lesion, Protocol):
    """A lesion generator that answers several questions at once, as networks do."""

    def answers(self, questions: Sequence[Question]) -> list[LesionChannel]:
        """One channel per question; none depends on what else is asked with it."""
        ...
