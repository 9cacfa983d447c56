"""Whole mammograms from a trained StyleGAN2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.anatomy import breast_mask
from synthmammo.checkpoints import Checkpoint, load, locate
from synthmammo.errors import GeneratorError, nearest
from synthmammo.row import Row
from synthmammo.sample import Image, Sample, SpacingOrigin

if TYPE_CHECKING:
    from torch import Tensor

    from synthmammo.nets.stylegan2 import Generator


@dataclass(frozen=True)
class Latents:
    """What an image is rendered from; edits change `w` or `styles`.

    Attributes:
        rows: What is to be made.
        w: `float32 (N, latents, w_dim)`, truncated.
        styles: By layer, `float32 (N, C)`; None for those that follow from w.
    """

    rows: tuple[Row, ...]
    w: Tensor
    styles: dict[str, Tensor] | None = None


class StyleGAN2:
    """Backgrounds from a StyleGAN2 with its fixed noise; see the protocol `Host`.

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        bits_stored: Bit depth to write: the network's output is quantised once, to this.
        device: Where the network runs.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: It makes colour images.
    """

    batch_size = 4

    def __init__(self, model: str, bits_stored: int = 12, device: str = "cpu") -> None:
        self.model, self.bits_stored, self.device = model, bits_stored, device
        self.checkpoint, self.network = open_stylegan2(model, device)
        channels = self.network.config.image_channels
        if channels != 1:
            raise GeneratorError(f"makes images of {channels} channels, a mammogram has one", where=model)

    def latents(self, rows: Sequence[Row]) -> Latents:
        """Latents of the rows: from each row's `host_seed`, truncated by its `truncation`, of its label's class.

        Raises:
            GeneratorError: The model is conditional and does not know a row's label.
        """
        import torch

        z = torch.from_numpy(np.concatenate([draw_z(row.host_seed, self.network.config.z_dim) for row in rows]))
        label = one_hot(self.checkpoint, [row.label for row in rows], self.device)
        with torch.inference_mode():
            w = self.network.mapping(z.to(self.device), label)
            mapping, count = self.network.mapping, self.network.config.latents
            truncated = [mapping.truncated(w[i : i + 1], row.truncation) for i, row in enumerate(rows)]
            return Latents(tuple(rows), torch.cat(truncated)[:, None].repeat(1, count, 1))

    def render(self, latents: Latents) -> list[Sample]:
        """One sample a row; the breast is found on the image (`anatomy.breast_mask`), the spacing is the model's."""
        import torch

        with torch.inference_mode():
            styles = latents.styles or self.network.synthesis.styles(latents.w)
            pixels = self.network.synthesis.render(styles)[:, 0].cpu().numpy()
        return [self._sample(row, plane) for row, plane in zip(latents.rows, pixels, strict=True)]

    def _sample(self, row: Row, pixels: NDArray[np.float32]) -> Sample:
        image = quantised(pixels, self.bits_stored)
        spacing = self.checkpoint.description.spacing_mm
        return Sample(
            key=row.key,
            image=image,
            bits_stored=self.bits_stored,
            breast=breast_mask(image, self.bits_stored),
            lesions=np.zeros(image.shape, np.uint8),
            spacing_mm=None if spacing is None else (spacing, spacing),
            spacing_origin=SpacingOrigin.UNKNOWN if spacing is None else SpacingOrigin.KNOWN,
            view=row.view,
            laterality=row.laterality,
            label=row.label,
            split=row.split,
            patient=row.patient,
            provenance={
                "generator": "stylegan2",
                "model": self.model,
                "weights": self.checkpoint.digest,
                "seed": row.host_seed,
                "truncation": row.truncation,
            },
        )


def open_stylegan2(model: str, device: str = "cpu") -> tuple[Checkpoint, Generator]:
    """The model file and its generator; a process reads a file once.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
    """
    path = locate(model)
    checkpoint, network = _opened(str(path), path.stat().st_mtime_ns, device)
    return checkpoint, network


@lru_cache(maxsize=2)
def _opened(path: str, changed: int, device: str) -> tuple[Checkpoint, Any]:
    checkpoint = load(path)
    return checkpoint, checkpoint.generator_of("stylegan2", device)


def draw_z(seed: int, z_dim: int) -> NDArray[np.float32]:
    """The latent of a seed as the published tools draw it: `float32 (1, z_dim)`, normal.

    Args:
        seed: At least 0; from 2^32 on, which the published tools refuse, it is given as two words of 32 bits.
        z_dim: Of the model.
    """
    words = seed if seed < 2**32 else [seed & 0xFFFFFFFF, seed >> 32]
    return np.random.RandomState(words).randn(1, z_dim).astype(np.float32)


def one_hot(checkpoint: Checkpoint, labels: Sequence[str], device: str) -> Tensor | None:
    """Classes by name as the network takes them, `float32 (N, classes)`; None for an unconditional model.

    Raises:
        GeneratorError: The model does not know a class.
    """
    classes = checkpoint.description.classes
    if not classes:
        return None
    import torch

    for label in labels:
        if label not in classes:
            raise GeneratorError(
                f"the model knows no class '{label}'", where=checkpoint.path, hint=nearest(label, classes)
            )
    numbers = torch.tensor([classes.index(label) for label in labels], device=device)
    return torch.nn.functional.one_hot(numbers, len(classes)).float()


def quantised(pixels: NDArray[np.float32], bits_stored: int) -> Image:
    """Network output in [-1, 1], clipped, as grey levels of the full range: -1 is 0, 1 the highest."""
    top = 2**bits_stored - 1
    levels = np.rint((np.clip(pixels, -1, 1).astype(np.float64) + 1) * (top / 2))
    return np.asarray(levels, np.uint16)
