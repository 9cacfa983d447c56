"""Statistics that radiologists know: are the breasts as large, as dense, as bright and as rough as real ones?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthmammo.auditing.figure import LEAST, percentiles
from synthmammo.auditing.material import Material
from synthmammo.auditing.measured import MEASURED
from synthmammo.metrics import bootstrap

_RESAMPLES = 100


def statistics(made: Material, real: Material) -> dict[str, Any]:
    """Percentiles 10, 50 and 90 of each measured statistic on both sides, and how far the distributions are apart.

    Args:
        made: Synthetic images.
        real: Real images.

    Returns:
        By statistic: what it is, `made` and `real` with three percentiles and the numbers measured, and `apart`, the
        largest difference of the cumulative shares (Kolmogorov and Smirnov), 0 for the same distribution, with its
        interval by patients. `brightness` has its percentiles `by_density` too, where classes of density are known.
    """
    found: dict[str, Any] = {}
    for name, what in MEASURED.items():
        known = [~np.isnan(side.measures[name]) for side in (made, real)]
        if min(int(side.sum()) for side in known) < LEAST:
            continue
        values = [side.measures[name][which] for side, which in zip((made, real), known, strict=True)]
        patients = [side.patients[which] for side, which in zip((made, real), known, strict=True)]
        found[name] = {
            "what": what,
            "made": _three(values[0]),
            "real": _three(values[1]),
            "n": len(values[0]),
            "reference": len(values[1]),
            **_apart(values, patients),
        }
    if "brightness" in found:
        found["brightness"]["by_density"] = _by_density(made, real)
    return found


def _three(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in np.percentile(values, [10, 50, 90])]


def _apart(values: list[NDArray[np.float64]], patients: list[NDArray[np.str_]]) -> dict[str, float]:
    """The Kolmogorov-Smirnov distance and its interval; resampling adds to a distance, so its spread is centred."""
    value = float(stats.ks_2samp(*values).statistic)
    both, sides = np.concatenate(values), np.repeat([True, False], [len(side) for side in values])
    clusters = np.concatenate(
        [np.char.add(text, side) for text, side in zip(("made ", "real "), patients, strict=True)]
    )

    def statistic(which: NDArray[np.intp]) -> float:
        drawn = both[which], sides[which]
        inside = drawn[1]
        return float(stats.ks_2samp(drawn[0][inside], drawn[0][~inside]).statistic) if 0 < inside.mean() < 1 else np.nan

    draws = bootstrap(statistic, clusters, resamples=_RESAMPLES)[:, 0]
    low, high = percentiles(np.clip(value + draws - np.nanmean(draws), 0, 1))
    return {"apart": round(value, 4), "low": round(low, 4), "high": round(high, 4)}


def _by_density(made: Material, real: Material) -> dict[str, Any]:
    """Percentiles of the mean grey level by class of density, where both sides have enough of it."""
    found: dict[str, Any] = {}
    for name in sorted({*made.groups["density"].tolist()} - {"unknown"}):
        values = [side.measures["brightness"][side.groups["density"] == name] for side in (made, real)]
        values = [side[~np.isnan(side)] for side in values]
        if min(map(len, values)) >= LEAST:
            found[name] = {
                "made": _three(values[0]),
                "real": _three(values[1]),
                "n": len(values[0]),
                "reference": len(values[1]),
            }
    return found
