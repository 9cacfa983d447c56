"""Embeddings that an audit trains: pictures of one thing lie together, pictures of two things apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from synthmammo.metrics.distances import Vectors

LENGTH = 64
_STEPS, _BATCH, _RATE = 300, 256, 2e-3
_TEMPERATURE = 0.1


@dataclass(frozen=True)
class Embedding:
    """A linear map of standardised features onto the unit sphere.

    Attributes:
        mean: Mean of each feature, `float32 (D)`.
        scale: Standard deviation of each feature, above 0, `float32 (D)`.
        weight: `float32 (D, LENGTH)`.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weight: NDArray[np.float32]

    def __call__(self, features: Vectors) -> NDArray[np.float32]:
        """Unit vectors `float32 (N, LENGTH)` of feature vectors `(N, D)`."""
        found = (features - self.mean) / self.scale @ self.weight
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), np.float32)


def train_embedding(first: Vectors, second: Vectors, *, groups: NDArray[np.generic], seed: int = 0) -> Embedding:
    """Learn a map under which the two pictures of a pair are alike and those of different pairs are not.

    The loss is the normalised cross-entropy of Chen et al. 2020 (SimCLR, eq. 1); pairs of one group do not repel each
    other.

    Args:
        first: Features of one picture of each pair, `(N, D)`, N at least 2.
        second: Features of the other, `(N, D)`.
        groups: Group of each pair, e.g. its patient, `(N)`.
        seed: Random seed of the first weights and the order of the pairs.

    Raises:
        ValueError: Fewer than 2 pairs, or different shapes.
    """
    import torch

    if len(first) < 2 or first.shape != second.shape or len(groups) != len(first):
        raise ValueError(f"expected at least 2 pairs of features; got {first.shape} and {second.shape}")
    both = np.concatenate([first, second])
    mean, scale = both.mean(0), both.std(0) + 1e-3
    pairs = torch.from_numpy(np.stack([(side - mean) / scale for side in (first, second)]).astype(np.float32))
    numbers = torch.from_numpy(np.unique(groups, return_inverse=True)[1])
    draws = torch.Generator().manual_seed(seed)
    weight = (torch.randn(first.shape[1], LENGTH, generator=draws) / first.shape[1] ** 0.5).requires_grad_()
    optimiser = torch.optim.Adam([weight], lr=_RATE, weight_decay=1e-4)
    for _ in range(_STEPS):
        which = torch.randperm(len(first), generator=draws)[:_BATCH]
        a, b = (torch.nn.functional.normalize(side[which] @ weight, dim=1) for side in pairs)
        same = numbers[which][:, None] == numbers[which]
        others = same & ~torch.eye(len(which), dtype=torch.bool)
        logits = (a @ b.T / _TEMPERATURE).masked_fill(others, -torch.inf)
        wanted = torch.arange(len(which))
        loss = torch.nn.functional.cross_entropy(logits, wanted) + torch.nn.functional.cross_entropy(logits.T, wanted)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return Embedding(mean.astype(np.float32), scale.astype(np.float32), weight.detach().numpy())


def discriminant_embedding(features: Vectors, groups: NDArray[np.generic], *, shrinkage: float = 0.3) -> Embedding:
    """Directions in which groups differ most for how much their own members do (Fisher's discriminant).

    It is found in closed form, so that a few hundred groups of two suffice.

    Args:
        features: `(N, D)`.
        groups: Group of each, e.g. its patient, `(N)`; some must have two members or more.
        shrinkage: Share of the covariance within groups that is replaced by its mean variance, 0 to 1.

    Raises:
        ValueError: No group has two members.
    """
    mean, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64) + 1e-3
    standard = (features - mean) / scale
    numbers = np.unique(groups, return_inverse=True)[1]
    counts = np.bincount(numbers)
    freedom = len(standard) - len(counts)
    if freedom < 1:
        raise ValueError("expected a group of at least 2 members")
    centres = np.zeros((len(counts), standard.shape[1]))
    np.add.at(centres, numbers, standard)
    apart = standard - (centres / counts[:, None])[numbers]
    within = apart.T @ apart / freedom
    variance = np.trace(within) / len(within)
    within = (1 - shrinkage) * within + shrinkage * variance * np.eye(len(within))
    directions = linalg.eigh(standard.T @ standard / len(standard), within)[1][:, ::-1][:, :LENGTH]
    return Embedding(*(np.asarray(part, np.float32) for part in (mean, scale, directions)))
