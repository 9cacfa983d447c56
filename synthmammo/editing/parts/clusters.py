"""Clusters of a model's activations, which are the parts of its images, and what each channel contributes to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from synthmammo.editing.parts.fitted import LAYER, Parts, Points, nearest_centroid, rendered, unit_vectors
from synthmammo.models.nets.stylegan2 import Synthesis
from synthmammo.progress import Progress, silent

PARTS = 10
"""Number of parts in Zakka et al. 2020, K there."""

_CELLS = 8
_RESTARTS, _ITERATIONS = 4, 100


@torch.inference_mode()
def cluster_parts(
    synthesis: Synthesis,
    latents: Sequence[Tensor],
    *,
    seed: int,
    count: int = PARTS,
    progress: Progress = silent,
) -> Parts:
    """Find the parts of a model's images, and what each channel contributes to them.

    Args:
        synthesis: Synthesis network of the model.
        latents: Batches of w, `(N, latents, w_dim)` each; every batch is rendered twice.
        seed: Random seed for drawing the initial centroids.
        count: Number of parts.
        progress: Called with batches done and batches in all.

    Returns:
        The parts, the largest first.

    Raises:
        ValueError: There are fewer places than parts.
    """
    points, total = [], 2 * len(latents)
    for done, w in enumerate(latents):
        points.append(unit_vectors(rendered(synthesis, synthesis.styles(w))[1]))
        progress(done + 1, total)
    centroids = spherical_k_means(np.concatenate(points), count, seed)
    moments = _Moments(count)
    for done, w in enumerate(latents):
        moments.add(synthesis, w, centroids)
        progress(len(latents) + done + 1, total)
    order = np.argsort(-moments.shares, kind="stable")
    return Parts(
        centroids=centroids[order].astype(np.float32),
        contributions={name: m[order] for name, m in moments.contributions().items()},
        shares=moments.shares[order].astype(np.float32),
        brightness=moments.brightness[order].astype(np.float32),
        centres=moments.centres[order].astype(np.float32),
    )


def spherical_k_means(points: Points, count: int, seed: int) -> Points:
    """Clusters by direction: every point goes to the centroid with the largest cosine, a centroid is the unit mean.

    Args:
        points: Unit vectors, `float64 (P, C)`.
        count: Number of clusters.
        seed: Random seed for drawing the initial centroids, apart from each other ("k-means++").

    Returns:
        Centroids `float64 (count, C)`, those of the best of four runs by the mean cosine.

    Raises:
        ValueError: There are fewer points than clusters.
    """
    if not 1 <= count <= len(points):
        raise ValueError(f"expected 1 to {len(points)} clusters, the number of points, got {count}")
    generator = np.random.default_rng(seed)
    runs = [_one_run(points, _spread_out(points, count, generator)) for _ in range(_RESTARTS)]
    return max(runs, key=lambda centroids: float((points @ centroids.T).max(1).mean()))


class _Moments:
    """Sums over places, per part, from which the contributions M follow; accumulated batch by batch."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._places = np.zeros(count)
        self._sums: dict[str, Points] = {}
        self._light, self._where = np.zeros(count), np.zeros((count, 2))

    def add(self, synthesis: Synthesis, w: Tensor, centroids: Points) -> None:
        """Render a batch and count what every layer is given."""
        cells = {"": _cell_moments(synthesis.get_parameter("b4.const").expand(len(w), -1, -1, -1))}
        places: list[Points] = []

        def tap(name: str, activation: Tensor) -> None:
            cells[name] = _cell_moments(activation)
            if name == LAYER:
                places.append(unit_vectors(activation))

        image = synthesis.render(synthesis.styles(w), tap=tap)
        member = np.eye(self._count)[nearest_centroid(places[0], centroids)]
        self._places += member.sum(0)
        source = ""
        for name in synthesis.layers:
            self._sums[name] = self._sums.get(name, 0) + np.einsum("pk,mpc->mkc", member, cells[source])
            source = source if name.endswith("torgb") else name
        self._light += member.T @ _cell_moments(image.clamp(-1, 1))[0].mean(1)
        grid = (np.indices((_CELLS, _CELLS)).reshape(2, -1).T + 0.5) / _CELLS
        self._where += member.T @ np.tile(grid, (len(w), 1))

    def contributions(self) -> dict[str, NDArray[np.float32]]:
        """The contributions M of every layer: the share of each channel's variance that lies in each part."""
        return {name: self._contribution(*sums) for name, sums in self._sums.items()}

    def _contribution(self, first: Points, second: Points) -> NDArray[np.float32]:
        total = self._places.sum()
        mean = first.sum(0) / total
        variance = second.sum(0) / total - mean**2
        spread = second - 2 * mean * first + mean**2 * self._places[:, None]
        # A channel that never changes belongs to all places alike.
        alive = variance > 1e-10 * np.maximum(mean**2, 1e-10)
        even = np.broadcast_to(self.shares[:, None], spread.shape)
        m = np.where(alive, np.maximum(spread, 0) / np.where(alive, variance * total, 1), even)
        return np.asarray(m / m.sum(0), np.float32)

    @property
    def shares(self) -> Points:
        """Share of all places, `(K)`."""
        return np.asarray(self._places / self._places.sum())

    @property
    def brightness(self) -> Points:
        """Mean of the images inside each part, `(K)`."""
        return np.asarray(self._light / np.maximum(self._places, 1))

    @property
    def centres(self) -> Points:
        """Mean row and column of each part, `(K, 2)`."""
        return np.asarray(self._where / np.maximum(self._places, 1)[:, None])


def _cell_moments(activation: Tensor) -> Points:
    """Means of the values and of their squares over 8 x 8 cells: `(N, C, H, W)` -> `float64 (2, N * 64, C)`.

    Parts are made of such cells, so nothing finer is needed; 4 x 4 maps are enlarged, which weights all alike.
    """
    planes = torch.stack([activation, activation.square()]).flatten(0, 1)
    small = planes.shape[-1] < _CELLS
    cells = F.interpolate(planes, size=_CELLS) if small else F.adaptive_avg_pool2d(planes, _CELLS)
    return cells.permute(0, 2, 3, 1).reshape(2, -1, activation.shape[1]).double().cpu().numpy()


def _spread_out(points: Points, count: int, generator: np.random.Generator) -> Points:
    chosen = [points[generator.integers(len(points))]]
    distance = np.full(len(points), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.maximum(1 - points @ chosen[-1], 0))
        weights = distance + 1e-12  # so that equal points can still be told apart by their number
        chosen.append(points[generator.choice(len(points), p=weights / weights.sum())])
    return np.stack(chosen)


def _one_run(points: Points, centroids: Points) -> Points:
    before = np.full(len(points), -1)
    for _ in range(_ITERATIONS):
        cosines = points @ centroids.T
        member = cosines.argmax(1)
        if np.array_equal(member, before):
            break
        sums = np.eye(len(centroids))[member].T @ points
        lost = np.bincount(member, minlength=len(centroids)) == 0
        # A centroid without points starts anew at those that fit theirs least.
        sums[lost] = points[np.argsort(cosines.max(1), kind="stable")[: lost.sum()]]
        centroids, before = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), member
    return centroids
