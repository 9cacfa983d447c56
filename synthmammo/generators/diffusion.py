"""Mammograms, lesions and tissue from diffusion pipelines; what was painted becomes grey levels and signed channels."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError
from synthmammo.generators.base import Context, LesionChannel
from synthmammo.mammogram.anatomy import breast_mask
from synthmammo.mammogram.planned import PlannedLesion, Row
from synthmammo.mammogram.sample import Image, Mask, Plane, Sample, SpacingOrigin
from synthmammo.mammogram.terms import TERMS
from synthmammo.models.pipelines import locate_pipeline, open_pipeline, pipeline_digest
from synthmammo.recipe.diffusion import DiffusionBackground, DiffusionLesion, DiffusionRemoval, Painting

UNKNOWN = "unknown"
_AROUND = 1.3
"""Diameter of what is painted over that of the lesion: the edge of the lesion fades inside of what was painted."""
_ROOM = 0.9
"""Share of the pipeline's square that may be painted: it needs tissue around to go on from."""
_NARROW = 0.7
"""Least ratio of the short diameter of a painted lesion to the long one."""
_WORDS = {"CC": "craniocaudal", "MLO": "mediolateral oblique", "L": "left", "R": "right"}


class Pipeline:
    """A pipeline with what a recipe says of it.

    Args:
        stated: The recipe's section.
        path: Folder of the pipeline where it is known; by default it is looked for.
        weights: Digest of the pipeline where it is known; by default it is computed.
        device: Device that it runs on; "cpu" by default.

    Raises:
        CheckpointError: There is no such pipeline, or it cannot be opened.
        GeneratorError: diffusers is not installed, or the pipeline takes no prompt and one is stated, or the reverse.
    """

    def __init__(self, stated: Painting, path: Path | None, weights: str | None, device: str = "cpu") -> None:
        self.stated, self._path = stated, path or locate_pipeline(stated.model)
        self._weights = weights
        self.called = open_pipeline(str(self._path), stated.scheduler, device)
        self._parameters = inspect.signature(self.called.__call__).parameters
        if self.takes("prompt") != bool(stated.prompt):
            asked = "asks for a prompt" if self.takes("prompt") else "takes no prompt"
            hint = "State prompt." if self.takes("prompt") else "Leave prompt out."
            raise GeneratorError(f"{self.kind} {asked}", where=stated.model, hint=hint)

    @property
    def kind(self) -> str:
        """Class of the pipeline."""
        return type(self.called).__name__

    def takes(self, name: str) -> bool:
        """Whether it can be called with an argument."""
        return name in self._parameters

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What a provenance says of it beside the generator's name."""
        stated = self.stated
        guided = {"prompt": stated.prompt, "guidance": stated.guidance} if self.takes("prompt") else {}
        avoided = {"negative_prompt": stated.negative_prompt} if stated.negative_prompt else {}
        return {
            "model": stated.model,
            "weights": self._weights or pipeline_digest(self._path),
            "pipeline": self.kind,
            "scheduler": type(self.called.scheduler).__name__,
            "steps": stated.steps,
            **guided,
            **avoided,
        }

    def paint(self, seed: int, prompt: str, **more: Any) -> NDArray[np.float64]:
        """One image, `float64 (H, W)` in [0, 1]: the mean of its channels.

        Args:
            seed: Random seed of all its noise.
            prompt: Text that it is asked for; not used where it takes none.
            more: Further arguments of the pipeline.
        """
        import torch

        stated = self.stated
        wanted = {
            "prompt": prompt,
            "negative_prompt": stated.negative_prompt or None,
            "guidance_scale": stated.guidance,
            "num_inference_steps": stated.steps,
            "output_type": "np",
            # Drawn on the processor, so that the first noise is the same on every device.
            "generator": torch.Generator("cpu").manual_seed(seed),
            **more,
        }
        taken = {name: value for name, value in wanted.items() if self.takes(name)}
        with torch.inference_mode():
            made = self.called(**taken).images[0]
        planes: NDArray[np.float64] = np.asarray(made, np.float64)
        return planes.mean(2) if planes.ndim == 3 else planes


class Diffusion:
    """Backgrounds from a pipeline, unconditional or asked for by a text; see the protocol `Host`.

    Args:
        stated: The recipe's section.
        bits_stored: Bit depth to which the pipeline's output is quantised, once; 12 by default.
        path: Folder of the pipeline where it is known; by default it is looked for.
        weights: Digest of the pipeline where it is known; by default it is computed.
        device: Device that it runs on; "cpu" by default.

    Raises:
        CheckpointError: There is no such pipeline, or it cannot be opened.
        GeneratorError: It needs an image to begin with, or the prompt does not suit it.
    """

    batch_size = 1

    def __init__(
        self,
        stated: DiffusionBackground,
        bits_stored: int = 12,
        path: Path | None = None,
        weights: str | None = None,
        device: str = "cpu",
    ) -> None:
        self.stated, self.bits_stored = stated, bits_stored
        self.pipeline = Pipeline(stated, path, weights, device)
        if self.pipeline.takes("image"):
            hint = "Take a pipeline that makes whole images, from noise or from a text."
            raise GeneratorError(f"{self.pipeline.kind} needs an image to begin with", where=stated.model, hint=hint)

    def latents(self, rows: Sequence[Row]) -> list[Row]:
        """The rows themselves: the noise that an image begins with follows from its seed."""
        return list(rows)

    def render(self, latents: Sequence[Row]) -> list[Sample]:
        """One sample per row; the breast is found on the image, and a spacing is assumed where one is stated."""
        return [self._sample(row) for row in latents]

    def _sample(self, row: Row) -> Sample:
        prompt = prompt_of(self.stated.prompt, row)
        image = _levels(self.pipeline.paint(row.host_seed, prompt), self.bits_stored)
        spacing_mm = self.stated.spacing_mm
        prompted = {"prompt": prompt} if prompt else {}
        return Sample(
            key=row.key,
            image=image,
            bits_stored=self.bits_stored,
            breast=breast_mask(image, self.bits_stored),
            lesions=np.zeros(image.shape, np.uint8),
            spacing_mm=None if spacing_mm is None else (spacing_mm, spacing_mm),
            spacing_origin=SpacingOrigin.UNKNOWN if spacing_mm is None else SpacingOrigin.ASSUMED,
            view=row.view,
            laterality=row.laterality,
            label=row.label,
            split=row.split,
            patient=row.patient,
            provenance={"generator": "diffusion", "seed": row.host_seed, **self.pipeline.facts, **prompted},
        )


class Inpainting:
    """Lesions that a pipeline paints into tissue, or tissue that it paints over lesions; see the protocol `Lesion`.

    What is painted has the diameter that the plan drew. Inside of it an ellipse by the seed is the lesion's extent: its
    long diameter is the planned one. Contrast and form are the pipeline's, so that BI-RADS terms are unknown.

    Args:
        stated: The recipe's entry, or its removal.
        path: Folder of the pipeline where it is known; by default it is looked for.
        weights: Digest of the pipeline where it is known; by default it is computed.
        device: Device that it runs on; "cpu" by default.

    Raises:
        CheckpointError: There is no such pipeline, or it cannot be opened.
        GeneratorError: It does not inpaint, or the side of its images is not known.
    """

    def __init__(
        self,
        stated: DiffusionLesion | DiffusionRemoval,
        path: Path | None = None,
        weights: str | None = None,
        device: str = "cpu",
    ) -> None:
        self.stated, self.spacing_mm = stated, stated.spacing_mm
        self.pipeline = Pipeline(stated, path, weights, device)
        if not self.pipeline.takes("mask_image"):
            hint = "Take an inpainting pipeline, e.g. a StableDiffusionInpaintPipeline."
            raise GeneratorError(f"{self.pipeline.kind} does not inpaint", where=stated.model, hint=hint)
        called = self.pipeline.called
        self._side = int(called.unet.config.sample_size * called.vae_scale_factor)
        self._channels = int(called.vae.config.in_channels)
        self._planned = getattr(stated, "extent", "planned") == "planned"

    @property
    def facts(self) -> dict[str, Any]:
        """What a provenance says of it beside its name."""
        return {**self.pipeline.facts, "strength": self.stated.strength}

    def field_mm(self, lesion: PlannedLesion) -> float:
        """Side of the square context, in millimetres: the pipeline's image, whatever the lesion.

        Raises:
            GeneratorError: The lesion is too large for it.
        """
        field_mm = self._side * self.stated.spacing_mm
        if lesion.diameter_mm * _AROUND > _ROOM * field_mm:
            message = f"a {lesion.kind} of {lesion.diameter_mm:.1f} mm leaves no tissue around in {field_mm:.1f} mm"
            hint = f"The pipeline paints {self._side} pixels: state a larger spacing_mm, or smaller lesions."
            raise GeneratorError(message, where=self.stated.model, hint=hint)
        return field_mm

    def __call__(self, context: Context, lesion: PlannedLesion, seed: int) -> LesionChannel:
        """What the pipeline changed of the tissue, as a signed channel.

        Args:
            context: Tissue, a square of `field_mm` per side.
            lesion: Planned lesion, of which kind, site and diameter are followed.
            seed: Random seed for drawing the ellipse and the pipeline's noise.

        Returns:
            `float32 (N, N)` channel, 0 outside of what was painted and outside the breast; the ellipse as mask, or None
            where the recipe leaves it to the post-processing.

        Raises:
            GeneratorError: The lesion or the context does not have a size that the pipeline takes.
        """
        self.field_mm(lesion)
        if context.pixels.shape != (self._side, self._side):
            message = f"a context of {context.pixels.shape} pixels was given, the pipeline takes {self._side} per side"
            raise GeneratorError(message, where=self.stated.model)
        diameter_px = lesion.diameter_mm / context.spacing_mm
        extent = ellipse(self._side, diameter_px, seed) & context.breast
        painted = ellipse(self._side, diameter_px * _AROUND + 2, seed) & context.breast
        tissue = np.clip(context.pixels, -1, 1).astype(np.float32)
        channel = np.where(painted, self._painted(tissue, painted, seed) - context.pixels, 0).astype(np.float32)
        terms = dict.fromkeys(TERMS[lesion.kind], UNKNOWN)
        return LesionChannel(channel, extent if self._planned else None, terms)

    def _painted(self, tissue: Plane, mask: Mask, seed: int) -> NDArray[np.float64]:
        """Tissue with something painted on a mask, `float64 (N, N)` in [-1, 1]."""
        import torch

        planes = torch.from_numpy((tissue + 1) / 2)[None, None].expand(1, self._channels, -1, -1)
        area = torch.from_numpy(mask.astype(np.float32))[None, None]
        size = {"height": self._side, "width": self._side, "strength": self.stated.strength}
        made = self.pipeline.paint(seed, self.stated.prompt, image=planes, mask_image=area, **size)
        return made * 2 - 1


def ellipse(side: int, diameter_px: float, seed: int) -> Mask:
    """An ellipse in the middle of a square, its form and direction by a seed.

    Args:
        side: Side of the square in pixels.
        diameter_px: Long diameter in pixels.
        seed: Random seed for drawing the ratio of the diameters and the direction.

    Returns:
        `bool (side, side)`.
    """
    draws = np.random.default_rng(seed)
    ratio, angle = draws.uniform(_NARROW, 1), draws.uniform(0, np.pi)
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    along = rows * np.sin(angle) + columns * np.cos(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    return np.asarray(np.hypot(along, across / ratio) <= diameter_px / 2, np.bool_)


def prompt_of(text: str, row: Row) -> str:
    """A prompt with what the plan drew for a row in place of {label}, {view}, {laterality} and {density}."""
    drawn = {"label": row.label, "view": row.view, "laterality": row.laterality, "density": row.density}
    return text.format_map({name: _WORDS.get(str(value), str(value or "")) for name, value in drawn.items()})


def _levels(painted: NDArray[np.float64], bits_stored: int) -> Image:
    """Intensities in [0, 1] as grey levels of the full range."""
    return np.asarray(np.rint(np.clip(painted, 0, 1) * (2**bits_stored - 1)), np.uint16)
