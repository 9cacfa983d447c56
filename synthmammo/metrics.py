"""Distances between sets of feature vectors, and how well one set teaches to tell classes apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, stats

Vectors = NDArray[np.floating]
"""`(N, D)`, one feature vector a row."""


def kernel_distance(first: Vectors, second: Vectors) -> float:
    """Squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, without bias (Binkowski et al. 2018).

    Called "KID" where the features are Inception's. Unbiased: its expectation does not depend on the numbers of
    images, is 0 for two samples of one distribution, and a single value may be below 0.

    Args:
        first: `(N, D)`, N at least 2.
        second: `(M, D)`, M at least 2.

    Raises:
        ValueError: Fewer than 2 vectors, or different lengths.
    """
    _check(first, second)
    kernels = [_kernel(a, b) for a, b in ((first, first), (second, second), (first, second))]
    within = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in kernels[:2])
    return float(within - 2 * kernels[2].mean())


def _kernel(first: Vectors, second: Vectors) -> NDArray[np.float64]:
    products = first.astype(np.float64) @ second.astype(np.float64).T
    return np.asarray((products / first.shape[1] + 1) ** 3)


def frechet_distance(first: Vectors, second: Vectors) -> float:
    """Squared Frechet distance of the normal distributions fitted to two sets (Heusel et al. 2017).

    Biased upwards by few images, so compare only numbers taken at the same N and M.

    Args:
        first: `(N, D)`, N at least 2.
        second: `(M, D)`, M at least 2.

    Raises:
        ValueError: Fewer than 2 vectors, or different lengths.
    """
    _check(first, second)
    a, b = (vectors.astype(np.float64) for vectors in (first, second))
    # tr sqrt(Ca Cb) is the sum of the singular values of the product of the centred, scaled sets: no D x D root.
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    cross = linalg.svdvals(centred[0] @ centred[1].T).sum()
    spread = sum(float(np.square(x).sum()) for x in centred)
    return float(np.square(a.mean(0) - b.mean(0)).sum() + spread - 2 * cross)


def _check(first: Vectors, second: Vectors) -> None:
    if min(len(first), len(second)) < 2 or first.shape[1:] != second.shape[1:]:
        raise ValueError(f"expected two sets (N, D), N at least 2, of one D; got {first.shape} and {second.shape}")


def auc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    Args:
        scores: `(N)`.
        positive: `bool (N)`, both values present.

    Raises:
        ValueError: One of the classes is absent.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        raise ValueError(f"auc: {positives} positives and {negatives} negatives; both must be present")
    ranks = stats.rankdata(scores)
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


@dataclass(frozen=True)
class LinearProbe:
    """Logistic regression on standardised features.

    Attributes:
        mean: `float64 (D)`.
        scale: `float64 (D)`, above 0.
        weight: `float64 (D, K)`.
        bias: `float64 (K)`.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    @classmethod
    def fit(cls, features: Vectors, labels: NDArray[np.integer], penalty: float = 1.0) -> LinearProbe:
        """Least mean cross-entropy plus penalty / 2 times the squared weights.

        Args:
            features: `(N, D)`.
            labels: `(N)`, numbers of the classes from 0.
            penalty: The default suits some hundred features and a thousand images.
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
        """`(N, D)` -> `(N, K)`."""
        return np.asarray((features.astype(np.float64) - self.mean) / self.scale @ self.weight + self.bias)
