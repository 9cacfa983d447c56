"""The mapping network: from a normal latent, and a class, to w."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthmammo.models.nets import ops

AVERAGE_DECAY = 0.995
"""Decay of the running mean of w, per update."""


class Mapping(nn.Module):
    """From a normal latent, and a class, to w.

    Args:
        z_dim: Length of the latent; 0 takes the class alone, as the discriminator does.
        classes: Number of classes; 0 for none.
        w_dim: Number of features out.
        layers: Number of fully connected layers.
    """

    w_avg: Tensor

    def __init__(self, z_dim: int, classes: int, w_dim: int, layers: int) -> None:
        super().__init__()
        self.z_dim, self.classes, self.layers = z_dim, classes, layers
        if classes:
            self.embed = ops.Linear(classes, w_dim)
        features = z_dim + (w_dim if classes else 0)
        for index in range(layers):
            self.add_module(f"fc{index}", ops.Linear(features if index == 0 else w_dim, w_dim, rate=0.01))
        if z_dim:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor | None, label: Tensor | None = None) -> Tensor:
        """The latents w.

        Args:
            z: Normal latents, `(N, z_dim)`; None where `z_dim` is 0.
            label: Classes, one-hot or a mixture, `(N, classes)`; None for an unconditional model.

        Returns:
            `(N, w_dim)`.

        Raises:
            ValueError: The label is missing, unwanted, or of another shape.
        """
        parts = [] if z is None else [ops.unit_second_moment(z)]
        if (label is None) != (self.classes == 0):
            raise ValueError(f"label: the model has {self.classes} classes, got {'none' if label is None else 'one'}")
        if label is not None:
            if label.shape[1:] != (self.classes,):
                raise ValueError(f"label: expected (N, {self.classes}), got {tuple(label.shape)}")
            parts.append(ops.unit_second_moment(self.embed(label)))
        x = torch.cat(parts, 1)
        for index in range(self.layers):
            x = ops.activate(self.get_submodule(f"fc{index}")(x), overwrite=True)
        return x

    @torch.no_grad()
    def track(self, w: Tensor) -> None:
        """Move the running mean of w towards the mean of a batch `(N, w_dim)`."""
        self.w_avg.lerp_(w.detach().mean(0).to(self.w_avg.dtype), 1 - AVERAGE_DECAY)

    def truncated(self, w: Tensor, psi: float) -> Tensor:
        """Latents moved towards the mean: w_avg + psi (w - w_avg)."""
        return w if psi == 1 else self.w_avg.lerp(w, psi)
