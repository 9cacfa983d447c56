"""The generator: mapping and synthesis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthmammo.models.nets.stylegan2.config import StyleGAN2Config
from synthmammo.models.nets.stylegan2.mapping import Mapping
from synthmammo.models.nets.stylegan2.synthesis import Synthesis


class Generator(nn.Module):
    """Mapping and synthesis.

    Args:
        config: Shape of the model.
    """

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config.z_dim, config.classes, config.w_dim, config.mapping_layers)
        self.synthesis = Synthesis(config)

    def forward(self, z: Tensor, label: Tensor | None = None, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Images from latents, with the model's fixed noise.

        Args:
            z: Normal latents, `(N, z_dim)`.
            label: Classes, one-hot, `(N, classes)`; None for an unconditional model.
            psi: Truncation; the default 1 leaves the latents as they are.
            cutoff: Number of the first w that are truncated; None for all.

        Returns:
            `float32 (N, image_channels, resolution, resolution)`, about [-1, 1], not clipped.
        """
        images: Tensor = self.synthesis(self.latents(z, label, psi=psi, cutoff=cutoff))
        return images

    def latents(self, z: Tensor, label: Tensor | None = None, *, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """`(N, latents, w_dim)`: w of every layer, the first `cutoff` truncated; arguments as `forward`."""
        w: Tensor = self.mapping(z, label)
        count = self.config.latents
        cutoff = count if cutoff is None else cutoff
        near, far = self.mapping.truncated(w, psi)[:, None], w[:, None]
        return torch.cat([near.expand(-1, cutoff, -1), far.expand(-1, count - cutoff, -1)], 1)
