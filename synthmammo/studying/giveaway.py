"""Whether something other than the picture tells real from generated, and how well a machine tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthmammo.mammogram.arrays import Image
from synthmammo.metrics.curves import auc, delong_interval, holm
from synthmammo.metrics.intervals import Interval
from synthmammo.metrics.probe import held_out_scores

STATISTICS = (
    "mean grey level",
    "spread of the grey levels",
    "share of the darkest levels",
    "share of the brightest levels",
)
"""What the four-statistics classifier sees of an image, all inside the breast."""

OTHERS = (
    "lowest level",
    "highest level",
    "number of distinct levels",
    "share of the image that is blank",
    "blank rows",
)
"""What is looked at beside these, one by one."""

_FOLDS = 5
_LEVEL = float(2 * stats.norm.cdf(1.5 * stats.norm.ppf(0.975)) - 1)
"""Level at which DeLong's interval is 1.5 times as wide as at 0.95; see `cross_validated`."""


def four_statistics(image: Image) -> NDArray[np.float64]:
    """The four grey-level statistics of an image of a study, `float64 (4)`."""
    inside = _inside(image).astype(np.float64)
    low, high = inside.min(), inside.max()
    ends = np.mean(inside <= low + (high - low) * 0.02), np.mean(inside >= high - (high - low) * 0.02)
    return np.array([inside.mean(), inside.std(), *ends])


def other_statistics(image: Image) -> NDArray[np.float64]:
    """Ends and number of grey levels, and borders, `float64 (5)`."""
    inside = _inside(image)
    blank = image == 0
    rows = float(blank.all(1).mean())
    return np.array([inside.min(), inside.max(), len(np.unique(inside)), blank.mean(), rows], np.float64)


def machine_features(image: Image) -> NDArray[np.float64]:
    """What the machine reads in an image: how its grey levels and its texture are spread, `float64 (28)`.

    Twelve quantiles of the grey levels inside the breast, and the logarithm of the power of sixteen rings of spatial
    frequencies of the square at the middle of the breast.
    """
    rows, columns = np.nonzero(image)
    side = max(16, min(image.shape) // 2)
    row = int(np.clip((np.median(rows) if rows.size else 0) - side // 2, 0, image.shape[0] - side))
    column = int(np.clip((np.median(columns) if columns.size else 0) - side // 2, 0, image.shape[1] - side))
    part = image[row : row + side, column : column + side].astype(np.float64) / 65535
    taper = np.hanning(side)
    power = np.abs(np.fft.rfft2((part - part.mean()) * taper[:, None] * taper)) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    ring = np.minimum((frequency * 32).astype(int), 16)
    sums = np.bincount(ring.ravel(), power.ravel(), 17)[:16] / np.bincount(ring.ravel(), minlength=17)[:16].clip(1)
    quantiles = np.quantile(_inside(image), np.linspace(0.02, 0.98, 12)) / 65535
    return np.concatenate([quantiles, np.log(sums + 1e-9)])


def cross_validated(features: NDArray[np.float64], generated: NDArray[np.bool_], seed: int) -> Interval:
    """How well a linear classifier tells two sets apart, on images that it has not seen.

    Args:
        features: Feature vectors, `(N, D)`.
        generated: Whether each is generated, `bool (N)`; both present.
        seed: Seed of the five folds, which hold both sets in equal shares.

    Returns:
        Area under the ROC curve with a 95 % interval: DeLong's, made 1.5 times as wide, since the training sets of
        five folds overlap (Nadeau & Bengio 2003: the variance grows by 1 + 5 / 4). Of 450 pairs of equal sets, of 60
        and 100 images in all, 2 % were then outside 0.5, and 14 % before. The scores of different folds are compared as
        ranks in their folds, since each fold has a classifier of its own.
    """
    scores = _held_out(features, generated, np.random.default_rng(seed))
    return delong_interval(generated, scores, level=_LEVEL)


def _held_out(
    features: NDArray[np.float64], generated: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Scores of all images by classifiers that have not seen them, as ranks in their folds."""
    fold = np.empty(len(generated), int)
    for which in (True, False):
        places = rng.permutation(np.flatnonzero(generated == which))
        fold[places] = np.arange(len(places)) % _FOLDS
    scores = held_out_scores(features, generated, fold)
    for number in np.unique(fold):
        held = fold == number
        scores[held] = 0.5 if np.isnan(scores[held]).any() else stats.rankdata(scores[held]) / (held.sum() + 1)
    return scores


def check_giveaways(images: Sequence[Image], generated: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    """Look for what gives the origin away without looking at the picture.

    Args:
        images: Images of the study, one per item, `uint16 (H, W)`.
        generated: Whether each is generated, `bool (N)`.
        seed: Seed of the folds.

    Returns:
        `four_statistics` (area, low, high), `machine` (the same), and `warnings`, sentences that say what tells the
        origin and how well; none where nothing does.
    """
    if generated.all() or not generated.any():
        return {"warnings": ["All images are of one origin; readers have nothing to tell apart."]}
    grey, other = (np.stack([make(image) for image in images]) for make in (four_statistics, other_statistics))
    found = cross_validated(grey, generated, seed)
    machine = cross_validated(np.stack([machine_features(image) for image in images]), generated, seed)
    told = _telling(np.hstack([grey, other]), generated)
    warnings = [f"The {name} tells generated from real by itself (AUC {area:.2f})." for name, area in told]
    if found.low > 0.5:
        best = max(zip(STATISTICS, grey.T, strict=True), key=lambda pair: abs(auc(pair[1], generated) - 0.5))[0]
        text = f"Four grey-level statistics tell generated from real with an AUC of {found}; most by the {best}."
        warnings.insert(0, text)
    return {"four_statistics": list(found), "machine": list(machine), "warnings": warnings}


def _telling(columns: NDArray[np.float64], generated: NDArray[np.bool_]) -> list[tuple[str, float]]:
    """Statistics that differ between the sets (Mann-Whitney, corrected after Holm, p < 0.01), with their areas."""
    tests = [stats.mannwhitneyu(column[generated], column[~generated]).pvalue for column in columns.T]
    names = (*STATISTICS, *OTHERS)
    areas = [auc(column, generated) for column in columns.T]
    return [
        (name, max(area, 1 - area))
        for name, area, p in zip(names, areas, holm([float(p) for p in tests]), strict=True)
        if p < 0.01
    ]


def _inside(image: Image) -> Image:
    inside = image[image > 0]
    return inside if inside.size else image.ravel()
