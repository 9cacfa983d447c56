"""Statistics that radiologists know: are the breasts as large, as dense, as bright and as rough as real ones?"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from synthmammo.auditing.figure import LEAST
from synthmammo.auditing.material import Material
from synthmammo.mammogram.terms import ATTRIBUTES


def statistics(made: Material, real: Material) -> dict[str, Any]:
    """Percentiles 10, 50 and 90 of each measured statistic on both sides, and how far the distributions are apart.

    Args:
        made: Synthetic images.
        real: Real images.

    Returns:
        By statistic: what it is, `made` and `real` with three percentiles and the number measured, and `apart`, the
        largest difference of the cumulative shares (Kolmogorov and Smirnov), 0 for the same distribution.
    """
    found: dict[str, Any] = {}
    for name in made.measures:
        sides = [side.measures[name] for side in (made, real) if name in side.measures]
        sides = [values[~np.isnan(values)] for values in sides]
        if len(sides) < 2 or min(map(len, sides)) < LEAST:
            continue
        shown = [[round(float(value), 4) for value in np.percentile(values, [10, 50, 90])] for values in sides]
        found[name] = {
            "what": ATTRIBUTES[name],
            "made": shown[0],
            "real": shown[1],
            "n": len(sides[0]),
            "reference": len(sides[1]),
            "apart": round(float(stats.ks_2samp(*sides).statistic), 4),
        }
    return found
