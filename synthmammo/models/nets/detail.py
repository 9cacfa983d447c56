"""A network that turns a coarse view into a fine one, trained on real images and the same images averaged down.

A coarse image says little about its fine structure, so that noise decides between the pictures that are possible. The
network is convolutional throughout and takes images of any size. Its residual blocks work on the coarse pixels, where
they cost least, as in the generators of enhanced super-resolution (Wang et al. 2018); each doubling of the size
rearranges channels into pixels (Shi et al. 2016) and adds noise of that size, as the layers of StyleGAN2 do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FACTORS = (2, 4, 8)
_SLOPE = 0.2
_LEAST_CHANNELS = 8
"""Channels of the finest layers at least; each doubling of the size halves their number."""


@dataclass(frozen=True)
class DetailConfig:
    """Shape of the network.

    Attributes:
        factor: Fine pixels per coarse pixel along each side: 2, 4 or 8.
        channels: Channels at the coarse size.
        blocks: Residual blocks at the coarse size.

    Raises:
        ValueError: A number is not possible.
    """

    factor: int = 4
    channels: int = 48
    blocks: int = 6

    def __post_init__(self) -> None:
        if self.factor not in FACTORS:
            raise ValueError(f"factor: expected one of {', '.join(map(str, FACTORS))}, got {self.factor}")
        if self.channels < _LEAST_CHANNELS or self.blocks < 1:
            raise ValueError(f"channels: at least {_LEAST_CHANNELS} are needed, blocks: at least 1")


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> the same; at first it changes little."""
        added: Tensor = self.second(F.leaky_relu(self.first(x), _SLOPE, inplace=True))
        return x + 0.2 * added


class _Doubling(nn.Module):
    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(channels, 4 * outputs, 3, padding=1)
        self.strength = nn.Parameter(torch.full((1, outputs, 1, 1), 0.1))
        self.mix = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """`(N, C, H, W)`, noise `(N, 1, 2 H, 2 W)` -> `(N, C', 2 H, 2 W)`."""
        x = F.pixel_shuffle(self.spread(x), 2) + self.strength * noise
        return F.leaky_relu(self.mix(F.leaky_relu(x, _SLOPE, inplace=True)), _SLOPE, inplace=True)


class DetailGenerator(nn.Module):
    """Makes fine images of coarse ones.

    Args:
        config: Shape of the network.
    """

    def __init__(self, config: DetailConfig) -> None:
        super().__init__()
        self.config = config
        doublings = config.factor.bit_length() - 1
        widths = [max(_LEAST_CHANNELS, config.channels >> step) for step in range(doublings + 1)]
        self.first = nn.Conv2d(1, config.channels, 3, padding=1)
        self.blocks = nn.Sequential(*(_Block(config.channels) for _ in range(config.blocks)))
        self.doublings = nn.ModuleList(_Doubling(a, b) for a, b in zip(widths, widths[1:], strict=False))
        self.last = nn.Conv2d(widths[-1], 1, 3, padding=1)
        with torch.no_grad():
            self.last.weight.mul_(0.1)  # the first images are the coarse ones, enlarged

    def forward(self, coarse: Tensor, noise: Tensor) -> Tensor:
        """Fine images.

        Args:
            coarse: Images in [-1, 1], `float32 (N, 1, H, W)`.
            noise: Standard normal numbers, `float32 (N, 1, f H, f W)` for a factor f.

        Returns:
            `float32 (N, 1, f H, f W)`, about [-1, 1], not clipped.
        """
        x = F.leaky_relu(self.first(coarse), _SLOPE)
        x = self.blocks(x)
        for doubling, plane in zip(self.doublings, self._planes(noise), strict=True):
            x = doubling(x, plane)
        detail: Tensor = self.last(x)
        return enlarged(coarse, self.config.factor) + detail

    def _planes(self, noise: Tensor) -> list[Tensor]:
        """Noise of each size, the coarsest first: blocks of the fine plane's, summed, so that they too are normal."""
        sizes = [self.config.factor >> (step + 1) for step in range(len(self.doublings))]
        return [F.avg_pool2d(noise, size) * size for size in sizes]


def enlarged(coarse: Tensor, factor: int) -> Tensor:
    """Coarse images between whose pixels is interpolated, `(N, 1, H, W)` -> `(N, 1, f H, f W)`."""
    return F.interpolate(coarse, scale_factor=float(factor), mode="bilinear", align_corners=False)


def averaged(fine: Tensor, factor: int) -> Tensor:
    """Fine images, averaged down, `(N, 1, f H, f W)` -> `(N, 1, H, W)`."""
    return F.avg_pool2d(fine, factor)
