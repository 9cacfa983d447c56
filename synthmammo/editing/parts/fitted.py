"""Local edits: the parts of a model's images, and a part moved from one image to another.

"Editing in Style" (Collins, Bala, Price and Süsstrunk 2020) as Zakka et al. 2020, section IV B, use it. The activations
of one early layer fall into clusters, which are parts of the image. The contribution matrix M says how much each
channel of each layer has to do with each part. A part is transferred by moving the styles of the channels that have
most to do with it towards those of a reference image. `clusters` finds the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from synthmammo.models.nets.stylegan2 import Synthesis

LAYER = "b8.conv0"
"""The first layer of 8 x 8, whose activations are clustered."""

THRESHOLD = 0.1
"""rho / (1 + rho), rho being 1/9: channels that contribute less than this to the part stay as they are."""

EPSILON = 60.0
"""Budget of change outside the part, in channels of 512; Zakka et al. tune it between 20 and 100."""

_FULL_WIDTH = 512

Points = NDArray[np.float64]
Styles = Mapping[str, Tensor]


@dataclass(frozen=True)
class Parts:
    """Parts of a model's images; the largest part comes first.

    Attributes:
        centroids: Unit vectors among the activations of `LAYER`, one per part, `float32 (K, C)`.
        contributions: Contribution matrix M by layer, `float32 (K, C)` with C the channels that go into the layer,
            which are the ones its style scales; every column sums to 1.
        shares: Share of all pixels that each part covers, `float32 (K)`.
        brightness: Mean of the images inside each part, in [-1, 1], `float32 (K)`.
        centres: Mean row and column of each part, from 0 (top, left) to 1, `float32 (K, 2)`.
        options: How the parts were found.
    """

    centroids: NDArray[np.float32]
    contributions: dict[str, NDArray[np.float32]]
    shares: NDArray[np.float32]
    brightness: NDArray[np.float32]
    centres: NDArray[np.float32]
    options: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of parts."""
        return len(self.centroids)

    def map(self, activation: Tensor) -> NDArray[np.int64]:
        """The part each place belongs to.

        Args:
            activation: Activation of `LAYER`, `(N, C, 8, 8)`.

        Returns:
            Numbers of parts, `int64 (N, 8, 8)`.
        """
        count, _, height, width = activation.shape
        points, centroids = unit_vectors(activation), self.centroids.astype(np.float64)
        return nearest_centroid(points, centroids).reshape(count, height, width)

    def queries(self, part: int, threshold: float = THRESHOLD, epsilon: float = EPSILON) -> dict[str, Tensor]:
        """The channels of every layer to move for one part, `float32 (C)` in [0, 1]; see `query` for the arguments."""
        return {name: torch.from_numpy(query(m[part], threshold, epsilon)) for name, m in self.contributions.items()}


@dataclass(frozen=True)
class Locality:
    """How local a change is.

    Attributes:
        inside: Mean absolute change inside the part, in units of [-1, 1].
        outside: The same outside it.
        share: Share of all squared change that lies inside.
        area: Share of the image that the part covers; `share` is equal to it where the change is everywhere the same.
    """

    inside: float
    outside: float
    share: float
    area: float


def rendered(synthesis: Synthesis, styles: Styles, noise: dict[str, Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """Images, as `Synthesis.render`, and the activations of `LAYER`, `(N, C, 8, 8)` on the processor."""
    seen: list[Tensor] = []

    def tap(name: str, activation: Tensor) -> None:
        if name == LAYER:
            seen.append(activation.clone().cpu())

    image = synthesis.render(dict(styles), noise, tap=tap)
    return image, seen[0]


def query(contributions: NDArray[np.float32], threshold: float = THRESHOLD, epsilon: float = EPSILON) -> NDArray[Any]:
    """The channels to move for one part in one layer: q of section 3.3 of "Editing in Style".

    It maximises sum q (M - rho (1 - M)) while sum q (1 - M) stays within epsilon and 0 <= q <= 1. Gain by cost,
    M / (1 - M) - rho, rises with M, so taking the channels in the order of M is the exact solution; the last one is
    taken in part.

    Args:
        contributions: Contributions M of the part, `float32 (C)`.
        threshold: The M from which on a channel gains, rho / (1 + rho).
        epsilon: Budget of change outside the part in channels of 512; scaled to the layer's width.

    Returns:
        Share of each channel to move, `float32 (C)` in [0, 1].
    """
    m = contributions.astype(np.float64)
    order = np.argsort(-m, kind="stable")
    cost = 1 - m[order]
    left = epsilon * len(m) / _FULL_WIDTH - (np.cumsum(cost) - cost)
    q = np.zeros(len(m), np.float32)
    # A channel of M = 1 costs nothing, so it is taken whatever is left.
    share = np.divide(left, cost, out=np.ones_like(cost), where=cost > 0)
    q[order] = np.where(m[order] > threshold, share.clip(0, 1), 0)
    return q


def transfer(styles: Styles, reference: Styles, queries: Styles, strength: Tensor | float = 1.0) -> dict[str, Tensor]:
    """Styles with a part of another image: s + strength q (r - s).

    Args:
        styles: Styles of the target by layer, `(N, C)`.
        reference: Styles of the image that the part is taken from, by layer, `(N or 1, C)`.
        queries: Channels to move by layer, `(C)`; layers without any keep their styles.
        strength: Share of the way to the reference, as a number or `(N, 1)`: 0 leaves the target as it is, the default
            1 is that of the paper.

    Returns:
        Styles of all layers.
    """
    return {
        name: torch.lerp(style, reference[name].expand_as(style), (strength * queries[name]).to(style).expand_as(style))
        if name in queries
        else style
        for name, style in styles.items()
    }


def locality(before: Tensor, after: Tensor, inside: NDArray[np.bool_]) -> Locality:
    """How much of a change lies inside a part.

    Args:
        before: Image before the change, `(1, H, W)` in [-1, 1].
        after: Image after the change, `(1, H, W)`.
        inside: Places of the part, `bool (8, 8)` or any size that divides the image's.

    Returns:
        The measures; a part that is not on the image has an `inside` of 0.
    """
    change = (after.clamp(-1, 1) - before.clamp(-1, 1)).abs().mean(0).double().cpu().numpy()
    mask = np.kron(inside, np.ones((change.shape[0] // len(inside), change.shape[1] // inside.shape[1]), np.bool_))
    total = float((change**2).sum())
    return Locality(
        inside=float(change[mask].mean()) if mask.any() else 0.0,
        outside=float(change[~mask].mean()) if not mask.all() else 0.0,
        share=float((change[mask] ** 2).sum()) / total if total else 0.0,
        area=float(mask.mean()),
    )


def unit_vectors(activation: Tensor) -> Points:
    """The unit vector of every place, `(N, C, H, W)` -> `float64 (N H W, C)`."""
    places = activation.permute(0, 2, 3, 1).flatten(0, 2).double().cpu()
    return F.normalize(places, dim=1).numpy()


def nearest_centroid(points: Points, centroids: Points) -> NDArray[np.int64]:
    """Number of the centroid with the largest cosine to each unit vector, `int64 (P)`."""
    return np.asarray((points @ centroids.T).argmax(1))
