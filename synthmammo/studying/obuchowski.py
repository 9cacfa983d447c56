"""Several readers of the same cases after Obuchowski & Rockette (1995), with the degrees of freedom of Hillis (2007).

Readers and cases are random: what is said holds for readers and cases like these. The covariances of the areas are
DeLong's. The numbers agree with those of MRMCaov (Smith & Hillis 2020) on its example of Van Dyke et al. (1993); see
`tests/studying/test_obuchowski.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from synthmammo.metrics.curves import delong_covariance
from synthmammo.metrics.intervals import LEVEL, Interval


@dataclass(frozen=True)
class Readers:
    """The mean area of several readers.

    Attributes:
        areas: Area of each reader, `float64 (R)`.
        mean: Their mean with its interval, cut to 0 to 1.
        standard_error: Standard error of the mean, readers and cases being random.
        degrees: Hillis' degrees of freedom.
        reader_mean_square: Mean square of the readers, MS(R).
        covariance: Mean covariance of two readers' areas over the cases, Cov2.
    """

    areas: NDArray[np.float64]
    mean: Interval
    standard_error: float
    degrees: float
    reader_mean_square: float
    covariance: float


@dataclass(frozen=True)
class ReaderComparison:
    """Two conditions read by the same readers.

    Attributes:
        difference: Mean area of the first less that of the second, with its interval.
        standard_error: Standard error of the difference.
        f: Statistic F of the test that both are equal.
        degrees: Degrees of freedom of its denominator.
        p_value: p-value of that test.
        covariances: Cov1, Cov2 and Cov3 of Obuchowski and Rockette.
    """

    difference: Interval
    standard_error: float
    f: float
    degrees: float
    p_value: float
    covariances: tuple[float, float, float]


def read_by_several(positive: ArrayLike, ratings: ArrayLike, level: float = LEVEL) -> Readers:
    """Mean area under the ROC curve of several readers (Hillis 2007, the analysis of one condition).

    Args:
        positive: Whether each case is positive, `(N)`; both present.
        ratings: Ratings, one row per reader, `(R, N)` with at least two readers; greater is more positive.
        level: Coverage of the interval, 0 to 1; 0.95 by default.

    Raises:
        ValueError: Fewer than two readers, one class only, or a rating that is no number.
    """
    areas, covariances = delong_covariance(positive, ratings)
    readers = len(areas)
    if readers < 2:
        raise ValueError("read_by_several: expected at least two readers")
    square = float(areas.var(ddof=1))
    shared = float(covariances[~np.eye(readers, dtype=bool)].mean())
    total = square + readers * max(shared, 0.0)
    # Readers that agree to the last digit leave no variance, and no degrees of freedom to divide by.
    degrees = total**2 / (square**2 / (readers - 1)) if square else np.inf
    error, mean = float(np.sqrt(total / readers)), float(areas.mean())
    reach = float(stats.t.ppf(0.5 + level / 2, degrees)) * error
    interval = Interval(mean, max(0.0, mean - reach), min(1.0, mean + reach))
    return Readers(areas, interval, error, float(degrees), square, shared)


def compare_conditions(
    positive: ArrayLike, first: ArrayLike, second: ArrayLike, level: float = LEVEL
) -> ReaderComparison:
    """Whether the same readers do better under one of two conditions on the same cases.

    Args:
        positive: Whether each case is positive, `(N)`; both present.
        first: Ratings under the first condition, one row per reader, `(R, N)`.
        second: Ratings under the second condition, `(R, N)`.
        level: Coverage of the interval, 0 to 1; 0.95 by default.

    Raises:
        ValueError: As `read_by_several`.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    readers = len(a)
    if readers < 2 or a.shape != b.shape:
        raise ValueError("compare_conditions: expected two rows or more, as many under both conditions")
    areas, covariances = delong_covariance(positive, np.concatenate([a, b]))
    blocks = covariances.reshape(2, readers, 2, readers).transpose(0, 2, 1, 3)
    others = ~np.eye(readers, dtype=bool)
    cov1 = float(np.diag(blocks[0, 1]).mean())
    cov2 = float(np.mean([blocks[0, 0][others].mean(), blocks[1, 1][others].mean()]))
    cov3 = float(blocks[0, 1][others].mean())
    table = areas.reshape(2, readers)
    means, centred = table.mean(1), table - table.mean(0) - table.mean(1)[:, None] + table.mean()
    treatment, rest = readers * float(means.var(ddof=1)), float(np.square(centred).sum() / (readers - 1))
    below = rest + readers * max(cov2 - cov3, 0.0)
    degrees = below**2 / (rest**2 / (readers - 1))
    error, difference = float(np.sqrt(2 * below / readers)), float(means[0] - means[1])
    reach = float(stats.t.ppf(0.5 + level / 2, degrees)) * error
    f = treatment / below
    return ReaderComparison(
        Interval(difference, difference - reach, difference + reach),
        error,
        f,
        degrees,
        float(stats.f.sf(f, 1, degrees)),
        (cov1, cov2, cov3),
    )
