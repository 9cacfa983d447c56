"""The residual discriminator."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from synthmammo.models.nets import ops
from synthmammo.models.nets.stylegan2.config import StyleGAN2Config
from synthmammo.models.nets.stylegan2.mapping import Mapping


class DiscriminatorBlock(nn.Module):
    """Two convolutions and a low-passed shortcut, to half the resolution.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        image_channels: Channels of the image where this block reads it, else 0.
    """

    def __init__(self, inputs: int, outputs: int, image_channels: int = 0) -> None:
        super().__init__()
        if image_channels:
            self.fromrgb = ops.Conv(image_channels, inputs, 1)
        self.reads_image = image_channels > 0
        self.conv0 = ops.Conv(inputs, inputs, 3)
        self.conv1 = ops.Conv(inputs, outputs, 3, down=True)
        self.skip = ops.Conv(inputs, outputs, 1, down=True, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, D, H / 2, W / 2)`."""
        x = self.fromrgb(x) if self.reads_image else x
        half = math.sqrt(0.5)
        shortcut: Tensor = self.skip(x, gain=half)
        x = self.conv1(self.conv0(x), gain=half)
        return shortcut + x


class DiscriminatorEnd(nn.Module):
    """Standard deviation over the batch, one convolution, two fully connected layers.

    Args:
        channels: Channels in, at 4 x 4.
        outputs: Features out.
        deviation_group: Number of samples in a group.
    """

    def __init__(self, channels: int, outputs: int, deviation_group: int) -> None:
        super().__init__()
        self.deviation_group = deviation_group
        self.conv = ops.Conv(channels + 1, channels, 3)
        self.fc = ops.Linear(channels * 16, channels)
        self.out = ops.Linear(channels, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, 4, 4)` -> `(N, outputs)`."""
        x = self.conv(ops.append_batch_deviation(x, self.deviation_group))
        # contiguous(): the published layout flattens channels first.
        scores: Tensor = self.out(ops.activate(self.fc(x.contiguous().flatten(1)), overwrite=True))
        return scores


class Discriminator(nn.Module):
    """Residual discriminator; a conditional one projects its features onto the class (Miyato & Koyama 2018).

    Args:
        config: Shape of the model.
    """

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        widths = {resolution: config.channels(resolution) for resolution in reversed(config.resolutions)}
        for above, below in pairwise(widths):
            image_channels = config.image_channels if above == config.resolution else 0
            self.add_module(f"b{above}", DiscriminatorBlock(widths[above], widths[below], image_channels))
        features = config.channels(4) if config.classes else 1
        self.b4 = DiscriminatorEnd(config.channels(4), features, config.deviation_group)
        if config.classes:
            self.mapping = Mapping(0, config.classes, features, 8)

    def forward(self, image: Tensor, label: Tensor | None = None, *, dtype: torch.dtype | None = None) -> Tensor:
        """How real the images look.

        Args:
            image: Images in [-1, 1], `float32 (N, image_channels, resolution, resolution)`.
            label: Classes, one-hot, `(N, classes)`; None for an unconditional model.
            dtype: Type of the activations down to 8 x 8; None for that of the image.

        Returns:
            `float32 (N, 1)` logits.

        Raises:
            ValueError: The images, or the labels, have another shape.
        """
        expected = (self.config.image_channels, self.config.resolution, self.config.resolution)
        if image.shape[1:] != expected:
            raise ValueError(f"image: expected (N, {', '.join(map(str, expected))}), got {tuple(image.shape)}")
        x = (image.to(dtype) if dtype else image).contiguous(memory_format=torch.channels_last)
        for resolution in reversed(self.config.resolutions[1:]):
            x = self.get_submodule(f"b{resolution}")(x)
        features: Tensor = self.b4(ops.full_precision(x))
        if not self.config.classes:
            return features
        direction: Tensor = self.mapping(None, label)
        scores: Tensor = (features * direction).sum(1, keepdim=True) / math.sqrt(direction.shape[1])
        return scores
