"""Distances between sets of feature vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Vectors = NDArray[np.floating]
"""`(N, D)`, one feature vector per row."""


def kernel_distance(first: Vectors, second: Vectors) -> float:
    """Squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, without bias (Binkowski et al. 2018).

    Called "KID" where the features are Inception's. Unbiased: its expectation does not depend on the numbers of
    images, is 0 for two samples of one distribution, and a single value may be below 0.

    Args:
        first: Vectors of the first set, `(N, D)`, N at least 2.
        second: Vectors of the second set, `(M, D)`, M at least 2.

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
        first: Vectors of the first set, `(N, D)`, N at least 2.
        second: Vectors of the second set, `(M, D)`, M at least 2.

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
