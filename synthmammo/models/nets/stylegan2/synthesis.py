"""The synthesis network: from w, or from the styles of its layers, to images."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from synthmammo.models.nets import ops
from synthmammo.models.nets.stylegan2.config import StyleGAN2Config

Tap = Callable[[str, Tensor], None]
"""Called with a layer's name and its activation `(N, C, H, W)`, which must be cloned to be kept."""


class StyledConv(nn.Module):
    """Modulated 3 x 3 convolution, noise, bias, leaky ReLU.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        w_dim: Length of the latent.
        resolution: Side of the output in pixels.
        up: Whether the resolution is doubled first.
    """

    noise_const: Tensor

    def __init__(self, inputs: int, outputs: int, w_dim: int, resolution: int, *, up: bool) -> None:
        super().__init__()
        self.affine = ops.Linear(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(_laid_out(torch.randn(outputs, inputs, 3, 3), transposed=up))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.up = up
        self._kernel = ops.KeptKernel()

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """`(N, C, H, W)`, `(N, C)`, noise `(1, H', W')` or `(N, 1, H', W')` -> `(N, D, H', W')`; x is written to."""
        # The gain of the activation goes in front of it, onto smaller tensors.
        kernel = self._kernel.of(self.weight, x.dtype)
        x = ops.modulated_conv(x, kernel, style, up=self.up, gain=ops.GAIN, overwrite=True)
        noise = (noise * (self.noise_strength * ops.GAIN)).to(x.dtype)
        bias = (self.bias * ops.GAIN).to(x.dtype)[:, None, None]
        return ops.noisy_activation(x, noise, bias)


def _laid_out(weight: Tensor, *, transposed: bool) -> Tensor:
    """The same numbers in the order in memory that the convolution, or its transposed form, reads."""
    if transposed:
        return weight.transpose(0, 1).contiguous(memory_format=torch.channels_last).transpose(0, 1)
    return weight.contiguous(memory_format=torch.channels_last)


class ToImage(nn.Module):
    """Modulated 1 x 1 convolution to the image's channels, without normalisation.

    Args:
        inputs: Channels in.
        image_channels: Channels of the image.
        w_dim: Length of the latent.
    """

    def __init__(self, inputs: int, image_channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = ops.Linear(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(image_channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(image_channels))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """`(N, C, H, W)`, `(N, C)` -> `float32 (N, image_channels, H, W)`."""
        # The kernel is tiny, so it is modulated, not the activations; of each sample this is one matrix product.
        kernel = self.weight[None, :, :, 0, 0] * (style / math.sqrt(style.shape[1]))[:, None]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
        image = (pixels @ kernel.to(x.dtype).transpose(1, 2)).transpose(1, 2)
        return ops.full_precision(image).reshape(len(x), -1, *x.shape[2:]) + self.bias[:, None, None]


class SynthesisBlock(nn.Module):
    """One resolution: two convolutions (the 4 x 4 block starts from a constant and has one) and an image layer.

    Args:
        config: Shape of the model.
        resolution: Side of the maps of this block in pixels.
    """

    def __init__(self, config: StyleGAN2Config, resolution: int) -> None:
        super().__init__()
        outputs = config.channels(resolution)
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4))
        else:
            inputs = config.channels(resolution // 2)
            self.conv0 = StyledConv(inputs, outputs, config.w_dim, resolution, up=True)
        self.conv1 = StyledConv(outputs, outputs, config.w_dim, resolution, up=False)
        self.torgb = ToImage(outputs, config.image_channels, config.w_dim)


class Synthesis(nn.Module):
    """From w to images. The image is the sum of what every resolution adds, each upsampled ("skip" generator).

    Args:
        config: Shape of the model.

    Attributes:
        layers: Names of the layers in the order of their styles: "b4.conv1", "b4.torgb", "b8.conv0", ...
    """

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        names = []
        for resolution in config.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(config, resolution))
            parts = ("conv1", "torgb") if resolution == 4 else ("conv0", "conv1", "torgb")
            names += [f"b{resolution}.{part}" for part in parts]
        self.layers = tuple(names)

    def styles(self, w: Tensor) -> dict[str, Tensor]:
        """The style of every layer.

        Args:
            w: Latents, `(N, w_dim)` or `(N, latents, w_dim)`. The first convolution takes w 0; then each block's image
                layer shares its w with the next block's first convolution.

        Returns:
            By layer name, in order, `float32 (N, C)` with C the channels that go into the layer.

        Raises:
            ValueError: Another shape.
        """
        latents, w_dim = self.config.latents, self.config.w_dim
        if w.ndim == 2:
            w = w[:, None].expand(-1, latents, -1)
        if w.shape[1:] != (latents, w_dim):
            raise ValueError(f"w: expected (N, {w_dim}) or (N, {latents}, {w_dim}), got {tuple(w.shape)}")
        return {name: self.get_submodule(f"{name}.affine")(w[:, self.latent_of(name)]) for name in self.layers}

    def latent_of(self, layer: str) -> int:
        """Number of the w that a layer takes."""
        block, part = layer.split(".")
        first = 2 * int(math.log2(int(block[1:]))) - 5
        return first + ("conv0", "conv1", "torgb").index(part)

    def draw_noise(self, count: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Fresh noise of every convolution, `(count, 1, H, W)` by layer name, on the model's device."""
        noise = {}
        for name in self.layers:
            if not name.endswith("torgb"):
                fixed = self._fixed_noise(name)
                shape = (count, 1, *fixed.shape)
                noise[name] = torch.randn(shape, generator=generator, device=fixed.device)
        return noise

    def _fixed_noise(self, layer: str) -> Tensor:
        return self.get_buffer(f"{layer}.noise_const")

    def forward(self, w: Tensor, noise: dict[str, Tensor] | None = None) -> Tensor:
        """Images from w; see `styles` and `render`."""
        return self.render(self.styles(w), noise)

    def render(
        self,
        styles: dict[str, Tensor],
        noise: dict[str, Tensor] | None = None,
        *,
        dtype: torch.dtype | None = None,
        tap: Tap | None = None,
    ) -> Tensor:
        """Images from the styles of the layers.

        Args:
            styles: Styles by layer, from `styles`, perhaps edited.
            noise: Noise maps by layer name, `(N or 1, 1, H, W)`; None takes the model's fixed noise.
            dtype: Type of the activations, None for that of the weights; styles, normalisation and image keep theirs.
            tap: Function that sees the activation of every convolution; None for none.

        Returns:
            `float32 (N, image_channels, resolution, resolution)`, about [-1, 1], not clipped.
        """
        image: Tensor | None = None
        count = next(iter(styles.values())).shape[0]
        # A copy, since the layers write to what they are given.
        x = self.get_parameter("b4.const").expand(count, -1, -1, -1).clone(memory_format=torch.channels_last)
        x = x.to(dtype) if dtype else x
        for name in self.layers:
            layer = self.get_submodule(name)
            if isinstance(layer, ToImage):
                part = layer(x, styles[name])
                image = part if image is None else ops.upsample(image) + part
                continue
            fixed = self._fixed_noise(name) if noise is None else noise[name]
            x = layer(x, styles[name], fixed)
            if tap:
                tap(name, x)
        assert image is not None
        return image
