"""Whole mammograms from a trained StyleGAN2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Image, Sample, SpacingOrigin
from synthmammo.models import devices
from synthmammo.models.inverted import read_inverted
from synthmammo.models.latents import Latents, open_model, restored

if TYPE_CHECKING:
    from torch import Tensor


class StyleGAN2:
    """Backgrounds from a StyleGAN2; see the protocol `Host`.

    Args:
        model: Name of the model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        bits_stored: Bit depth to which the network's output is quantised, once; 12 by default.
        device: Device of the network; "cpu" by default.
        inverted: File of inverted real images, which rows name by `host_key`; by default rows have seeds.
        noise: "fixed", the default, for the model's one set of noise maps in every image, as the published tools
            sample; "own" for maps drawn from the row's `host_seed`, so that images do not share their fine texture.
        path: File of the model where it is known; by default it is looked for.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        DatasetError: The file of inverted images cannot be read, or belongs to another model.
        GeneratorError: The model makes colour images.
    """

    batch_size = 4
    precision = devices.FULL
    """Type of the activations; the images are quantised from full precision in any case."""

    def __init__(
        self,
        model: str,
        bits_stored: int = 12,
        device: str = "cpu",
        inverted: str | Path | None = None,
        noise: Literal["fixed", "own"] = "fixed",
        path: Path | None = None,
    ) -> None:
        self.name, self.bits_stored, self._noise = model, bits_stored, noise
        self.model = open_model(str(path or model), device)
        channels = self.model.network.config.image_channels
        if channels != 1:
            raise GeneratorError(f"makes images of {channels} channels, a mammogram has one", where=model)
        self._inverted = read_inverted(inverted, self.model.checkpoint.digest) if inverted else None

    def latents(self, rows: Sequence[Row]) -> Latents:
        """Latents of the rows: drawn from each row's `host_seed`, of its class, truncated by its `truncation`.

        The class is the row's view where the model is conditional on views, else the row's label.

        Rows that name inverted images take latents and noise from the file.

        Raises:
            GeneratorError: The model is conditional and does not know a row's class.
            DatasetError: The file has no image of a row's key.
        """
        if self._inverted:
            return restored([self._inverted[row.host_key or ""] for row in rows], tuple(rows), self.model.device)
        class_of = self.model.checkpoint.description.class_of
        classes = [class_of(row.label, row.view) for row in rows]
        w = self.model.w([r.host_seed for r in rows], classes, [r.truncation for r in rows])
        return Latents(tuple(rows), w, noise=self._own_noise(rows) if self._noise == "own" else None)

    def _own_noise(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        import torch

        synthesis, device = self.model.network.synthesis, self.model.device
        drawn = [synthesis.draw_noise(1, torch.Generator(device).manual_seed(row.host_seed)) for row in rows]
        return {layer: torch.cat([planes[layer] for planes in drawn]) for layer in drawn[0]}

    def render(self, latents: Latents) -> list[Sample]:
        """One sample per row.

        The breast is found on the image (`anatomy.breast_mask`); it fills a patch. The spacing is that of the model,
        or that of the inverted image.
        """
        return self.finished(latents.rows, self.planes(latents))

    def planes(self, latents: Latents) -> NDArray[np.float32]:
        """Pixels of the images, `float32 (N, H, W)`, about [-1, 1]: what the device does."""
        import torch

        dtype = None if self.precision == devices.FULL else getattr(torch, self.precision)
        with torch.inference_mode():
            synthesis = self.model.network.synthesis
            images = synthesis.render(latents.styles or synthesis.styles(latents.w), latents.noise, dtype=dtype)
            return devices.down(images[:, 0])

    def finished(self, rows: Sequence[Row], planes: NDArray[np.float32]) -> list[Sample]:
        """One sample per row, of its pixels: what the processor does."""
        return [self._sample(row, plane) for row, plane in zip(rows, planes, strict=True)]

    def _sample(self, row: Row, pixels: NDArray[np.float32]) -> Sample:
        image = quantised(pixels, self.bits_stored)
        patch = self.model.checkpoint.description.makes == "patches"
        spacing_mm, origin = self._spacing(row)
        return Sample(
            key=row.key,
            image=image,
            bits_stored=self.bits_stored,
            breast=np.ones(image.shape, np.bool_) if patch else breast_mask(image, self.bits_stored),
            lesions=np.zeros(image.shape, np.uint8),
            spacing_mm=spacing_mm,
            spacing_origin=origin,
            view=row.view,
            laterality=row.laterality,
            label=row.label,
            split=row.split,
            patient=row.patient,
            provenance={
                "generator": "stylegan2",
                "model": self.name,
                "weights": self.model.checkpoint.digest,
                **self._origin(row),
            },
        )

    def _spacing(self, row: Row) -> tuple[tuple[float, float] | None, SpacingOrigin]:
        if self._inverted:
            facts = self._inverted[row.host_key or ""].facts
            return facts.spacing_mm, SpacingOrigin(facts.spacing_origin)
        spacing = self.model.checkpoint.description.spacing_mm
        return (None, SpacingOrigin.UNKNOWN) if spacing is None else ((spacing, spacing), SpacingOrigin.KNOWN)

    def _origin(self, row: Row) -> dict[str, Any]:
        if self._inverted is None:
            return {"seed": row.host_seed, "truncation": row.truncation, "noise": self._noise}
        facts = self._inverted[row.host_key or ""].facts
        pattern = {} if facts.origin is None else {"inverted_from": facts.origin}
        return {"inverted": row.host_key, "inversion": facts.reached, **pattern}


def quantised(pixels: NDArray[np.float32], bits_stored: int) -> Image:
    """Network output, clipped to [-1, 1], as grey levels of the full range.

    Args:
        pixels: `float32 (H, W)`.
        bits_stored: Bit depth; -1 becomes grey level 0, and 1 becomes `2 ** bits_stored - 1`.
    """
    top = 2**bits_stored - 1
    levels = np.rint((np.clip(pixels, -1, 1).astype(np.float64) + 1) * (top / 2))
    return np.asarray(levels, np.uint16)
