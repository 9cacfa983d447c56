"""Differentiable augmentation of what the discriminator sees, real and generated images alike.

Without it a discriminator learns a small training set by heart (Zhao et al. 2020; Karras et al. 2020, "ADA"). Only
transforms that leave a mammogram plausible are here: no inversion and no colour. Flips and turns suit patches, whose
orientation means nothing; whole views are aligned, so `ALIGNED` moves them and changes brightness and contrast alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """Strengths of the transforms; 0 or False leaves one out.

    Attributes:
        flips: Whether rows, columns, both or neither are mirrored, with equal chance.
        turns: Whether rows and columns are exchanged, with equal chance: with `flips`, all turns by right angles.
        shift: Largest move along rows and columns, as a share of the side; the edge is mirrored.
        brightness: Standard deviation of what is added, in units of [-1, 1].
        contrast: Standard deviation of the binary logarithm of the factor about the image's mean.
        cutout: Side of one square set to the image's mean, as a share of the side.
        noise: Standard deviation of white noise, in units of [-1, 1], on every image. Where real images have something
            that is the same to the last bit, such as air, it hides from the discriminator what no generator can meet.
    """

    flips: bool = True
    turns: bool = True
    shift: float = 0.125
    brightness: float = 0.2
    contrast: float = 0.3
    cutout: float = 0.0
    noise: float = 0.0

    def __call__(self, images: Tensor, draws: torch.Generator, probability: float = 1.0) -> Tensor:
        """Transform each image by draws of its own.

        Args:
            images: Images in [-1, 1], `(N, C, H, H)`.
            draws: Source of all draws, on the processor.
            probability: Chance of each transform on each image.

        Returns:
            `(N, C, H, H)`, differentiable by the images, not clipped.
        """
        lots = _Lots(images, draws, probability)
        if self.turns:
            images = torch.where(lots.coin()[:, None, None, None], images.transpose(2, 3), images)
        for axis in (2, 3):
            if self.flips:
                images = torch.where(lots.coin()[:, None, None, None], images.flip(axis), images)
            if self.shift:
                images = _moved(images, lots.within(self.shift), axis)
        if self.brightness:
            images = images + lots.normal(self.brightness)[:, None, None, None]
        if self.contrast:
            mean = images.mean((1, 2, 3), keepdim=True)
            images = images + (images - mean) * torch.expm1(lots.normal(self.contrast) * log(2))[:, None, None, None]
        images = _cut(images, lots, self.cutout) if self.cutout else images
        if self.noise:
            images = images + self.noise * torch.randn(images.shape, generator=draws).to(images.device)
        return images


ALIGNED = Augmentation(flips=False, turns=False)
"""For whole views, all of one orientation."""


def oriented(images: Tensor, orientations: Tensor) -> Tensor:
    """Flip and turn each image to one of its eight orientations.

    Args:
        images: Images, `(N, C, H, H)`.
        orientations: Orientation of each image, `int64 (N)` in [0, 8): bit 0 mirrors the rows, bit 1 the columns, bit 2
            exchanges both.
    """
    chosen = [((orientations >> bit) & 1).bool().to(images.device)[:, None, None, None] for bit in range(3)]
    images = torch.where(chosen[0], images.flip(2), images)
    images = torch.where(chosen[1], images.flip(3), images)
    return torch.where(chosen[2], images.transpose(2, 3), images)


class _Lots:
    """One draw per image, drawn on the processor so that every device sees the same; 0 where a transform is off."""

    def __init__(self, images: Tensor, draws: torch.Generator, probability: float) -> None:
        self.count, self.device, self.draws, self.probability = len(images), images.device, draws, probability

    def _uniform(self) -> Tensor:
        return torch.rand(self.count, generator=self.draws)

    def chosen(self) -> Tensor:
        """`bool (N)`: whether the image is transformed at all."""
        return (self._uniform() < self.probability).to(self.device)

    def coin(self) -> Tensor:
        """`bool (N)`, True for half of the chosen."""
        return self.chosen() & (self._uniform() < 0.5).to(self.device)

    def within(self, limit: float) -> Tensor:
        """`float32 (N)`, uniform in [-limit, limit]."""
        return self.chosen() * ((self._uniform() * 2 - 1) * limit).to(self.device)

    def normal(self, deviation: float) -> Tensor:
        """`float32 (N)`, normal."""
        return self.chosen() * (torch.randn(self.count, generator=self.draws) * deviation).to(self.device)


def _moved(images: Tensor, share: Tensor, axis: int) -> Tensor:
    # Whole pixels, so that nothing is blurred.
    side = images.shape[axis]
    places = torch.arange(side, device=images.device) + (share * side).round().long()[:, None]
    places = side - 1 - (side - 1 - places.abs()).abs()
    shape = [len(images), 1, 1, 1]
    shape[axis] = side
    return images.gather(axis, places.reshape(shape).expand_as(images))


def _cut(images: Tensor, lots: _Lots, share: float) -> Tensor:
    rows, columns = (torch.linspace(0, 1, side, device=images.device) for side in images.shape[2:])
    near = [((places - (lots.within(0.5) + 0.5)[:, None]).abs() < share / 2) for places in (rows, columns)]
    hidden = near[0][:, None, :, None] & near[1][:, None, None, :] & lots.chosen()[:, None, None, None]
    return torch.where(hidden, images.mean((1, 2, 3), keepdim=True), images)
