"""How near synthetic images are to real ones as a set: distances, overlap, and whether they can be told apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthmammo.auditing.classifying import auc_interval, scores_by_patient
from synthmammo.auditing.figure import Figure, percentiles, spread_weights
from synthmammo.auditing.material import Material
from synthmammo.metrics import auc, frechet_distance, overlap, weighted_kernel_distances
from synthmammo.metrics.distances import Vectors

RESAMPLES = 200
"""Resamples of an interval."""

MOST = 2000
"""Images of each side that classifiers are trained on, and that the spread of the Frechet distance is taken from."""

MOST_FLOOR = 5000
"""Training images that floors are taken on."""

_GROUPS = 5
_PENALTY = 10.0


def realism(made: Material, real: Material, training: Material) -> dict[str, Figure]:
    """Figures of a synthetic set against a real one.

    The floor is the same figure of the training images against the real ones: what a perfect generator would reach.
    Figures that depend on the number of images are taken, as their floors are, on equally many: those of the smaller of
    the synthetic and the training set.

    Args:
        made: Synthetic images.
        real: Real images that the generator never saw.
        training: Real images that it was trained on.
    """
    floor = training.taken(_some(len(training), MOST_FLOOR))
    count = min(len(made), len(floor))
    equal = [side.taken(_some(len(side), count)) for side in (made, floor)]
    found = {"kernel_distance_x1000": kernel_figure(made, real, floor)}
    found["frechet_distance"] = _frechet(equal[0], real, equal[1])
    found |= _overlaps(equal[0], real, equal[1])
    for name, features, seen_by in (
        ("two_sample_auc", "means", f"linear classifier on means of the maps of {made.extractor}, cross-validated"),
        ("two_sample_auc_of_residues", "residues", "the same on high-pass residues of the tissue"),
    ):
        found[name] = told_apart(made, real, floor, features, seen_by)
    return found


def _some(count: int, most: int) -> NDArray[np.int64]:
    """Numbers of at most so many images, drawn without repeats, the same at every call."""
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def kernel_figure(made: Material, real: Material, training: Material | None = None) -> Figure:
    """Kernel distance x 1000 of pooled features, its interval by resampling patients of both sides.

    Args:
        made: Images to judge.
        real: Real images.
        training: Other real images, whose distance to the real ones is the floor; None for no floor.
    """
    weights = [spread_weights(side.patients, RESAMPLES, seed) for seed, side in enumerate((made, real))]
    values = 1000 * weighted_kernel_distances(made.pooled, real.pooled, *weights)
    value, draws = float(values[0]), values[1:]
    low, high = percentiles(value + draws - draws.mean())
    floor = float("nan")
    if training is not None:
        ones = np.ones((1, len(training))), np.ones((1, len(real)))
        floor = 1000 * float(weighted_kernel_distances(training.pooled, real.pooled, *ones)[0])
    return Figure(value, low, high, floor, len(made), len(real), made.extractor)


def _frechet(made: Material, real: Material, training: Material) -> Figure:
    value, floor = (frechet_distance(side.pooled, real.pooled) for side in (made, training))
    reach = stats.t.ppf(0.975, 2 * (_GROUPS - 1)) * _frechet_deviation(made, real)
    return Figure(value, value - reach, value + reach, floor, len(made), len(real), made.extractor)


def _frechet_deviation(made: Material, real: Material) -> float:
    """Standard deviation of a Frechet distance: each side's patients in groups, each group left out in turn."""
    sides = [side.taken(_some(len(side), MOST)) for side in (made, real)]
    variance = 0.0
    for left, (side, whole) in enumerate(zip(sides, (made, real), strict=True)):
        groups = np.unique(side.patients, return_inverse=True)[1] % _GROUPS
        values = []
        for group in range(_GROUPS):
            pair = [other.pooled for other in sides]
            pair[left] = side.pooled[groups != group]
            values.append(frechet_distance(pair[0], pair[1]))
        variance += (_GROUPS - 1) * float(np.var(values)) * len(side) / len(whole)
    return float(np.sqrt(variance))


def _overlaps(made: Material, real: Material, training: Material) -> dict[str, Figure]:
    """Precision, recall, density and coverage; intervals over the images judged, the neighbourhoods as they are."""
    ours, floors = (overlap(real.pooled, side.pooled) for side in (made, training))
    judged = {
        "precision": (ours.inside, floors.precision, made),
        "recall": (ours.recalled, floors.recall, real),
        "density": (ours.held, floors.density, made),
        "coverage": (ours.covered, floors.coverage, real),
    }
    found = {}
    for name, (values, floor, side) in judged.items():
        weights = spread_weights(side.patients, RESAMPLES, 0)
        low, high = percentiles((weights @ values.astype(np.float64) / weights.sum(1))[1:])
        found[name] = Figure(float(values.mean()), low, high, floor, len(made), len(real), made.extractor)
    return found


def told_apart(made: Material, real: Material, training: Material, features: str, seen_by: str) -> Figure:
    """AUC of a cross-validated classifier that tells synthetic from real images; 0.5 is best.

    Args:
        made: Synthetic images.
        real: Real images.
        training: Real training images, whose AUC against the real ones is the floor.
        features: Which features the classifier sees: "means" or "residues".
        seen_by: What the features are, for the record.
    """
    scores, truth, patients = _cross_validated(made, real, features)
    found = auc_interval(scores, truth, patients, RESAMPLES)
    floor_scores, floor_truth, _ = _cross_validated(training, real, features)
    return Figure(*found, float(auc(floor_scores, floor_truth)), len(made), len(real), seen_by)


def _cross_validated(
    made: Material, real: Material, features: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.str_]]:
    """Scores of equally many images of both sides, which of them are made, and their patients."""
    count = min(len(made), len(real), MOST)
    sides = [side.taken(_some(len(side), count)) for side in (real, made)]
    vectors: Vectors = np.concatenate([getattr(side, features) for side in sides])
    truth = np.repeat([False, True], count)
    patients = np.concatenate([np.char.add(side, sides[at].patients) for at, side in enumerate(("real ", "made "))])
    return scores_by_patient(vectors, truth, patients, _PENALTY), truth, patients
