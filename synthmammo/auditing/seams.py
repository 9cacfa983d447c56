"""Whether inserted lesions give themselves away by their border: a detector of seams, which should find none."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthmammo.auditing.classifying import auc_interval, scores_by_patient
from synthmammo.auditing.figure import LEAST, Figure
from synthmammo.auditing.material import Material

_RESAMPLES = 200
_SEEN_BY = "linear classifier on fine structures in four bands of 3 pixels along the border, cross-validated"


def seams(made: Material, real: Material) -> dict[str, Any]:
    """AUC of a detector that tells the borders of inserted lesions from the same lines elsewhere in the same breasts.

    Args:
        made: Synthetic images; those with inserted lesions are looked at.
        real: Real images; where enough of them have lesions with masks, the same detector on these is the floor: real
            lesions have borders too.

    Returns:
        A figure's record; empty where fewer than `LEAST` images have an inserted lesion.
    """
    found = _told(made)
    if found is None:
        return {}
    value, low, high, count = found
    floor = _told(real)
    shown = floor[0] if floor else float("nan")
    return Figure(value, low, high, shown, count, floor[3] if floor else 0, _SEEN_BY).record()


def _told(side: Material) -> tuple[float, float, float, int] | None:
    """AUC with its interval and the number of lesions; None for too few."""
    known = ~np.isnan(side.borders).any((1, 2))
    count = int(known.sum())
    if count < LEAST:
        return None
    vectors = side.borders[known].transpose(1, 0, 2).reshape(2 * count, -1)
    truth, patients = np.repeat([True, False], count), np.tile(side.patients[known], 2)
    found = auc_interval(scores_by_patient(vectors, truth, patients), truth, patients, _RESAMPLES)
    return *found, count
