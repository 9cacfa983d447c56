"""How well scores tell positives from negatives, and whether one set of scores does it better than another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from synthmammo.metrics.intervals import LEVEL, Interval

_Scores = NDArray[np.floating]
"""`(N)`, one score per image; greater is more positive."""
_Labels = NDArray[np.bool_]
"""`bool (N)`, True is positive; both values present."""


def auc(scores: _Scores, positive: _Labels) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    Args:
        scores: Scores of the images, `(N)`; greater is more positive.
        positive: Whether each image is positive, `bool (N)`; both values present.

    Raises:
        ValueError: One of the classes is absent.
    """
    return float(aucs(np.asarray(scores)[None], positive)[0])


def aucs(scores: NDArray[np.floating], positive: _Labels) -> NDArray[np.float64]:
    """Areas under the ROC curves of several sets of scores of the same images.

    Args:
        scores: Scores of the images, one row per set, `(S, N)`.
        positive: Whether each image is positive, `bool (N)`; both values present.

    Returns:
        `float64 (S)`.

    Raises:
        ValueError: One of the classes is absent.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        raise ValueError(f"auc: {positives} positives and {negatives} negatives; both must be present")
    ranks = stats.rankdata(scores, axis=1)
    sums = ranks[:, positive].sum(1) - positives * (positives + 1) / 2
    return np.asarray(sums / (positives * negatives), np.float64)


def roc_curve(scores: _Scores, positive: _Labels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of the ROC curve, from (0, 0) to (1, 1), one for each distinct score.

    Args:
        scores: Scores of the images, `(N)`; greater is more positive.
        positive: Whether each image is positive, `bool (N)`; both values present.

    Returns:
        False positive rates and true positive rates, `float64 (K)`.

    Raises:
        ValueError: One of the classes is absent, lengths differ, or a score is no number.
    """
    labels, (values,) = _checked(positive, scores)
    hits, alarms = _counts(values, labels)
    return np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])


def _counts(scores: _Scores, labels: _Labels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positives and negatives at or above each distinct score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(scores) - 1)
    return np.cumsum(labels[order])[last].astype(np.float64), np.cumsum(~labels[order])[last].astype(np.float64)


def average_precision(scores: _Scores, positive: _Labels) -> float:
    """Area under the precision-recall curve as a sum over its steps, without interpolation (AUPRC).

    Args:
        scores: Scores of the images, `(N)`; greater is more positive.
        positive: Whether each image is positive, `bool (N)`; both values present.

    Raises:
        ValueError: One of the classes is absent, lengths differ, or a score is no number.
    """
    labels, (values,) = _checked(positive, scores)
    hits, alarms = _counts(values, labels)
    return float(np.sum(np.diff(hits, prepend=0.0) / hits[-1] * hits / (hits + alarms)))


def sensitivity_at_specificity(scores: _Scores, positive: _Labels, specificity: float = 0.9) -> float:
    """Share of the positives above the lowest threshold that at least so many of the negatives do not exceed.

    Args:
        scores: Scores of the images, `(N)`; greater is more positive.
        positive: Whether each image is positive, `bool (N)`; both values present.
        specificity: Least share of the negatives that the threshold reaches or exceeds, above 0 and up to 1.

    Raises:
        ValueError: One of the classes is absent, lengths differ, or a score is no number.
    """
    labels, (values,) = _checked(positive, scores)
    return float((values[labels] > threshold_at_specificity(values, labels, specificity)).mean())


def threshold_at_specificity(scores: _Scores, positive: _Labels, specificity: float = 0.9) -> float:
    """The lowest score that at least so many of the negatives do not exceed; above it is positive."""
    negatives = np.sort(scores[~positive])
    # Rounded, since 0.9 * 10 must not become the tenth of ten.
    return float(negatives[max(0, int(np.ceil(round(specificity * len(negatives), 9))) - 1)])


@dataclass(frozen=True)
class DeLong:
    """Two areas under the ROC curve on the same images, compared.

    Attributes:
        auc_a: Area of the first scores.
        auc_b: Area of the second scores.
        difference: `auc_a - auc_b` with its interval.
        z: The difference in standard errors; 0 where both are equal. NaN, as p-value and interval, where the areas
            differ and nothing tells how much they vary: there is only one positive or one negative, or all scores
            are in perfect order.
        p_value: Two-sided p-value.
        log10_p: Decimal logarithm of the p-value, which says how small it is where `p_value` has become 0.
        standard_error: Standard error of the difference.
    """

    auc_a: float
    auc_b: float
    difference: Interval
    z: float
    p_value: float
    log10_p: float
    standard_error: float


def delong_test(labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, level: float = LEVEL) -> DeLong:
    """DeLong's paired test of two areas under the ROC curve, in O(N log N) (Sun & Xu 2014), in float64.

    The test takes the images for independent and the networks as given: it knows nothing of several images of one
    patient (see `bootstrap`) nor of what another training would have given. Scores of several trainings, `(S, N)`,
    are compared by the mean of their areas, whose variance is that of DeLong's covariance matrix.

    Args:
        labels: Whether each image is positive, `(N)` of bool or 0 and 1; both present.
        scores_a: Scores of the first network, `(N)`, or of several trainings, `(S, N)`.
        scores_b: Scores of the second network, `(N)`, or of several trainings, `(T, N)`.
        level: Coverage of the interval, 0 to 1; 0.95 by default.

    Raises:
        ValueError: One class only, unequal lengths, labels other than 0 and 1, or a score that is no number.
    """
    positive, scores = _checked(labels, scores_a, scores_b)
    first = np.atleast_2d(np.asarray(scores_a)).shape[0]
    second = len(scores) - first
    areas, covariance = _areas(positive, scores)
    contrast = np.concatenate([np.full(first, 1 / first), np.full(second, -1 / second)])
    error = float(np.sqrt(max(contrast @ covariance @ contrast, 0.0)))
    difference = float(contrast @ areas)
    # Equal scores leave rounding errors; a real difference has an error of at least one pair's share.
    if error < 1e-12:
        error, difference = 0.0, round(difference, 12)
    if difference and _few(positive):
        error = float("nan")
    untold = float("nan") if difference else 0.0
    z = difference / error if error else untold
    reach = float(stats.norm.ppf(0.5 + level / 2)) * error if error else untold
    return DeLong(
        auc_a=float(areas[:first].mean()),
        auc_b=float(areas[first:].mean()),
        difference=Interval(difference, difference - reach, difference + reach),
        z=z,
        p_value=float(2 * stats.norm.sf(abs(z))),
        log10_p=float((stats.norm.logsf(abs(z)) + np.log(2)) / np.log(10)) + 0.0,
        standard_error=error,
    )


def delong_interval(labels: ArrayLike, scores: ArrayLike, level: float = LEVEL) -> Interval:
    """Area under the ROC curve with DeLong's interval, on the logit scale so that it stays inside 0 to 1.

    With one positive or one negative alone there is no interval: its ends are NaN.

    Args:
        labels: Whether each image is positive, `(N)` of bool or 0 and 1; both present.
        scores: Scores of the images, `(N)`, or `(S, N)` for the mean of several areas.
        level: Coverage of the interval, 0 to 1; 0.95 by default.

    Raises:
        ValueError: As `delong_test`.
    """
    positive, checked = _checked(labels, scores)
    areas, covariance = _areas(positive, checked)
    area, error = float(areas.mean()), float(np.sqrt(max(covariance.mean(), 0.0)))
    if _few(positive):
        return Interval(area, float("nan"), float("nan"))
    if not 0 < area < 1:
        return Interval(area, area, area)
    reach = float(stats.norm.ppf(0.5 + level / 2)) * error / (area * (1 - area))
    low, high = special.expit(special.logit(area) + np.array([-reach, reach]))
    return Interval(area, float(low), float(high))


def _few(positive: _Labels) -> bool:
    """Whether a class has a single image, which cannot tell how much images vary."""
    return bool(min(np.count_nonzero(positive), np.count_nonzero(~positive)) < 2)


def delong_covariance(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas under the ROC curves of several readers of the same images, and DeLong's covariances of them.

    Args:
        labels: Whether each image is positive, `(N)` of bool or 0 and 1; both present.
        scores: Scores of the images, one row per reader, `(S, N)`.

    Returns:
        Areas, `float64 (S)`, and their covariances, `float64 (S, S)`.

    Raises:
        ValueError: As `delong_test`.
    """
    return _areas(*_checked(labels, scores))


def _areas(positive: _Labels, scores: _Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas `(S)` and their covariances `(S, S)`."""
    placements = np.stack([_placements(row, positive) for row in scores])
    classes = placements[:, positive], placements[:, ~positive]
    covariance = sum(
        np.atleast_2d(np.cov(v)) / v.shape[1] if v.shape[1] > 1 else np.zeros((len(v), len(v))) for v in classes
    )
    return classes[0].mean(1), np.asarray(covariance)


def _placements(scores: _Scores, positive: _Labels) -> NDArray[np.float64]:
    """For each positive the share of negatives below it, for each negative the share of positives above it.

    Ties count half. These are the differences of midranks of Sun & Xu, from one sort in place of three.
    """
    order = np.argsort(scores)
    labels = positive[order]
    ordered = scores[order]
    group = np.append(0, np.cumsum(ordered[1:] != ordered[:-1]))
    positives, negatives = np.bincount(group, labels), np.bincount(group, ~labels)
    above = 1 - (np.cumsum(positives) - positives / 2) / positives.sum()
    below = (np.cumsum(negatives) - negatives / 2) / negatives.sum()
    placed = np.empty(len(scores))
    placed[order] = np.where(labels, below[group], above[group])
    return placed


def _checked(labels: ArrayLike, *scores: ArrayLike) -> tuple[_Labels, _Scores]:
    """Labels as `bool (N)` and all scores as `float64 (S, N)`."""
    given = np.asarray(labels)
    if given.ndim != 1 or (given.dtype != np.bool_ and not np.isin(given, (0, 1)).all()):
        raise ValueError(f"labels: expected (N) of False and True or 0 and 1, got {given.dtype} {given.shape}")
    positive = given.astype(np.bool_)
    rows = [np.atleast_2d(np.asarray(values, np.float64)) for values in scores]
    for values in rows:
        if values.shape[1:] != positive.shape:
            raise ValueError(f"scores: expected {len(positive)}, one per label, got {values.shape[-1]}")
        if np.isnan(values).any():
            raise ValueError(f"scores: {int(np.isnan(values).sum())} of them are NaN")
    if positive.all() or not positive.any():
        counts = f"{int(positive.sum())} positives and {int((~positive).sum())} negatives"
        raise ValueError(f"labels: {counts}; both must be present")
    return positive, np.concatenate(rows)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction: p-values of several hypotheses, raised so that one threshold holds for all (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    raised = np.minimum(np.maximum.accumulate(np.asarray(p_values, np.float64)[order] * factors), 1.0)
    corrected = np.empty(len(p_values))
    corrected[order] = raised
    return [float(p) for p in corrected]
