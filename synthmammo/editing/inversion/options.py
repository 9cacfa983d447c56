"""How images are inverted: the numbers of the search, kept in the file of latents that it makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InversionOptions:
    """How an image is inverted.

    Attributes:
        w_steps: Number of steps with one w for all layers.
        plus_steps: Number of steps with a w of its own for every layer after these; 0 stays in W.
        w_rate: Learning rate of the first phase.
        plus_rate: Learning rate of the second phase.
        fit_noise: Whether the noise maps are fitted; False keeps those of the model.
        perceptual_weight: Weight of the perceptual distance.
        pixel_weight: Weight of the mean squared difference of pixels in [-1, 1].
        noise_weight: Weight of what structure is left in the noise maps.
        starts: Number of samples, the model's average among them, of which the nearest is the start.
        seed: Random seed for drawing the starts and the first phase's disturbances.
    """

    w_steps: int = 200
    plus_steps: int = 300
    w_rate: float = 0.1
    plus_rate: float = 0.05
    fit_noise: bool = True
    perceptual_weight: float = 1.0
    pixel_weight: float = 10.0
    noise_weight: float = 1e3
    starts: int = 16
    seed: int = 0

    @property
    def steps(self) -> int:
        """Number of steps of both phases."""
        return self.w_steps + self.plus_steps
