"""How images lie to each other in a network's last features, and which cases another network sees that it missed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from synthmammo.benchmarking.classify.images import LabelledImages
from synthmammo.benchmarking.classify.summary import SPECIFICITY
from synthmammo.identity import draw_u64
from synthmammo.metrics import threshold_at_specificity

LEAST_EMBEDDED = 8
EMBEDDED = 400
"""Largest number of synthetic images per class whose features are kept for the embedding."""


def embed(features: NDArray[np.floating], seed: int = 0) -> NDArray[np.float64]:
    """t-SNE to two dimensions (Wu et al. 2020, Figure 4).

    Args:
        features: Feature vectors, `(N, D)`, N at least 8.
        seed: Random seed of the method.

    Returns:
        `float64 (N, 2)`.
    """
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(features) - 1) / 3)
    method = TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
    return np.asarray(method.fit_transform(features.astype(np.float32)), np.float64)


class ChangedReading(NamedTuple):
    """A positive test image whose reading another network changes.

    Attributes:
        number: Number of the tested image.
        before: Score of the baseline, 0 to 1.
        after: Score of the other network, 0 to 1.
    """

    number: int
    before: float
    after: float


def changed_cases(
    before: NDArray[np.float64], after: NDArray[np.float64], positive: NDArray[np.bool_]
) -> tuple[list[ChangedReading], list[ChangedReading]]:
    """Positives that the baseline misses and the other network finds, and those it finds and the other one misses.

    Each reads at its own threshold with a specificity of 90 %: only then are both equally strict. The paper shows the
    first kind alone (Figures 5 and 6); the second is its price.

    Args:
        before: Log-odds of the baseline by seed, which are averaged, `(S, N)`.
        after: Log-odds of the other network by seed, `(T, N)`.
        positive: Whether each image is positive, `bool (N)`.

    Returns:
        Both lists, the largest change first.
    """
    means = [scores.mean(0) for scores in (before, after)]
    found = [mean > threshold_at_specificity(mean, positive, SPECIFICITY) for mean in means]
    change = means[1] - means[0]

    def cases(which: NDArray[np.bool_]) -> list[ChangedReading]:
        numbers = np.flatnonzero(which & positive)
        ordered = numbers[np.argsort(-np.abs(change[numbers]), kind="stable")]
        return [ChangedReading(int(i), float(expit(means[0][i])), float(expit(means[1][i]))) for i in ordered]

    return cases(~found[0] & found[1]), cases(found[0] & ~found[1])


def embedded(synthetic: LabelledImages) -> NDArray[np.intp]:
    """Numbers of the synthetic images whose features are kept: at most `EMBEDDED` of a class, drawn."""
    order = np.argsort(draw_u64(0, "embedded", np.arange(len(synthetic))), kind="stable")
    parts = [order[synthetic.labels[order] == label][:EMBEDDED] for label in np.unique(synthetic.labels)]
    return np.sort(np.concatenate(parts))
