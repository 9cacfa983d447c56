"""What a network is shown: images in all orientations, or the features of a frozen network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from synthmammo.benchmarking.classify.backbones import Backbone
from synthmammo.benchmarking.classify.config import ClassifyConfig
from synthmammo.benchmarking.classify.images import LabelledImages
from synthmammo.benchmarking.classify.mixing import ORIENTATIONS, Shown

FeatureArray = NDArray[np.float32]
"""Features of N images in O orientations (1 where they are not augmented), `(N, O, D)`."""

_BATCH = 32


class Inputs(Protocol):
    """What a network is trained and tested on."""

    def shown(self, shown: Shown) -> Tensor:
        """The images of a step, in their orientations."""

    def real(self, numbers: NDArray[np.integer]) -> Tensor:
        """Real images as they lie."""

    def synthetic(self, numbers: NDArray[np.integer]) -> Tensor:
        """Synthetic images as they lie."""


def prepared(images: LabelledImages, numbers: NDArray[np.integer], config: ClassifyConfig) -> Tensor:
    """Images as a network gets them, `float32 (N, 1, H, W)`, most of it in [-1, 1].

    Args:
        images: Images of one side.
        numbers: Numbers of the images that are wanted, `(N)`.
        config: Configuration of the benchmark, of which `intensity` and `size_px` are used.
    """
    units = images.grey[numbers].astype(np.float32) * np.float32(2 / (2**images.bits_stored - 1)) - 1
    if config.intensity == "standardised":
        mean, spread = units.mean((1, 2), keepdims=True), units.std((1, 2), keepdims=True)
        units = np.clip((units - mean) / np.maximum(spread, 1e-3) * 0.4, -1, 1)
    tensor = torch.from_numpy(np.ascontiguousarray(units))[:, None]
    if config.size_px and tensor.shape[2:] != (config.size_px, config.size_px):
        side = (config.size_px, config.size_px)
        tensor = F.interpolate(tensor, side, mode="bilinear", antialias=True, align_corners=False)
    return tensor


def turned(images: Tensor, orientation: int) -> Tensor:
    """Images `(N, C, H, W)` flipped (from 4 on) and turned by quarters, one of 8 ways."""
    flipped = images.flip(3) if orientation >= 4 else images
    return torch.rot90(flipped, orientation % 4, (2, 3))


@dataclass(frozen=True)
class PixelInputs:
    """Images themselves; see `Inputs`.

    Attributes:
        sides: The real images and the synthetic ones, if any.
        config: Configuration of the benchmark.
        device: Device the network is on.
    """

    sides: tuple[LabelledImages, LabelledImages | None]
    config: ClassifyConfig
    device: str

    def shown(self, shown: Shown) -> Tensor:
        """See `Inputs`."""
        rows = []
        for synthetic, number, _, orientation in zip(*shown, strict=True):
            image = self._of(int(synthetic), np.array([number]))
            rows.append(turned(image, int(orientation)) if self.config.augment else image)
        return torch.cat(rows)

    def real(self, numbers: NDArray[np.integer]) -> Tensor:
        """See `Inputs`."""
        return self._of(0, numbers)

    def synthetic(self, numbers: NDArray[np.integer]) -> Tensor:
        """See `Inputs`."""
        return self._of(1, numbers)

    def _of(self, side: int, numbers: NDArray[np.integer]) -> Tensor:
        images = self.sides[side]
        assert images
        return prepared(images, numbers, self.config).to(self.device)


@dataclass(frozen=True)
class FeatureInputs:
    """Standardised features of a frozen network; see `Inputs`.

    Attributes:
        sides: Features of the real images and of the synthetic ones, if any.
        mean: Mean of the features that are trained on, `float32 (D)`.
        deviation: Standard deviation of these features, above 0, `float32 (D)`.
    """

    sides: tuple[FeatureArray, FeatureArray | None]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def shown(self, shown: Shown) -> Tensor:
        """See `Inputs`."""
        rows = np.empty((len(shown.number), len(self.mean)), np.float32)
        for made, features in enumerate(self.sides):
            chosen = shown.synthetic == bool(made)
            if features is not None and chosen.any():
                rows[chosen] = features[shown.number[chosen], shown.orientation[chosen] % features.shape[1]]
        return self._standardised(rows)

    def real(self, numbers: NDArray[np.integer]) -> Tensor:
        """See `Inputs`."""
        return self._standardised(self.sides[0][numbers, 0])

    def synthetic(self, numbers: NDArray[np.integer]) -> Tensor:
        """See `Inputs`."""
        assert self.sides[1] is not None
        return self._standardised(self.sides[1][numbers, 0])

    def _standardised(self, rows: FeatureArray) -> Tensor:
        return torch.from_numpy((rows - self.mean) / self.deviation)


def standardising(features: FeatureArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of `FeatureInputs` for features `(N, O, D)` that are trained on."""
    flat = features.reshape(-1, features.shape[2]).astype(np.float64)
    return flat.mean(0).astype(np.float32), (flat.std(0) + 1e-3).astype(np.float32)


@torch.no_grad()
def frozen_features(
    network: Backbone,
    images: LabelledImages,
    config: ClassifyConfig,
    device: str,
    advance: Callable[[int], None] = lambda images: None,
) -> FeatureArray:
    """Features of all images, in all orientations where the benchmark augments.

    Args:
        network: Network whose last features are taken.
        images: Images of one side.
        config: Configuration of the benchmark.
        device: Device the network is on.
        advance: Called with the number of images done since the last call.
    """
    network.eval()
    orientations = range(ORIENTATIONS if config.augment else 1)
    features = np.empty((len(images), len(orientations), network.width), np.float32)
    for numbers in np.array_split(np.arange(len(images)), -(-len(images) // _BATCH)):
        batch = prepared(images, numbers, config).to(device)
        for orientation in orientations:
            features[numbers, orientation] = network(turned(batch, orientation)).float().cpu().numpy()
        advance(len(numbers))
    return features
