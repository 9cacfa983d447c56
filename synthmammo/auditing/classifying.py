"""How well one set of images can be told from another: scores of images that no classifier saw, and their AUC."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthmammo.metrics import Interval, auc, bootstrap, held_out_scores, interval
from synthmammo.metrics.distances import Vectors

FOLDS = 5


def scores_by_patient(
    vectors: Vectors, truth: NDArray[np.bool_], patients: NDArray[np.str_], penalty: float = 1.0
) -> NDArray[np.float64]:
    """Scores of a cross-validated linear classifier; none scores an image of a patient that it was trained on.

    Args:
        vectors: Feature vectors, `(N, D)`.
        truth: Which of them are of the set that should score higher, `bool (N)`.
        patients: Patient of each, `(N)`; a patient's images are in one fold.
        penalty: Weight of the squared weights; see `LinearProbe.fit`.

    Returns:
        Differences of the two logits, `float64 (N)`.
    """
    numbers = np.unique(patients, return_inverse=True)[1]
    folds = np.random.default_rng(0).permutation(int(numbers.max()) + 1)[numbers] % FOLDS
    return held_out_scores(vectors, truth, folds, penalty)


def auc_interval(
    scores: NDArray[np.floating], truth: NDArray[np.bool_], clusters: NDArray[np.generic], resamples: int
) -> Interval:
    """AUC with its interval, whole clusters resampled; a resample with one set only says nothing.

    Args:
        scores: Score of each image, `(N)`.
        truth: Which of them are of the set that should score higher, `bool (N)`.
        clusters: Patient of each, `(N)`.
        resamples: Number of resamples.
    """

    def of_resample(which: NDArray[np.intp]) -> float:
        inside = truth[which]
        return auc(scores[which], inside) if inside.any() and not inside.all() else float("nan")

    values = bootstrap(of_resample, clusters, resamples=resamples)
    return interval(float(auc(scores, truth)), values[:, 0])
