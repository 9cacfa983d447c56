"""Samples of a model by name: a seed, or FILE:KEY of an inverted image; what walks, mixtures and sheets are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.arguments import a_function, a_model, a_number, a_real, a_text, wrong
from synthmammo.errors import GeneratorError
from synthmammo.generators.stylegan2 import quantised
from synthmammo.mammogram.arrays import Plane
from synthmammo.mammogram.mark import picture_packet
from synthmammo.mammogram.origin import UNKNOWN, Making
from synthmammo.models.inverted import read_inverted
from synthmammo.models.latents import Model, open_model, restored
from synthmammo.models.suitable import require_class
from synthmammo.progress import Progress, silent, stage

if TYPE_CHECKING:
    from torch import Tensor

Grey = NDArray[np.uint8]

SampleLike = int | str
"""What names a sample in a call: a seed, or FILE:KEY of an image that `invert` made."""

SamplesLike = SampleLike | Iterable[SampleLike]
"""What names several: also a text of them between commas, with ranges, e.g. "0-35"."""


@dataclass(frozen=True)
class Named:
    """A sample of a model.

    Attributes:
        name: Name it was asked for by, without the file.
        w: Latents, `float32 (latents, w_dim)`; those of a seed are truncated.
        noise: Noise maps by layer, `float32 (1, 1, H, W)`; None for the model's own.
        making: How its image came about; None where nothing is known of it.
    """

    name: str
    w: Tensor
    noise: dict[str, Tensor] | None = None
    making: Making | None = None


@dataclass(frozen=True)
class Samples:
    """Samples of one model.

    Attributes:
        model: The model.
        truncation: Truncation psi of seeds; 1 leaves them as they are.
        label: Class of seeds, for a conditional model.
    """

    model: Model
    truncation: float = 1.0
    label: str | None = None

    @classmethod
    def of(
        cls,
        model: str,
        truncation: float = 1.0,
        label: str | None = None,
        device: str = "cpu",
        *,
        progress: Progress = silent,
    ) -> Samples:
        """Samples of a model by its name.

        Args:
            model: Name of the model.
            truncation: Truncation psi of seeds.
            label: Class of seeds, for a conditional model.
            device: Device that the network is on.
            progress: Function that is told that the model is loaded.

        Raises:
            CheckpointError: There is no such model, or it is no StyleGAN2.
            GeneratorError: It makes colour images, or the class is missing, unwanted or unknown.
        """
        stage(progress, "loading the model")
        opened = open_model(model, device)
        one_grey_channel(opened)
        known_class(opened, label)
        return cls(opened, truncation, label)

    def named(self, name: str) -> Named:
        """One sample.

        Args:
            name: A seed, or FILE:KEY.

        Raises:
            GeneratorError: It is neither.
            DatasetError: The file cannot be read, is of another model, or has no such key.
        """
        if name.isdecimal():
            w = self.model.w([int(name)], [self.label or ""], [self.truncation])[0]
            return Named(name, w, making=self.model.checkpoint.making)
        file, _, key = name.rpartition(":")
        if not file:
            hint = "A seed is a whole number; an image that `synthmammo invert` made is FILE:KEY."
            raise GeneratorError("is neither a seed nor FILE:KEY", where=name, hint=hint)
        inverted = read_inverted(file, self.model.checkpoint.digest)[key]
        found = restored([inverted], device=self.model.device)
        return Named(key, found.w[0], found.noise, inverted.making(self.model.checkpoint.making))

    def packet(self, *names: str) -> str:
        """The XMP packet of a picture of some samples by their names."""
        return picture_packet(self.named(name).making or UNKNOWN for name in names)

    def step(self, direction: str, file: Path | None = None, layers: tuple[int, int] | None = None) -> Tensor:
        """The move of one standard deviation along a direction, `float32 (latents, w_dim)`; 0 on other layers.

        Args:
            direction: E.g. "component 0" or "density".
            file: File of directions; None for the one beside the model.
            layers: First layer that moves, and the one after the last; None for all.

        Raises:
            CheckpointError: The file is missing or of another model.
            GeneratorError: It has no such direction, or the model no such layers.
        """
        import torch

        from synthmammo.editing.directions.file import directions_file, read_directions
        from synthmammo.editing.editor import check_layers

        checkpoint, config = self.model.checkpoint, self.model.network.config
        found = read_directions(file or directions_file(checkpoint.path), checkpoint.digest)
        move = torch.zeros(config.latents, config.w_dim)
        move[check_layers(layers, self.model, "layers")] = torch.from_numpy(found.step(direction))
        return move.to(self.model.device)

    def image(self, w: Tensor, noise: dict[str, Tensor] | None = None) -> Plane:
        """The image of one w, `(latents, w_dim)`: `float32 (H, W)`, clipped to [-1, 1]."""
        return self.styled(self.model.network.synthesis.styles(w[None]), noise)

    def styled(self, styles: dict[str, Tensor], noise: dict[str, Tensor] | None = None) -> Plane:
        """The image of the styles of one sample, as `image`."""
        import torch

        # One at a time, so that an image does not depend on which others were asked for.
        with torch.inference_mode():
            image = self.model.network.synthesis.render(styles, noise)[0, 0].clamp(-1, 1)
        return np.asarray(image.cpu().numpy())

    def images(self, ws: Sequence[Tensor] | Tensor, noise: dict[str, Tensor] | None = None) -> list[Plane]:
        """`image` of each w."""
        return [self.image(w, noise) for w in ws]


def open_samples(model: object, truncation: Any, label: object, device: object, progress: Any) -> Samples:
    """Samples of a model for a public function, whose arguments of these names are checked.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        GeneratorError: An argument makes no sense (its name comes first), the model makes colour images, or the class
            is missing, unwanted or unknown.
    """
    name, psi = a_model(model, "model", GeneratorError), a_real(truncation, "truncation", GeneratorError, least=0)
    known = None if label is None else a_text(label, "label", GeneratorError)
    a_function(progress, "progress", GeneratorError)
    return Samples.of(name, psi, known, a_text(device, "device", GeneratorError), progress=progress)


def sample_names(given: object, name: str) -> list[str]:
    """Names of samples from an argument of a public function.

    Args:
        given: Seed, FILE:KEY of an inverted image, text of several as "0-35" or "1,films.latents:mdb001", or several.
        name: Name of the argument.

    Raises:
        GeneratorError: It names no sample.
    """
    if isinstance(given, str):
        return parse_names(given, name)
    several = given if isinstance(given, Iterable) else (given,)
    names = [one if isinstance(one, str) else str(a_number(one, name, GeneratorError, least=0)) for one in several]
    if not names:
        raise wrong(name, "a seed, FILE:KEY, or several", given, GeneratorError, "E.g. range(8), or '0-35'.")
    return names


def layer_range(given: object, name: str) -> tuple[int, int]:
    """First layer of w and the one after the last, from an argument of a public function.

    Raises:
        GeneratorError: It is no range of whole numbers, or an empty one.
    """
    if not isinstance(given, range) or given.step != 1 or not 0 <= given.start < given.stop:
        raise wrong(name, "a range of layers", given, GeneratorError, "E.g. range(4, 8) for the layers 4 to 7.")
    return given.start, given.stop


def one_grey_channel(model: Model) -> None:
    """Refuse a model of colour images.

    Raises:
        GeneratorError: It is one.
    """
    channels = model.network.config.image_channels
    if channels != 1:
        where = model.checkpoint.path
        raise GeneratorError(f"makes images of {channels} channels, a mammogram has one", where=where)


def known_class(model: Model, label: str | None) -> None:
    """Refuse a class that does not fit the model.

    Raises:
        GeneratorError: It is missing, unwanted or unknown.
    """
    require_class(model.checkpoint.description, label, model.checkpoint.path)


def grey(image: Plane) -> Grey:
    """An image in [-1, 1] for the screen, `uint8 (H, W)`."""
    return quantised(image, 8).astype(np.uint8)


def parse_names(text: str, where: str = "samples") -> list[str]:
    """Names of samples from e.g. "0-35", "1,5,7-9" or "films.latents:mdb001,3".

    Args:
        text: Names between commas.
        where: Name of the argument that they came by.

    Raises:
        GeneratorError: There is none.
    """
    names: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = part.partition("-")
        ranged = dash and first.isdecimal() and last.isdecimal()
        names += [str(number) for number in range(int(first), int(last) + 1)] if ranged else [part]
    if not names:
        raise GeneratorError(f"'{text}' names no sample", where=where, hint="E.g. 0-35 or 1,5 or FILE:KEY.")
    return names
