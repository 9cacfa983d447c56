"""The shape of a StyleGAN2 as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

from synthmammo.models.nets.numbers import require_positive


@dataclass(frozen=True)
class StyleGAN2Config:
    """The shape of a StyleGAN2.

    Attributes:
        resolution: Side of the square images, a power of 2 from 8 to 1024.
        image_channels: Channels of the images; 1 for a mammogram.
        z_dim: Length of the normal latent.
        w_dim: Length of the intermediate latent.
        mapping_layers: Number of fully connected layers from z to w.
        classes: Number of classes the model is conditioned on; 0 for none.
        channel_base: Channels at resolution r are `channel_base / r` ...
        channel_max: ... but at most this many.
        deviation_group: Samples over which the discriminator takes the standard deviation.
    """

    resolution: int = 512
    image_channels: int = 1
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    classes: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    deviation_group: int = 4

    def __post_init__(self) -> None:
        if self.resolution not in (8, 16, 32, 64, 128, 256, 512, 1024):
            raise ValueError(f"resolution: expected a power of 2 from 8 to 1024, got {self.resolution}")
        require_positive(self, "image_channels", "z_dim", "w_dim", "mapping_layers", "channel_max", "deviation_group")
        if self.classes < 0 or self.channel_base < self.resolution:
            raise ValueError(f"classes {self.classes} or channel_base {self.channel_base} is too small")

    @property
    def resolutions(self) -> tuple[int, ...]:
        """4, 8, ... up to the image's."""
        return tuple(2**power for power in range(2, self.resolution.bit_length()))

    @property
    def latents(self) -> int:
        """Number of w the synthesis takes: one per convolution, and the last image layer's own."""
        return 2 * len(self.resolutions)

    def channels(self, resolution: int) -> int:
        """Channels of the activations at a resolution."""
        return min(self.channel_base // resolution, self.channel_max)
