"""What the generators of contextual GANs share: what they make, their random numbers, where a lesion may lie."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthmammo.models.nets.ops import SpectralConv


class LesionConfig(Protocol):
    """What is needed of the shape of any such generator; see the configurations for the meaning of each."""

    @property
    def size(self) -> int:
        """Side of a patch in pixels."""
        ...

    @property
    def border_px(self) -> int:
        """Width in pixels of the border without lesion at full size."""
        ...

    @property
    def discriminator_images(self) -> int:
        """Number of images that the discriminator sees: the combined one, 2 with the untouched one beside it."""
        ...

    @property
    def noise_sizes(self) -> tuple[int, ...]:
        """Sides in pixels of the maps that get a plane of random numbers."""
        ...

    @property
    def scalars(self) -> int:
        """Number of random numbers that the generator takes."""
        ...

    @property
    def smallest_size(self) -> int:
        """Side in pixels of the smallest patches that the generator takes."""
        ...


def check_shape(config: LesionConfig) -> None:
    """Raise ValueError where border or discriminator's images are not possible."""
    if config.discriminator_images not in (1, 2):
        raise ValueError(f"discriminator_images: expected 1 or 2, got {config.discriminator_images}")
    if not 0 <= 2 * config.border_px < config.size:
        raise ValueError(f"border_px: {config.border_px} leaves nothing of {config.size} pixels")


class Inserted(NamedTuple):
    """What the generator makes.

    Attributes:
        lesion: Lesion channel in [-1, 1], 0 on the border, `(N, 1, S, S)`.
        combined: Context with the lesion added, clipped to [-1, 1], `(N, 1, S, S)`.
    """

    lesion: Tensor
    combined: Tensor


class Attention(nn.Module):
    """Self-attention over the pixels of a map (SAGAN, Zhang et al. 2019); at first it adds nothing.

    Args:
        channels: Channels of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = SpectralConv(channels, max(1, channels // 8), 1)
        self.key = SpectralConv(channels, max(1, channels // 8), 1)
        self.value = SpectralConv(channels, max(1, channels // 2), 1)
        self.out = SpectralConv(max(1, channels // 2), channels, 1)
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> the same; keys and values are pooled to half the size."""
        query = self.query(x).flatten(2).transpose(1, 2)
        key = F.max_pool2d(self.key(x), 2).flatten(2)
        value = F.max_pool2d(self.value(x), 2).flatten(2).transpose(1, 2)
        # Written out: the fused kernels have no second derivative, which the gradient penalty needs.
        looked_up = torch.softmax(query @ key, 2) @ value
        added: Tensor = self.out(looked_up.transpose(1, 2).reshape(len(x), -1, *x.shape[2:]))
        return x + self.strength * added


def distance(maps: Tensor) -> Tensor:
    """Distance of each pixel from the middle, in halves of the side: `(1, 1, S, S)` for maps `(N, C, S, S)`."""
    side = maps.shape[-1]
    places = (torch.arange(side, device=maps.device) + 0.5) * (2 / side) - 1
    return torch.hypot(places[:, None], places[None])[None, None]


def disc(maps: Tensor) -> Tensor:
    """What a lesion in the middle is faded out by, `(1, 1, S, S)`: 1 up to 0.6 of the half side, then to 0 at 0.95."""
    outside = ((distance(maps) - 0.6) / 0.35).clamp(0, 1)
    return 0.5 + 0.5 * torch.cos(math.pi * outside)


def bordered(lesion: Tensor, border_px: int) -> Tensor:
    """`(N, 1, S, S)` with a border of zeros."""
    inside = slice(border_px, lesion.shape[-1] - border_px)
    return F.pad(lesion[:, :, inside, inside], (border_px,) * 4)


class LesionGenerator(nn.Module):
    """From tissue and random scalars to a lesion: `(N, 1, S, S)`, `(N, scalars)`, alpha -> `Inserted`.

    Attributes:
        config: Shape of the model.
    """

    config: LesionConfig

    def draw_scalars(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Random scalars of `count` patches: `(count, scalars)` uniform in [-1, 1), on the model's device."""
        device = next(self.parameters()).device
        return 2 * torch.rand(count, self.config.scalars, generator=generator, device=device) - 1

    def check_scalars(self, context: Tensor, scalars: Tensor) -> None:
        """Raise ValueError where the scalars are not those of as many contexts."""
        expected = (len(context), self.config.scalars)
        if scalars.shape != expected:
            raise ValueError(f"scalars: expected {expected}, got {tuple(scalars.shape)}")

    def planes(self, scalars: Tensor) -> dict[int, Tensor]:
        """The planes of random numbers, which are the last of the scalars: `(N, 1, r, r)` by their side r."""
        sides = self.config.noise_sizes
        areas = [side * side for side in sides]
        parts = torch.split(scalars[:, self.config.scalars - sum(areas) :], areas, 1) if areas else ()
        return {side: part.reshape(-1, 1, side, side) for side, part in zip(sides, parts, strict=True)}
