"""Intervals by resampling whole patients: images of one patient are alike, and count less than they seem to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
LEVEL = 0.95


class Interval(NamedTuple):
    """A number with its confidence interval; NaN ends where it has none."""

    estimate: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there is an interval that says something: one without width only says that too little was seen."""
        return self.low < self.high

    def __str__(self) -> str:
        return f"{self.estimate:.3f} ({f'{self.low:.3f} to {self.high:.3f}' if self.known else 'n/a'})"


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], ArrayLike],
    clusters: Sequence[str] | NDArray[np.generic],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Values of a statistic on resampled images: whole clusters (patients) are drawn with replacement.

    Args:
        statistic: Function from numbers of images, with repetitions, to one value or `(K)` values; NaN where it has
            none, as on a resample with one class only.
        clusters: Patient of each image, `(N)`.
        resamples: Number of resamples.
        seed: Random seed for drawing the patients.

    Returns:
        Values of the statistic, `float64 (resamples, K)`.

    Raises:
        ValueError: There are no images.
    """
    if not len(clusters):
        raise ValueError("bootstrap: there are no images")
    numbers = np.unique(np.asarray(clusters), return_inverse=True)[1]
    order, counts = np.argsort(numbers, kind="stable"), np.bincount(numbers)
    members = np.split(order, np.cumsum(counts)[:-1])
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(members), size=len(members)) for _ in range(resamples))
    values = [np.atleast_1d(statistic(np.concatenate([members[i] for i in chosen]))) for chosen in drawn]
    return np.asarray(values, np.float64)


def interval(estimate: float, values: NDArray[np.floating], level: float = LEVEL) -> Interval:
    """The percentile interval.

    Args:
        estimate: Value on the images themselves.
        values: Values on the resamples, `(resamples)`, from `bootstrap`; NaN are left out.
        level: Coverage of the interval, 0 to 1; 0.95 by default.
    """
    kept = values[~np.isnan(values)]
    if not len(kept):
        return Interval(estimate, float("nan"), float("nan"))
    low, high = np.percentile(kept, [50 * (1 - level), 50 * (1 + level)])
    return Interval(estimate, float(low), float(high))
