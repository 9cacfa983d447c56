"""What the trainings of a benchmark say together: intervals, tests, power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthmammo.benchmarking.results import Run
from synthmammo.metrics import (
    DeLong,
    Interval,
    aucs,
    average_precision,
    bootstrap,
    delong_interval,
    delong_test,
    holm,
    interval,
    sensitivity_at_specificity,
)
from synthmammo.metrics.intervals import RESAMPLES

SPECIFICITY = 0.9
LEAST_POWER = 0.8
PAPERS_GAIN = 0.017
"""Gain in AUC that Wu et al. 2020 report, on 3,000 test patches."""

Mix = tuple[float, float | None]
"""Share of the real images and ratio of synthetic ones, in percent; None for synthetic ones alone."""


@dataclass(frozen=True)
class Comparison:
    """A mixture against the real images alone, of the same share.

    Attributes:
        difference: Difference of the mean areas; interval by patients.
        spread: Standard deviation over the seeds of the paired differences; NaN for one seed.
        delong: The paired test of the mean areas.
        holm_p: P-value of the paired test, corrected over the ratios of the share.
        baseline_share: Percent of the real images in the baseline.
    """

    difference: Interval
    spread: float
    delong: DeLong
    holm_p: float
    baseline_share: float


@dataclass(frozen=True)
class MixtureSummary:
    """All seeds of one mixture.

    Attributes:
        share: Percent of the real training images.
        ratio: Percent of synthetic images at the start; None for synthetic ones alone.
        scores: Log-odds by seed and tested image, `(S, N)`.
        auc: Mean area over the seeds; interval by patients, networks as given.
        auc_delong: The same with DeLong's interval, which counts images.
        spread: Standard deviation of the area over the seeds; NaN for one seed.
        sensitivity: At a specificity of 90 %, mean over the seeds; interval by patients.
        auprc: Mean over the seeds.
        comparison: Comparison with the baseline; None for the baseline itself.
    """

    share: float
    ratio: float | None
    scores: NDArray[np.float64]
    auc: Interval
    auc_delong: Interval
    spread: float
    sensitivity: Interval
    auprc: float
    comparison: Comparison | None = None

    @property
    def name(self) -> str:
        """Name of the mixture in tables and figures."""
        if self.ratio is None:
            return "synthetic only"
        return f"real + {self.ratio:g} %" if self.ratio else "real only"

    def facts(self) -> dict[str, Any]:
        """Its numbers as JSON-able values; intervals are estimate, low, high; what is not known is null."""
        found: dict[str, Any] = {
            "real_share": self.share,
            "trained_on": self.name,
            "seeds": len(self.scores),
            "auc": list(self.auc),
            "sensitivity_at_90_specificity": list(self.sensitivity),
            "auprc": self.auprc,
        }
        if self.comparison:
            tested = {"delong_p": self.comparison.delong.p_value, "holm_p": self.comparison.holm_p}
            found |= {"auc_less_baseline": list(self.comparison.difference), **tested}
        return {name: None if isinstance(value, float) and isnan(value) else value for name, value in found.items()}


def summarise_classification(
    scores: Mapping[Run, NDArray[np.float64]],
    positive: NDArray[np.bool_],
    patients: NDArray[np.str_],
    *,
    resamples: int = RESAMPLES,
) -> list[MixtureSummary]:
    """The rows of a benchmark, those of one share together, its baseline first.

    Args:
        scores: Log-odds of the tested images by training, `(N)`.
        positive: Whether each tested image is positive, `bool (N)`.
        patients: Patient of each tested image, `(N)`.
        resamples: Number of resamples of the bootstrap.
    """
    grouped: dict[Mix, list[NDArray[np.float64]]] = {}
    for run in sorted(scores, key=lambda run: (-run.share, run.ratio is None, run.ratio or 0, run.seed)):
        grouped.setdefault((run.share, run.ratio), []).append(scores[run])
    stacked = {mix: np.stack(rows) for mix, rows in grouped.items()}
    drawn = _resampled(stacked, positive, patients, resamples)
    if too_few(positive, patients):
        drawn = {mix: np.full_like(values, nan) for mix, values in drawn.items()}
    rows = [_row(mix, values, positive, drawn[mix]) for mix, values in stacked.items()]
    areas = {mix: values[:, 0] for mix, values in drawn.items()}
    compared = [replace(row, comparison=_compared(row, rows, positive, areas)) for row in rows]
    return _corrected(_without_tests(compared) if too_few(positive, patients) else compared)


def too_few(positive: NDArray[np.bool_], patients: NDArray[np.str_]) -> bool:
    """Whether a class is tested on one patient alone, so that intervals and tests would say nothing.

    Args:
        positive: Whether each tested image is positive, `bool (N)`.
        patients: Patient of each tested image, `(N)`.
    """
    return min(len(np.unique(patients[positive])), len(np.unique(patients[~positive]))) < 2


def _without_tests(rows: list[MixtureSummary]) -> list[MixtureSummary]:
    """The rows without p-values and standard errors."""
    return [
        replace(
            row,
            comparison=replace(
                row.comparison,
                delong=replace(row.comparison.delong, z=nan, p_value=nan, log10_p=nan, standard_error=nan),
            ),
        )
        if row.comparison
        else row
        for row in rows
    ]


def _resampled(
    stacked: Mapping[Mix, NDArray[np.float64]],
    positive: NDArray[np.bool_],
    patients: NDArray[np.str_],
    resamples: int,
) -> dict[Mix, NDArray[np.float64]]:
    """Mean area and mean sensitivity of every mixture on the same resamples, `(R, 2)`."""
    everything = np.concatenate(list(stacked.values()))
    ends = np.cumsum([len(values) for values in stacked.values()])[:-1]

    def statistic(chosen: NDArray[np.intp]) -> NDArray[np.float64]:
        labels = positive[chosen]
        if labels.all() or not labels.any():
            return np.full(2 * len(stacked), nan)
        values = everything[:, chosen]
        both = np.stack([aucs(values, labels), _sensitivities(values, labels)])
        return np.concatenate([part.mean(1) for part in np.split(both, ends, 1)])

    drawn = bootstrap(statistic, patients, resamples=resamples)
    return {mix: drawn[:, 2 * number : 2 * number + 2] for number, mix in enumerate(stacked)}


def _sensitivities(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.array([sensitivity_at_specificity(row, positive, SPECIFICITY) for row in scores])


def _row(
    mix: Mix, scores: NDArray[np.float64], positive: NDArray[np.bool_], drawn: NDArray[np.float64]
) -> MixtureSummary:
    areas = aucs(scores, positive)
    return MixtureSummary(
        *mix,
        scores=scores,
        auc=interval(float(areas.mean()), drawn[:, 0]),
        auc_delong=delong_interval(positive, scores),
        spread=_spread(areas),
        sensitivity=interval(float(_sensitivities(scores, positive).mean()), drawn[:, 1]),
        auprc=float(np.mean([average_precision(row, positive) for row in scores])),
    )


def _spread(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else nan


def baseline_of(row: MixtureSummary, rows: list[MixtureSummary]) -> MixtureSummary | None:
    """Real images alone, of the same share; None for a baseline itself."""
    return next((other for other in rows if other.share == row.share and other.ratio == 0 != row.ratio), None)


def _compared(
    row: MixtureSummary,
    rows: list[MixtureSummary],
    positive: NDArray[np.bool_],
    areas: Mapping[Mix, NDArray[np.float64]],
) -> Comparison | None:
    baseline = baseline_of(row, rows)
    if baseline is None:
        return None
    tested = delong_test(positive, row.scores, baseline.scores)
    paired = min(len(row.scores), len(baseline.scores))
    each = aucs(row.scores[:paired], positive) - aucs(baseline.scores[:paired], positive)
    drawn = areas[row.share, row.ratio] - areas[baseline.share, 0]
    difference = interval(row.auc.estimate - baseline.auc.estimate, drawn)
    return Comparison(difference, _spread(each), tested, nan, baseline.share)


def _corrected(rows: list[MixtureSummary]) -> list[MixtureSummary]:
    """Holm's correction over the ratios of each share; synthetic images alone are no such hypothesis."""
    corrected = list(rows)
    for share in dict.fromkeys(row.share for row in rows):
        family = [i for i, row in enumerate(rows) if row.share == share and row.comparison and row.ratio is not None]
        tests = [(i, rows[i].comparison) for i in family]
        raised = holm([compared.delong.p_value for _, compared in tests if compared])
        for (i, compared), p in zip(tests, raised, strict=True):
            assert compared
            corrected[i] = replace(rows[i], comparison=replace(compared, holm_p=p))
    return corrected


@dataclass(frozen=True)
class Power:
    """What a comparison of this size can find.

    Attributes:
        share: Percent of the real images.
        standard_error: Standard error of the difference to the baseline, median over the ratios.
        of_papers_gain: Chance to find a true gain of `PAPERS_GAIN` at p < 0.05.
        least_gain: True gain that is found with a chance of `LEAST_POWER`.
    """

    share: float
    standard_error: float
    of_papers_gain: float
    least_gain: float


def power(rows: list[MixtureSummary]) -> list[Power]:
    """Power of DeLong's test by share, from the standard errors that were found."""
    found = []
    for share in dict.fromkeys(row.share for row in rows):
        compared = [row.comparison for row in rows if row.share == share and row.comparison and row.ratio is not None]
        errors = [one.delong.standard_error for one in compared if one.delong.standard_error > 0]
        if errors:
            error = float(np.median(errors))
            limit = float(stats.norm.ppf(0.975))
            chance = float(stats.norm.sf(limit - PAPERS_GAIN / error) + stats.norm.cdf(-limit - PAPERS_GAIN / error))
            found.append(Power(share, error, chance, (limit + float(stats.norm.ppf(LEAST_POWER))) * error))
    return found
