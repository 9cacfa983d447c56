"""A linear classifier on feature vectors: how well one set of images teaches to tell classes apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from synthmammo.metrics.distances import Vectors


@dataclass(frozen=True)
class LinearProbe:
    """Logistic regression on standardised features.

    Attributes:
        mean: Mean of each feature, `float64 (D)`.
        scale: Standard deviation of each feature, above 0, `float64 (D)`.
        weight: Weight of each feature for each class, `float64 (D, K)`.
        bias: Bias of each class, `float64 (K)`.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    @classmethod
    def fit(cls, features: Vectors, labels: NDArray[np.integer], penalty: float = 1.0) -> LinearProbe:
        """Fit the least mean cross-entropy plus penalty / 2 times the squared weights.

        Args:
            features: Feature vectors, `(N, D)`.
            labels: Numbers of the classes from 0, `(N)`.
            penalty: Weight of the squared weights; the default 1 suits some hundred features and a thousand images.
        """
        x = features.astype(np.float64)
        mean, scale = x.mean(0), x.std(0) + 1e-6
        x, classes = (x - mean) / scale, int(labels.max()) + 1
        targets = np.eye(classes)[labels]

        def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weight, bias = np.split(flat.reshape(-1, classes), [x.shape[1]])
            logits = x @ weight + bias
            logs = logits - np.logaddexp.reduce(logits, 1, keepdims=True)
            slope = (np.exp(logs) - targets) / len(x)
            value = -(targets * logs).sum() / len(x) + penalty / 2 * np.square(weight).sum()
            return float(value), np.concatenate([x.T @ slope + penalty * weight, slope.sum(0)[None]]).ravel()

        found = optimize.minimize(loss, np.zeros((x.shape[1] + 1) * classes), jac=True, method="L-BFGS-B")
        weight, bias = np.split(found.x.reshape(-1, classes), [x.shape[1]])
        return cls(mean, scale, weight, bias[0])

    def logits(self, features: Vectors) -> NDArray[np.float64]:
        """Logits of the classes `(N, K)` for feature vectors `(N, D)`."""
        return np.asarray((features.astype(np.float64) - self.mean) / self.scale @ self.weight + self.bias)


def held_out_scores(
    features: Vectors, positive: NDArray[np.bool_], fold: NDArray[np.integer], penalty: float = 1.0
) -> NDArray[np.float64]:
    """Scores of all images by two-class probes, each of which has not seen the images that it scores.

    Args:
        features: Feature vectors, `(N, D)`.
        positive: Which of them should score higher, `bool (N)`.
        fold: Number of the fold of each, `(N)`; what must not be on both sides, as a patient, is in one.
        penalty: Weight of the squared weights; see `LinearProbe.fit`.

    Returns:
        Differences of the two logits, `float64 (N)`; NaN where all other folds are of one class. Each fold has a probe
        of its own, so scores of different folds may differ in level.
    """
    scores = np.full(len(positive), np.nan)
    for number in np.unique(fold):
        held, rest = fold == number, fold != number
        if positive[rest].any() and not positive[rest].all():
            logits = LinearProbe.fit(features[rest], positive[rest].astype(np.int64), penalty).logits(features[held])
            scores[held] = logits[:, 1] - logits[:, 0]
    return scores
