"""Latents of a StyleGAN2: which model, which w, from which seed; what generators render and edits change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError, nearest
from synthmammo.mammogram.planned import Row
from synthmammo.models import devices
from synthmammo.models.file import Checkpoint, load
from synthmammo.models.inverted import Inverted
from synthmammo.models.names import locate_model

if TYPE_CHECKING:
    from torch import Tensor

    from synthmammo.models.nets.stylegan2 import Generator


@dataclass(frozen=True)
class Latents:
    """What images are rendered from; edits change `w` or `styles`.

    Attributes:
        rows: Rows of the plan that the images are made for.
        w: Truncated latents, `float32 (N, latents, w_dim)`.
        styles: Styles by layer, `float32 (N, C)`; None for those that follow from w.
        noise: Noise maps by layer, `float32 (N, 1, H, W)`, of inverted images or drawn; None for the model's own.
    """

    rows: tuple[Row, ...]
    w: Tensor
    styles: dict[str, Tensor] | None = None
    noise: dict[str, Tensor] | None = None


@dataclass(frozen=True)
class Model:
    """A StyleGAN2, opened.

    Attributes:
        checkpoint: Its file, read.
        network: Its generator.
        device: Device the network is on.
    """

    checkpoint: Checkpoint
    network: Generator
    device: str = "cpu"

    def w(self, seeds: Sequence[int], labels: Sequence[str], truncations: Sequence[float]) -> Tensor:
        """Latents of seeds, each truncated towards the mean, of its label's class.

        Args:
            seeds: Random seeds, one per image; see `draw_z`.
            labels: Class of each image; ignored by an unconditional model.
            truncations: Truncation psi of each image.

        Returns:
            `float32 (N, latents, w_dim)`, the same w for every layer.

        Raises:
            GeneratorError: The model is conditional and does not know a label.
        """
        import torch

        config, mapping = self.network.config, self.network.mapping
        z = torch.from_numpy(np.concatenate([draw_z(seed, config.z_dim) for seed in seeds]))
        label = one_hot(self.checkpoint, labels, self.device)
        with torch.inference_mode():
            w = mapping(devices.up(z, self.device), label)
            truncated = [mapping.truncated(w[i : i + 1], psi) for i, psi in enumerate(truncations)]
            return torch.cat(truncated)[:, None].repeat(1, config.latents, 1)


def open_model(name: str, device: str = "cpu") -> Model:
    """A StyleGAN2 by its name; a process reads a file once.

    Args:
        name: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        device: Device the network runs on; "auto" for the best that there is.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: The device is not there.
    """
    path = locate_model(name)
    return _opened(str(path), path.stat().st_mtime_ns, devices.usable(device))


@lru_cache(maxsize=2)
def _opened(path: str, changed: int, device: str) -> Model:
    checkpoint = load(path)
    network: Any = checkpoint.generator_of("stylegan2", device=device)
    return Model(checkpoint, network, device)


def restored(images: Sequence[Inverted], rows: tuple[Row, ...] = (), device: str = "cpu") -> Latents:
    """Inverted images as latents, with their noise.

    Args:
        images: Inverted images of one file.
        rows: Rows of the plan, one per image; () where there is no plan.
        device: Device the network is on.
    """
    import torch

    noise = {
        layer: torch.from_numpy(np.stack([image.noise[layer] for image in images]).astype(np.float32))[:, None]
        for layer in images[0].noise
    }
    w = devices.up(np.stack([image.w for image in images]), device)
    return Latents(rows, w, noise={layer: devices.up(planes, device) for layer, planes in noise.items()} or None)


def draw_z(seed: int, z_dim: int) -> NDArray[np.float32]:
    """The latent of a seed as the published tools draw it: `float32 (1, z_dim)`, normal.

    Args:
        seed: Random seed, at least 0; from 2^32 on, which the published tools refuse, two words of 32 bits are used.
        z_dim: Length of the model's normal latent.

    Raises:
        GeneratorError: The seed is below 0 or has more than 64 bits.
    """
    if not 0 <= seed < 2**64:
        raise GeneratorError(f"{seed} is no seed; expected 0 to {2**64 - 1}", where="seeds")
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
    numbers = devices.up(torch.tensor([classes.index(label) for label in labels]), device)
    return torch.nn.functional.one_hot(numbers, len(classes)).float()
