"""A part moved from one image to another, and how local the change is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from synthmammo.editing.parts.fitted import Locality, Parts, Styles, locality, rendered, transfer
from synthmammo.models.nets.stylegan2 import Synthesis


class PartImage:
    """An image with its parts, rendered once.

    Args:
        synthesis: Synthesis network of the model.
        parts: Parts of the model.
        styles: Styles of the image by layer, `(1, C)`.
        noise: Noise maps by layer, `(1, 1, H, W)`; None for the model's own.

    Attributes:
        image: The rendered image, `float32 (1, H, W)`, not clipped.
        places: Number of the part at each place, `int64 (8, 8)`.
    """

    def __init__(
        self, synthesis: Synthesis, parts: Parts, styles: Styles, noise: dict[str, Tensor] | None = None
    ) -> None:
        self.synthesis, self.parts, self.styles, self.noise = synthesis, parts, styles, noise
        images, activation = rendered(synthesis, styles, noise)
        self.image: Tensor = images[0]
        self.places: NDArray[np.int64] = parts.map(activation)[0]

    def given(self, part: int, reference: Styles, queries: Styles, strength: float = 1.0) -> PartTransfer:
        """The image with a part of a reference.

        Args:
            part: Number of the part.
            reference: Styles of the reference by layer, `(1, C)`.
            queries: Channels to move by layer, `(C)`; see `Parts.queries`.
            strength: Share of the way to the reference; the default 1 is that of the paper.
        """
        styles = transfer(self.styles, reference, queries, strength)
        return PartTransfer(self, PartImage(self.synthesis, self.parts, styles, self.noise), part)


class PartTransfer(NamedTuple):
    """An image before and after a part was moved to it.

    Attributes:
        before: The image as it was.
        after: The image with the part of the reference.
        part: Number of the part.
    """

    before: PartImage
    after: PartImage
    part: int

    @property
    def locality(self) -> Locality:
        """How much of the change lies inside the part, as it was before or is after."""
        inside = (self.before.places == self.part) | (self.after.places == self.part)
        return locality(self.before.image, self.after.image, inside)
