"""A contextual GAN's generator with the decoder of StyleGAN2: what makes coherent lesions of 256 x 256 pixels.

The contextual U-Net of Wu et al. 2020 decides most of a lesion at the scale of its skip connections, and trained for
hours on a processor its masses of 256 pixels stayed in pieces. Here every layer of the decoder is modulated by a latent
and by the tissue together, as Zhao et al. 2021 ("Large scale image completion via co-modulated GANs") do for missing
regions, so that one random vector decides the lesion as a whole. What remains of the contextual GAN is the contract
(tissue and random scalars in [-1, 1] go in, a lesion channel comes out, is added to the tissue and clipped), the
bottleneck of four numbers, self-attention, the border, and growing from smaller patches.

Departures from Zhao et al.:
* The encoder sees the tissue at every size ("input skips", Karras et al. 2020), and the lesion is the sum of what all
  sizes add, so that a size can be added while training goes on.
* Latents are uniform in [-1, 1), as the paper's scalars are, and few: a lesion has fewer ways to vary than a
  photograph.
* The lesion is clipped with gradients that lead back inside (`ops.clipped`): at the bound of a hyperbolic tangent,
  which a run reached that made bright rings, hardly any gradient is left to come down by.
* A learned 4 x 4 constant is added to the encoder's last map: where the middle is, tissue does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthmammo.models.nets import ops
from synthmammo.models.nets.lesion import Attention, Inserted, LesionGenerator, bordered, check_shape, disc
from synthmammo.models.nets.numbers import require_positive
from synthmammo.models.nets.stylegan2.mapping import Mapping
from synthmammo.models.nets.stylegan2.synthesis import StyledConv, ToImage

_TISSUE_NUMBERS = 4
"""The bottleneck of the contextual GAN: 1 x 1 x 4."""

_FIRST_LESION = 0.1
"""Factor on the first weights of the layers that make the lesion."""

_STEEPNESS = 10.0
"""Steepness of the soft threshold: its corner is about 1 / 10 wide."""


@dataclass(frozen=True)
class ComodulatedConfig:
    """The shape of a co-modulated generator.

    Attributes:
        size: Side of the patches, a power of 2 from 32.
        channel_base: Channels of the maps of side r are `channel_base / r` ...
        channel_max: ... but at most this many.
        z_dim: Length of the latent.
        w_dim: Length of the intermediate latent.
        mapping_layers: Fully connected layers between them.
        attention_size: Side of the decoder's maps that get self-attention; 0 for none.
        noise_sizes: Sides of the decoder's maps that also get a plane of random numbers, one per pixel.
        threshold: What the sum of all sizes' parts must exceed to be seen; the lesion is then bright, and sparse as
            calcifications are. 0 for none: the lesion may be brighter or darker than its tissue.
        first_noise: Strength of the planes of random numbers when training begins.
        border_px: Width of the border without lesion at full size.
        discriminator_images: Number of images the discriminator sees: 2 for the combined image beside the untouched
            one, 1 for the combined image alone.
    """

    size: int = 256
    channel_base: int = 4096
    channel_max: int = 128
    z_dim: int = 64
    w_dim: int = 128
    mapping_layers: int = 3
    attention_size: int = 32
    noise_sizes: tuple[int, ...] = (8, 16, 32, 64)
    threshold: float = 0.0
    first_noise: float = 0.0
    border_px: int = 10
    discriminator_images: int = 2

    def __post_init__(self) -> None:
        # Read from JSON it is a list.
        object.__setattr__(self, "noise_sizes", tuple(self.noise_sizes))
        if self.size < 32 or self.size & (self.size - 1):
            raise ValueError(f"size: expected a power of 2 from 32, got {self.size}")
        if self.threshold < 0:
            raise ValueError(f"threshold: expected at least 0, got {self.threshold}")
        require_positive(self, "channel_max", "z_dim", "w_dim", "mapping_layers")
        if self.channel_base < self.size:
            raise ValueError(f"channel_base: expected at least the size, {self.size}, got {self.channel_base}")
        check_shape(self)
        if unknown := set(self.noise_sizes) - set(self.sides):
            raise ValueError(f"noise_sizes: no map has a side of {min(unknown)}, they have {list(self.sides)}")

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the maps: 4, 8, ... up to the patch's."""
        return tuple(2**power for power in range(2, self.size.bit_length()))

    @property
    def scalars(self) -> int:
        """Random numbers the generator takes: the latent, then the planes of noise."""
        return self.z_dim + sum(side * side for side in self.noise_sizes)

    @property
    def smallest_size(self) -> int:
        """Side of the smallest patches that the generator takes."""
        return 32

    def channels(self, side: int) -> int:
        """Channels of the maps of a side."""
        return min(self.channel_base // side, self.channel_max)


class _Encoded(nn.Module):
    """One size of the encoder: the tissue at this size, and the maps of twice the size where there are any."""

    def __init__(self, config: ComodulatedConfig, side: int) -> None:
        super().__init__()
        self.from_image = ops.Conv(1, config.channels(side), 1)
        self.down = (
            ops.Conv(config.channels(2 * side), config.channels(side), 3, down=True) if side < config.size else None
        )

    def forward(self, tissue: Tensor, finer: Tensor | None, share: float) -> Tensor:
        """`(N, 1, r, r)`, `(N, C, 2r, 2r)` or None, and the share of the latter -> `(N, D, r, r)`."""
        x: Tensor = self.from_image(tissue)
        return x if finer is None or self.down is None else x + share * self.down(finer)


class _Decoded(nn.Module):
    """One size of the decoder: doubling, the encoder's map, a plane of noise, self-attention, a part of the lesion."""

    def __init__(self, config: ComodulatedConfig, side: int) -> None:
        super().__init__()
        style, width = config.w_dim + _TISSUE_NUMBERS, config.channels(side)
        # The noise that these layers would keep is not used: theirs, if any, comes with the scalars.
        if side > 4:
            self.conv0 = StyledConv(config.channels(side // 2), width, style, 1, up=True)
        self.conv1 = StyledConv(width, width, style, 1, up=False)
        self.attention = Attention(width) if side == config.attention_size else nn.Identity()
        self.to_lesion = ToImage(width, 1, style)
        with torch.no_grad():
            # A lesion is a small part of what an image is: one that begins at the bounds is long in leaving them.
            self.to_lesion.weight.mul_(_FIRST_LESION)
            self.conv1.noise_strength.fill_(config.first_noise)

    def forward(self, x: Tensor, tissue: Tensor, style: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """`(N, C, r / 2, r / 2)`, the encoder's `(N, D, r, r)`, styles `(N, W)` -> maps `(N, D, r, r)`, a lesion."""
        if tissue.shape[-1] > 4:
            x = self.conv0(x, self.conv0.affine(style), torch.zeros_like(noise[:, :, :1, :1]))
        x = self.attention(self.conv1(x + tissue, self.conv1.affine(style), noise))
        return x, self.to_lesion(x, self.to_lesion.affine(style))


class ComodulatedGenerator(LesionGenerator):
    """From tissue, and random scalars, to a lesion.

    Args:
        config: Shape of the model.
    """

    config: ComodulatedConfig

    def __init__(self, config: ComodulatedConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config.z_dim, 0, config.w_dim, config.mapping_layers)
        self.encoder = nn.ModuleDict({str(side): _Encoded(config, side) for side in config.sides})
        self.bottleneck = ops.Linear(config.channels(4) * 16, _TISSUE_NUMBERS)
        self.const = nn.Parameter(torch.randn(config.channels(4), 4, 4))
        self.decoder = nn.ModuleDict({str(side): _Decoded(config, side) for side in config.sides})

    def forward(self, context: Tensor, scalars: Tensor, alpha: float = 1.0) -> Inserted:
        """Put a lesion onto (or, trained so, take one off) each patch.

        Args:
            context: Patches in [-1, 1], `(N, 1, S, S)`, S the full size, or while growing a smaller power of 2.
            scalars: Random numbers in [-1, 1], `(N, scalars)`; other scalars make other lesions on the same tissue.
            alpha: Share of the maps of side S while they are faded in.

        Returns:
            Lesion and combined image.

        Raises:
            ValueError: Another shape, or alpha outside [0, 1].
        """
        config, side = self.config, context.shape[-1]
        if context.shape[1:] != (1, side, side) or side not in config.sides or side < config.smallest_size:
            sides = [known for known in config.sides if known >= config.smallest_size]
            raise ValueError(f"context: expected (N, 1, S, S) with S of {sides}, got {tuple(context.shape)}")
        self.check_scalars(context, scalars)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha: expected 0 to 1, got {alpha}")
        maps = self._encode(context, alpha)
        style = torch.cat([self.mapping(scalars[:, : config.z_dim]), self.bottleneck(maps[4].flatten(1))], 1)
        x, lesion = self.const.expand(len(context), -1, -1, -1), None
        noise = dict.fromkeys(config.sides, scalars.new_zeros(1, 1, 1, 1)) | self.planes(scalars)
        for size, tissue in maps.items():
            x, part = self.decoder[str(size)](x, tissue, style, noise[size])
            part = alpha * part if size == side else part
            lesion = part if lesion is None else ops.upsample(lesion) + part
        assert lesion is not None
        if config.threshold:
            lesion = F.softplus(lesion - config.threshold, _STEEPNESS)
        lesion = bordered(ops.clipped(lesion) * disc(lesion), config.border_px * side // config.size)
        return Inserted(lesion, ops.clipped(context + lesion))

    def _encode(self, context: Tensor, alpha: float) -> dict[int, Tensor]:
        """Maps of every size up to the context's, the smallest first."""
        side, maps = context.shape[-1], dict[int, Tensor]()
        finer: Tensor | None = None
        for size in reversed([size for size in self.config.sides if size <= side]):
            tissue = F.avg_pool2d(context, side // size) if size < side else context
            finer = self.encoder[str(size)](tissue, finer, alpha if 2 * size == side else 1.0)
            maps[size] = finer
        return dict(reversed(maps.items()))
