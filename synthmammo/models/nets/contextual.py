"""The contextual GAN of Wu et al. 2020: lesions put onto, or taken off, tissue.

The shipped models have another generator, `nets.comodulated`.

Where the paper is silent or contradicts itself:
* 16 filters doubled per block give 512 at 4 x 4, the paper has 2048 there: the `paper` preset widens the last block.
* "Cropping" the border must keep the size, as the lesion is added to the input: the border is set to zero. At the
  128-pixel stage it is half as wide, the same millimetres.
* The discriminator, "identical to the encoding part", gets no random scalars, which could only blur its answer, and its
  1 x 1 x 4 embedding is the four-way output.
* The paper hands lesion, input and combined image on as three channels. A real patch has no lesion channel, so seeing
  it would give the answer away: the discriminator sees the combined image beside the untouched one, or alone.
* Growing "appends a layer": the 128-pixel stage enters after, and leaves before, the outermost blocks, by 1 x 1
  convolutions of its own, as the model of Karras et al. (2018) does.
Two departures, off by default, that it needs to get anywhere on a processor (`noise_sizes`, `centred`):
* A scalar is constant over a map, so it cannot say where the particles of a cluster lie: some maps of the decoder also
  get a plane of random numbers, one per pixel.
* The plan says where a lesion lies, and a context is cropped around that place: the decoder is told the distance from
  the middle, and the lesion fades to nothing on a disc. Its bound is a hyperbolic tangent there, as a clipped network
  that begins too bright never learns to be darker.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthmammo.models.nets.lesion import Attention, Inserted, LesionGenerator, bordered, check_shape, disc, distance
from synthmammo.models.nets.ops import SLOPE, SpectralConv, clipped


class Answer(IntEnum):
    """What the discriminator's four outputs stand for; real and fake are both of malignant lesions."""

    REAL = 0
    FAKE = 1
    BENIGN = 2
    NORMAL = 3


@dataclass(frozen=True)
class ContextualConfig:
    """The shape of a contextual GAN.

    Attributes:
        size: Side of the patches, 4 x 2^blocks.
        channels: Channels of the generator's encoder, one number per block from the image to 4 x 4.
        discriminator_channels: Channels of the discriminator, one number per block likewise.
        attention_size: Side of the maps that get self-attention.
        border_px: Width of the border without lesion at full size.
        discriminator_images: Number of images the discriminator sees: 2 for the combined image beside the untouched
            one, 1 for the combined image alone.
        noise_sizes: Sides of the decoder's maps that also get a plane of random numbers, one per pixel.
        centred: Whether lesions lie in the middle: see the module.
    """

    size: int = 256
    channels: tuple[int, ...] = (16, 32, 64, 128, 192, 256)
    discriminator_channels: tuple[int, ...] = (32, 64, 128, 192, 256, 256)
    attention_size: int = 32
    border_px: int = 10
    discriminator_images: int = 2
    noise_sizes: tuple[int, ...] = ()
    centred: bool = False

    def __post_init__(self) -> None:
        # Read from JSON they are lists.
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "discriminator_channels", tuple(self.discriminator_channels))
        object.__setattr__(self, "noise_sizes", tuple(self.noise_sizes))
        for name in ("channels", "discriminator_channels"):
            widths = getattr(self, name)
            if len(widths) < 2 or 4 * 2 ** len(widths) != self.size or min(widths) < 1:
                raise ValueError(
                    f"{name}: {len(widths)} blocks lead from 4 pixels to {4 * 2 ** len(widths)}, not {self.size}"
                )
        check_shape(self)

        sides = [4 << number for number in range(self.blocks)]
        if unknown := set(self.noise_sizes) - set(sides):
            raise ValueError(f"noise_sizes: no map of the decoder has a side of {min(unknown)}, they have {sides}")

    @property
    def blocks(self) -> int:
        """Blocks of the encoder."""
        return len(self.channels)

    @property
    def scalars(self) -> int:
        """Random numbers the generator takes: one per block of encoder and decoder, then the planes of noise."""
        return 2 * self.blocks + sum(side * side for side in self.noise_sizes)

    @property
    def small_size(self) -> int:
        """Side of the patches of the first stage of growing."""
        return self.size // 2

    @property
    def smallest_size(self) -> int:
        """Side of the smallest patches that the generator takes."""
        return self.small_size


_PAPER = (16, 32, 64, 128, 256, 2048)

PRESETS = {
    "paper": ContextualConfig(channels=_PAPER, discriminator_channels=tuple(8 * width for width in _PAPER)),
    "small": ContextualConfig(),
}
"""`paper`: 11.6 million weights in the generator, 328 million in the discriminator. `small`, which a processor can
train: 2.4 and 1.4 million; the discriminator has twice the generator's first filters, not eight times."""


def _attention_at(size: int, config: ContextualConfig, channels: int) -> nn.Module:
    return Attention(channels) if size == config.attention_size else nn.Identity()


def _with_scalar(scalar: Tensor, *maps: Tensor) -> Tensor:
    """Maps `(N, C, H, W)` beside a plane filled with each sample's scalar `(N,)`."""
    plane = scalar[:, None, None, None].expand(-1, 1, *maps[0].shape[2:])
    return torch.cat([*maps, plane.to(maps[0].dtype)], 1)


def _entry_stage(image: Tensor, config: ContextualConfig, alpha: float) -> bool:
    """Whether an image is of the first stage of growing."""
    if image.shape[2:] == (config.size, config.size):
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha: expected 0 to 1, got {alpha}")
        return False
    if image.shape[2:] == (config.small_size, config.small_size):
        return True
    sides = f"{config.size} or {config.small_size} pixels a side"
    raise ValueError(f"image: expected {sides}, got {tuple(image.shape)}")


class EncoderBlock(nn.Module):
    """Random scalar, 3 x 3 convolution with stride 2, leaky ReLU, attention where it belongs."""

    def __init__(self, config: ContextualConfig, index: int) -> None:
        super().__init__()
        inputs, outputs = config.channels[index - 1] if index else 1, config.channels[index]
        self.conv = SpectralConv(inputs + 1, outputs, 3, stride=2)
        self.attention = _attention_at(config.size >> (index + 1), config, outputs)

    def forward(self, x: Tensor, scalar: Tensor) -> Tensor:
        """`(N, C, H, W)`, `(N,)` -> `(N, D, H / 2, W / 2)`."""
        out: Tensor = self.attention(F.leaky_relu(self.conv(_with_scalar(scalar, x)), SLOPE))
        return out


class DecoderBlock(nn.Module):
    """Skip connection, random scalar, nearest-neighbour doubling, two 3 x 3 convolutions with ReLU, attention."""

    def __init__(self, config: ContextualConfig, index: int, inputs: int) -> None:
        super().__init__()
        self.outputs = config.channels[max(index - 1, 0)]
        planes = 1 + (config.size >> (index + 1) in config.noise_sizes) + config.centred
        self.conv0 = SpectralConv(inputs + config.channels[index] + planes, self.outputs, 3)
        self.conv1 = SpectralConv(self.outputs, self.outputs, 3)
        self.attention = _attention_at(config.size >> index, config, self.outputs)

    def forward(self, x: Tensor, skip: Tensor, scalar: Tensor) -> Tensor:
        """`(N, C, H, W)`, the encoder's map of that size, `(N,)` -> `(N, D, 2H, 2W)`."""
        x = F.interpolate(_with_scalar(scalar, x, skip), scale_factor=2.0, mode="nearest")
        out: Tensor = self.attention(F.relu(self.conv1(F.relu(self.conv0(x)))))
        return out


class ContextualGenerator(LesionGenerator):
    """U-Net from tissue, and random scalars, to a lesion.

    Args:
        config: Shape of the model.
    """

    config: ContextualConfig

    def __init__(self, config: ContextualConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = nn.ModuleList(EncoderBlock(config, index) for index in range(config.blocks))
        self.bottleneck = SpectralConv(config.channels[-1], 4, 4, padding=0)
        self.decoder, width = nn.ModuleList(), 4
        for index in reversed(range(config.blocks)):
            block = DecoderBlock(config, index, width)
            width = block.outputs
            self.decoder.append(block)
        self.to_lesion = SpectralConv(config.channels[0], 1, 1)
        self.from_small_image = SpectralConv(1, config.channels[0], 1)
        self.to_small_lesion = SpectralConv(config.channels[0], 1, 1)

    def forward(self, context: Tensor, scalars: Tensor, alpha: float = 1.0) -> Inserted:
        """Put a lesion onto (or, trained so, take one off) each patch.

        Args:
            context: Patches in [-1, 1], `(N, 1, S, S)`, S the full size, or half of it in the first stage of growing.
            scalars: Random numbers in [-1, 1], `(N, scalars)`; other scalars make other lesions on the same tissue.
            alpha: Share of the full-size blocks while they are faded in; without meaning in the first stage.

        Returns:
            Lesion and combined image.

        Raises:
            ValueError: Another shape, or alpha outside [0, 1].
        """
        self.check_scalars(context, scalars)
        small = _entry_stage(context, self.config, alpha)
        maps = self._encode(context, scalars, small, alpha)
        x = self.bottleneck(maps[-1]).expand(-1, -1, 4, 4)
        last = self.config.blocks - 1
        for number in range(last):
            x = self._decoded(number, x, maps[last - number], scalars)
        if small:
            raw = self.to_small_lesion(x)
        else:
            raw = self.to_lesion(self._decoded(last, x, maps[0], scalars))
            if alpha < 1:
                coarse = F.interpolate(self.to_small_lesion(x), scale_factor=2.0, mode="nearest")
                raw = alpha * raw + (1 - alpha) * coarse
        lesion = bordered(
            torch.tanh(raw) * disc(raw) if self.config.centred else raw.clamp(-1, 1),
            self.config.border_px * raw.shape[-1] // self.config.size,
        )
        return Inserted(lesion, clipped(context + lesion))

    def _encode(self, context: Tensor, scalars: Tensor, small: bool, alpha: float) -> list[Tensor]:
        """Maps of every block, from half the full size to 4 x 4."""
        x = context
        if not small:
            x = self.encoder[0](x, scalars[:, 0])
        if small or alpha < 1:
            entry = context if small else F.avg_pool2d(context, 2)
            coarse = F.leaky_relu(self.from_small_image(entry), SLOPE)
            x = coarse if small else alpha * x + (1 - alpha) * coarse
        maps = [x]
        for index in range(1, self.config.blocks):
            maps.append(self.encoder[index](maps[-1], scalars[:, index]))
        return maps

    def _decoded(self, number: int, x: Tensor, skip: Tensor, scalars: Tensor) -> Tensor:
        """What a block of the decoder makes of its maps, with its own random numbers."""
        config, side = self.config, x.shape[-1]
        if side in config.noise_sizes:
            skip = torch.cat([skip, self.planes(scalars)[side].to(skip.dtype)], 1)
        if config.centred:
            skip = torch.cat([skip, (1 - 2 * distance(skip)).to(skip.dtype).expand(len(skip), 1, -1, -1)], 1)
        out: Tensor = self.decoder[number](x, skip, scalars[:, config.blocks + number])
        return out


class ContextualDiscriminator(nn.Module):
    """Tells real lesions from made ones, from benign ones and from healthy tissue.

    Args:
        config: Shape of the model.
    """

    def __init__(self, config: ContextualConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.discriminator_images, *config.discriminator_channels)
        self.convs = nn.ModuleList(SpectralConv(widths[i], widths[i + 1], 3) for i in range(config.blocks))
        sides = [config.size >> (index + 1) for index in range(config.blocks)]
        self.attentions = nn.ModuleList(
            _attention_at(side, config, width) for side, width in zip(sides, widths[1:], strict=True)
        )
        self.from_small_image = SpectralConv(widths[0], widths[1], 1)
        self.answer = SpectralConv(widths[-1], len(Answer), 4, padding=0)

    def forward(self, images: Tensor, alpha: float = 1.0) -> Tensor:
        """Logits of the four answers.

        Args:
            images: Images in [-1, 1], combined, then untouched, `(N, discriminator_images, S, S)`; S as in the
                generator.
            alpha: Share of the full-size block while it is faded in.

        Returns:
            `(N, 4)` in the order of `Answer`.

        Raises:
            ValueError: Another shape, or alpha outside [0, 1].
        """
        if images.shape[1] != self.config.discriminator_images:
            raise ValueError(f"images: expected {self.config.discriminator_images} channels, got {images.shape[1]}")
        small = _entry_stage(images, self.config, alpha)
        x = images if small else self._block(0, images)
        if small or alpha < 1:
            entry = images if small else F.avg_pool2d(images, 2)
            coarse = F.leaky_relu(self.from_small_image(entry), SLOPE)
            x = coarse if small else alpha * x + (1 - alpha) * coarse
        for index in range(1, self.config.blocks):
            x = self._block(index, x)
        logits: Tensor = self.answer(x)
        return logits.flatten(1)

    def _block(self, index: int, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.leaky_relu(self.convs[index](x), SLOPE), 2)
        out: Tensor = self.attentions[index](x)
        return out
