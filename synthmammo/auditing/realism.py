"""How near synthetic images are to real ones as a set: distances, overlap, and whether they can be told apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from synthmammo.auditing.figure import Figure, percentiles
from synthmammo.auditing.material import Material
from synthmammo.metrics import LinearProbe, auc, frechet_distance, kernel_distance, overlap
from synthmammo.metrics.distances import Vectors
from synthmammo.models.features import EXTRACTOR

RESAMPLES = 40
"""Resamples of an interval; each takes the whole distance anew."""

MOST = 2000
"""Images of each side that intervals are taken on; more narrow them too little to be worth the time."""

_FOLDS = 5
_PENALTY = 10.0


def realism(made: Material, real: Material, training: Material) -> dict[str, Figure]:
    """Figures of a synthetic set against a real one.

    The floor is the same figure of the training images against the real ones: what a perfect generator would reach.

    Args:
        made: Synthetic images.
        real: Real images that the generator never saw.
        training: Real images that it was trained on.
    """
    found = {
        "kernel_distance_x1000": _figure(lambda a, b: 1000 * kernel_distance(a, b), made, real, training),
        "frechet_distance": _figure(frechet_distance, made, real, training),
    }
    for name in ("precision", "recall", "density", "coverage"):
        found[name] = _figure(lambda a, b, name=name: getattr(overlap(b, a), name), made, real, training)
    for name, features, seen_by in (
        ("two_sample_auc", "means", "linear classifier on means of the maps of the extractor, cross-validated"),
        ("two_sample_auc_of_residues", "residues", "the same on high-pass residues of the tissue"),
    ):
        found[name] = told_apart(*(getattr(side, features) for side in (made, real, training)), seen_by)
    return found


def _figure(
    statistic: Callable[[Vectors, Vectors], float], made: Material, real: Material, training: Material
) -> Figure:
    """A statistic of pooled features; intervals by drawing images of both sides anew, repeats left out.

    A repeat would be its own nearest neighbour and the same picture twice in a kernel's sum: each resample holds the
    distinct images of a bootstrap draw.
    """
    value, floor = statistic(made.pooled, real.pooled), statistic(training.pooled, real.pooled)
    rng = np.random.default_rng(0)
    values = [
        statistic(made.pooled[_drawn(len(made), rng)], real.pooled[_drawn(len(real), rng)]) for _ in range(RESAMPLES)
    ]
    # Distinct images of a draw are 63 percent of all: their spread is wider than that of all of them.
    spread = (np.array(values) - np.mean(values)) * np.sqrt(0.632)
    low, high = percentiles(value + spread)
    return Figure(value, low, high, floor, len(made), len(real), EXTRACTOR)


def _drawn(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.unique(rng.integers(count, size=min(count, MOST)))


def told_apart(made: Vectors, real: Vectors, training: Vectors, seen_by: str) -> Figure:
    """AUC of a cross-validated classifier that tells synthetic from real images; 0.5 is best.

    Args:
        made: Features of synthetic images, `(N, D)`.
        real: Features of real images, `(M, D)`.
        training: Features of the real training images, whose AUC against the real ones is the floor, `(K, D)`.
        seen_by: What the features are, for the record.
    """
    scores, truth = _cross_validated(made, real)
    rng = np.random.default_rng(0)
    values = []
    for _ in range(300):
        which = rng.integers(len(truth), size=len(truth))
        values.append(auc(scores[which], truth[which]) if 0 < truth[which].sum() < len(which) else float("nan"))
    low, high = percentiles(np.array(values))
    floor_scores, floor_truth = _cross_validated(training, real)
    value, floor = auc(scores, truth), auc(floor_scores, floor_truth)
    return Figure(value, low, high, floor, len(made), len(real), seen_by)


def _cross_validated(made: Vectors, real: Vectors) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores of images by classifiers that did not see them, and which of the images are made; equally many of each."""
    rng = np.random.default_rng(0)
    count = min(len(made), len(real), MOST)
    chosen = [side[rng.permutation(len(side))[:count]] for side in (real, made)]
    features, truth = np.concatenate(chosen), np.repeat([False, True], count)
    folds = rng.permutation(2 * count) % _FOLDS
    scores = np.empty(2 * count)
    for fold in range(_FOLDS):
        probe = LinearProbe.fit(features[folds != fold], truth[folds != fold].astype(np.int64), _PENALTY)
        logits = probe.logits(features[folds == fold])
        scores[folds == fold] = logits[:, 1] - logits[:, 0]
    return scores, truth
