"""Whether inserted lesions give themselves away by their border: a detector of seams, which should find none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.figure import LEAST, Figure, percentiles
from synthmammo.auditing.material import Material
from synthmammo.metrics import LinearProbe, auc, bootstrap

_FOLDS = 5
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
    scores = _cross_validated(vectors, truth, patients)

    def statistic(which: NDArray[np.intp]) -> float:
        inside = truth[which]
        return auc(scores[which], inside) if inside.any() and not inside.all() else float("nan")

    low, high = percentiles(bootstrap(statistic, patients, resamples=_RESAMPLES)[:, 0])
    return float(auc(scores, truth)), low, high, count


def _cross_validated(
    vectors: NDArray[np.float32], truth: NDArray[np.bool_], patients: NDArray[np.str_]
) -> NDArray[np.float64]:
    numbers = np.unique(patients, return_inverse=True)[1]
    folds = np.random.default_rng(0).permutation(int(numbers.max()) + 1)[numbers] % _FOLDS
    scores = np.empty(len(truth))
    for fold in range(_FOLDS):
        probe = LinearProbe.fit(vectors[folds != fold], truth[folds != fold].astype(np.int64))
        logits = probe.logits(vectors[folds == fold])
        scores[folds == fold] = logits[:, 1] - logits[:, 0]
    return scores
