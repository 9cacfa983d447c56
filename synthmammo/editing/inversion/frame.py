"""How a model's images lie, and real images laid the same way."""

from __future__ import annotations

from dataclasses import dataclass

from synthmammo.editing.samples import one_grey_channel
from synthmammo.generators.stylegan2 import quantised
from synthmammo.mammogram.anatomy import Side, breast_mask, chest_wall_side
from synthmammo.mammogram.geometry import blank, crop, resize, square
from synthmammo.mammogram.intensity import Intensity
from synthmammo.mammogram.sample import Box, Plane, Sample
from synthmammo.models.file import Scale
from synthmammo.models.latents import Model


@dataclass(frozen=True)
class ModelFrame:
    """How a model's images lie.

    Attributes:
        resolution: Side of the images in pixels.
        side: Side of the chest wall; None for a model of patches.
        scale: Intensity mapping of the model.
    """

    resolution: int
    side: Side | None
    scale: Scale

    @classmethod
    def of(cls, model: Model) -> ModelFrame:
        """The frame of a model; the side of its chest walls is seen on its average image."""
        import torch

        one_grey_channel(model)
        description, network = model.checkpoint.description, model.network
        side: Side | None = None
        if description.makes == "mammograms":
            with torch.inference_mode():
                average = network.synthesis(network.mapping.w_avg[None])[0, 0].cpu().numpy()
            image = quantised(average, 8)
            side = chest_wall_side(image, breast_mask(image, 8))
        return cls(network.config.resolution, side, description.scale)

    def fitted(self, sample: Sample) -> Sample:
        """A sample in the frame: air and labels blank, chest wall on its side, square, of the model's size."""
        size = self.resolution
        if self.side is not None:
            return square(blank(sample), size, self.side)
        height, width = sample.shape
        edge = min(height, width)
        top, left = (height - edge) // 2, (width - edge) // 2
        return resize(crop(sample, Box(top, left, top + edge, left + edge)), (size, size))

    def units(self, sample: Sample) -> Plane:
        """Pixels of a fitted sample as the network sees them, `float32 (H, W)` in [-1, 1]."""
        full = Intensity(0.0, float(2**sample.bits_stored - 1))
        mapping = full if self.scale is Scale.FULL_RANGE else Intensity.of(sample.image, sample.breast)
        return mapping.units(sample.image)
