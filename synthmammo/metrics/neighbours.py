"""How two sets of feature vectors cover each other, by nearest neighbours; blocked, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthmammo.metrics.distances import Vectors

BLOCK = 1024
"""Rows of distances that are in memory at once."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """How a generated set lies in a real one.

    Attributes:
        inside: Whether each generated vector is inside the real set: within the k-th neighbour's distance of a real
            one, `bool (M)`.
        held: Number of real neighbourhoods that each generated vector lies in, over k, `float64 (M)`.
        recalled: Whether each real vector is inside the generated set, `bool (N)`.
        covered: Whether the neighbourhood of each real vector holds a generated one, `bool (N)`.
    """

    inside: NDArray[np.bool_]
    held: NDArray[np.float64]
    recalled: NDArray[np.bool_]
    covered: NDArray[np.bool_]

    @property
    def precision(self) -> float:
        """Share of generated vectors inside the real set, 0 to 1 (Kynkaanniemi et al. 2019, section 2)."""
        return float(self.inside.mean())

    @property
    def recall(self) -> float:
        """Share of real vectors inside the generated set, 0 to 1."""
        return float(self.recalled.mean())

    @property
    def density(self) -> float:
        """Mean number of real neighbourhoods around a generated vector, over k; may exceed 1 (Naeem 2020, eq. 4)."""
        return float(self.held.mean())

    @property
    def coverage(self) -> float:
        """Share of real vectors whose neighbourhood holds a generated one, 0 to 1 (Naeem et al. 2020, eq. 5)."""
        return float(self.covered.mean())


def overlap(real: Vectors, generated: Vectors, k: int = 5) -> Overlap:
    """Precision, recall, density and coverage of a generated set.

    Args:
        real: Vectors of the real set, `(N, D)`, N above k.
        generated: Vectors of the generated set, `(M, D)`, M above k.
        k: Number of the neighbour that bounds a neighbourhood; 5 by default, as Naeem et al. take.

    Raises:
        ValueError: Too few vectors for k, or different lengths.
    """
    if min(len(real), len(generated)) <= k or real.shape[1:] != generated.shape[1:]:
        raise ValueError(f"expected more than {k} vectors of one length; got {real.shape} and {generated.shape}")
    real_radius, generated_radius = (radii(vectors, k) for vectors in (real, generated))
    held = np.zeros(len(generated), np.int64)
    recalled, covered = np.zeros(len(real), np.bool_), np.zeros(len(real), np.bool_)
    for rows, distance in _blocks(real, generated):
        held += (distance < real_radius[rows, None]).sum(0)
        covered[rows] = distance.min(1) < real_radius[rows]
        recalled[rows] = (distance < generated_radius).any(1)
    return Overlap(held > 0, held / k, recalled, covered)


def radii(vectors: Vectors, k: int) -> NDArray[np.float32]:
    """Squared distance of each vector to its k-th nearest other one of the set, `float32 (N)`."""
    found = np.empty(len(vectors), np.float32)
    for rows, distance in _blocks(vectors, vectors):
        # The nearest is the vector itself.
        found[rows] = np.partition(distance, k, axis=1)[:, k]
    return found


def nearest_neighbours(queries: Vectors, references: Vectors) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest reference of each query.

    Args:
        queries: `(N, D)`.
        references: `(M, D)`, M at least 1.

    Returns:
        Numbers of the references, `int64 (N)`, and distances, not squared, `float32 (N)`.

    Raises:
        ValueError: No references, or different lengths.
    """
    if not len(references) or queries.shape[1:] != references.shape[1:]:
        raise ValueError(f"expected at least one reference of one length; got {queries.shape} and {references.shape}")
    numbers, distances = np.empty(len(queries), np.int64), np.empty(len(queries), np.float32)
    for rows, distance in _blocks(queries, references):
        numbers[rows] = distance.argmin(1)
        distances[rows] = np.sqrt(distance.min(1))
    return numbers, distances


def _blocks(first: Vectors, second: Vectors) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Squared distances of some rows of the first set to all of the second, `float32 (rows, M)`, block by block.

    The sets are centred first: the products of float32 lose less that way.
    """
    middle = second.mean(0, dtype=np.float64)
    a, b = (np.asarray(vectors - middle, np.float32) for vectors in (first, second))
    length = np.square(b).sum(1)
    for start in range(0, len(a), BLOCK):
        rows = slice(start, min(start + BLOCK, len(a)))
        distance = a[rows] @ b.T
        distance *= -2
        distance += length
        distance += np.square(a[rows]).sum(1)[:, None]
        yield rows, np.maximum(distance, 0, out=distance)
