"""In which order real and synthetic images are shown: a pure function of the seed and the position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthmammo.identity import draw_u64, draw_uniform

ORIENTATIONS = 8


@dataclass(frozen=True)
class Mixture:
    """Share of synthetic images along a training (Wu et al. 2020, "Patch Classifier Training").

    "An initial proportion is chosen, and then decayed by 10 % every 5,000 samples" can be read in two ways:
    `multiplicative` leaves nine tenths of the share at every decay, `subtractive` takes a tenth of the initial
    proportion off, so that nothing is left after ten.

    Attributes:
        ratio: Share at the start, 0 to 1.
        decay: Share that is lost at every decay, 0 to 1; 0 keeps the share.
        every: Number of images between two decays.
        schedule: Reading of "decayed": "multiplicative" or "subtractive".
    """

    ratio: float
    decay: float = 0.1
    every: int = 5000
    schedule: Literal["multiplicative", "subtractive"] = "multiplicative"

    def share(self, position: NDArray[np.integer]) -> NDArray[np.float64]:
        """Share of synthetic images at positions of the training, `float64`, as `position`."""
        steps = position // self.every
        left = (1 - self.decay) ** steps if self.schedule == "multiplicative" else 1 - self.decay * steps
        return np.asarray(self.ratio * np.maximum(left, 0.0), np.float64)


class Shown(NamedTuple):
    """What is shown at some positions of a training.

    Attributes:
        synthetic: Whether each image is synthetic, `bool (N)`.
        number: Number of each image on its side, `int64 (N)`.
        positive: Whether each image is positive, `bool (N)`.
        orientation: Orientation of each image, 0 to 7: flips and quarter turns, `int64 (N)`.
    """

    synthetic: NDArray[np.bool_]
    number: NDArray[np.int64]
    positive: NDArray[np.bool_]
    orientation: NDArray[np.int64]


ClassPool = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Numbers of the negative and of the positive images of one side; empty where it has none."""


@dataclass(frozen=True)
class Order:
    """An endless sequence of images: positives and negatives equally likely, in each the mixture's shares.

    Attributes:
        real: Real images to be shown.
        synthetic: Synthetic ones.
        mixture: Share of the synthetic ones.
        seed: Random seed for the order.
    """

    real: ClassPool
    synthetic: ClassPool
    mixture: Mixture
    seed: int

    def at(self, position: int, count: int) -> Shown:
        """What is shown at a position and the following ones."""
        where = np.arange(position, position + count)
        positive = draw_uniform(self.seed, "class", where) < 0.5
        synthetic = draw_uniform(self.seed, "side", where) < self.mixture.share(where)
        uniform = draw_uniform(self.seed, "image", where)
        number = np.zeros(count, np.int64)
        for made, pool in ((False, self.real), (True, self.synthetic)):
            for value, members in zip((False, True), pool, strict=True):
                chosen = (synthetic == made) & (positive == value)
                if chosen.any():
                    number[chosen] = members[(uniform[chosen] * len(members)).astype(np.int64)]
        orientation = (draw_u64(self.seed, "orientation", where) % np.uint64(ORIENTATIONS)).astype(np.int64)
        return Shown(synthetic, number, positive, orientation)
