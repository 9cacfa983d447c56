"""Distances between sets of feature vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Vectors = NDArray[np.floating]
"""`(N, D)`, one feature vector per row."""

_Weights = NDArray[np.float64]
"""`(B, N)`, one weight per vector and row."""

_BLOCK = 1024
"""Rows of a kernel that are in memory at once."""


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
    ones = np.ones((1, len(first))), np.ones((1, len(second)))
    a, b = (vectors.astype(np.float64) for vectors in (first, second))
    return float(_kernel_distances(a, b, *ones)[0])


def weighted_kernel_distances(
    first: Vectors, second: Vectors, first_weights: _Weights, second_weights: _Weights
) -> NDArray[np.float64]:
    """`kernel_distance` with several sets of weights at once, e.g. how often each vector was drawn in each resample.

    A vector is never paired with itself, however often it was drawn: such pairs are equal and would add to the
    distance. Kernels are taken in float32 and in blocks, so that 10,000 against 10,000 vectors need some 200 MB.

    Args:
        first: Vectors of the first set, `(N, D)`, N at least 2.
        second: Vectors of the second set, `(M, D)`, M at least 2.
        first_weights: Weights of the first set, at least 0, `(B, N)`.
        second_weights: Weights of the second set, at least 0, `(B, M)`.

    Returns:
        One distance per set of weights, `float64 (B)`.

    Raises:
        ValueError: Fewer than 2 vectors, or different lengths.
    """
    _check(first, second)
    a, b = (np.asarray(vectors, np.float32) for vectors in (first, second))
    return _kernel_distances(a, b, first_weights, second_weights)


def _kernel_distances(
    first: Vectors, second: Vectors, first_weights: _Weights, second_weights: _Weights
) -> NDArray[np.float64]:
    between = np.zeros(len(first_weights))
    weights = np.asarray(second_weights, first.dtype)
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        between += (first_weights[:, rows] * (weights @ _kernel(second, first[rows]))).sum(1)
    between /= first_weights.sum(1) * second_weights.sum(1)
    return _within(first, first_weights) + _within(second, second_weights) - 2 * between


def _within(vectors: Vectors, weights: _Weights) -> NDArray[np.float64]:
    """Weighted mean of the kernel over pairs of different vectors, `(B)`; a pair is looked at once."""
    found = np.zeros(len(weights))
    typed = np.asarray(weights, vectors.dtype)
    for start in range(0, len(vectors), _BLOCK):
        rows, later = slice(start, start + _BLOCK), slice(start + _BLOCK, None)
        own = _kernel(vectors[rows], vectors[rows])
        np.fill_diagonal(own, 0)
        found += (weights[:, rows] * (typed[:, rows] @ own)).sum(1)
        found += 2 * (weights[:, rows] * (typed[:, later] @ _kernel(vectors[later], vectors[rows]))).sum(1)
    pairs = np.square(weights.sum(1)) - np.square(weights).sum(1)
    return np.asarray(found / pairs)


def _kernel(first: Vectors, second: Vectors) -> Vectors:
    found = first @ second.T
    found /= first.shape[1]
    found += 1
    return np.asarray(found * found * found)


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
    # More rows than features: the triangle of a QR decomposition has the same products, and D rows.
    small = [linalg.qr(x, mode="r", pivoting=False)[0][: x.shape[1]] if len(x) > x.shape[1] else x for x in centred]
    cross = linalg.svdvals(small[0] @ small[1].T).sum()
    spread = sum(float(np.square(x).sum()) for x in centred)
    return float(np.square(a.mean(0) - b.mean(0)).sum() + spread - 2 * cross)


def _check(first: Vectors, second: Vectors) -> None:
    if min(len(first), len(second)) < 2 or first.shape[1:] != second.shape[1:]:
        raise ValueError(f"expected two sets (N, D), N at least 2, of one D; got {first.shape} and {second.shape}")
