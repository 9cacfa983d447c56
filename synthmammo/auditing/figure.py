"""One number of an audit, with all that it takes to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.metrics import interval

LEAST = 30
"""Figures over fewer images are refused, not printed."""


@dataclass(frozen=True)
class Figure:
    """A number with its interval and its floor.

    Attributes:
        value: The number.
        low: Lower end of the 95 percent interval; NaN where there is none.
        high: Upper end.
        floor: The same number of real images against other real images; NaN where it has none.
        n: Number of images judged.
        reference: Number of real images they were compared with.
        seen_by: Extractor, or other means, that it was taken with.
    """

    value: float
    low: float
    high: float
    floor: float
    n: int
    reference: int
    seen_by: str

    def record(self) -> dict[str, Any]:
        """Content for JSON; what is not a number becomes null."""
        content = {name: _plain(getattr(self, name)) for name in ("value", "low", "high", "floor")}
        return content | {"n": self.n, "reference": self.reference, "seen_by": self.seen_by}


def _plain(number: float) -> float | None:
    return round(float(number), 6) if np.isfinite(number) else None


def percentiles(values: NDArray[np.floating]) -> tuple[float, float]:
    """Ends of the 95 percent interval of resampled values, `(B)`; NaN are left out."""
    found = interval(float("nan"), values)
    return found.low, found.high


def spread_weights(clusters: NDArray[np.generic], resamples: int, seed: int) -> NDArray[np.float64]:
    """How often each image is drawn when whole clusters (patients) are drawn with replacement.

    Args:
        clusters: Patient of each image, `(N)`.
        resamples: Number of resamples.
        seed: Random seed of the draws.

    Returns:
        `float64 (1 + resamples, N)`; the first row is the images as they are, each once.
    """
    numbers = np.unique(clusters, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    return np.concatenate([np.ones((1, len(numbers))), drawn[:, numbers]])
