"""Model files: the weights of one model and all that must be known to use it, in one `.safetensors` file.

The description is JSON in the header of the file, under the key `synthmammo`; nothing in such a file can be executed.
Tensors are named NETWORK.LAYER, e.g. `generator.synthesis.b4.const`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from synthmammo.errors import CheckpointError, nearest
from synthmammo.files import writing
from synthmammo.identity import canonical_json, file_digest
from synthmammo.mammogram.origin import Maker, Making, SourceType
from synthmammo.mammogram.terms import VIEWS
from synthmammo.models import described
from synthmammo.models.names import locate_model

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

FORMAT_VERSION = 1
HEADER = "synthmammo"
_NOT_WHOLE = "If it is a published .pkl or .pt file, `synthmammo convert` reads it; else fetch or make it again."


_NETS = "synthmammo.models.nets"
ARCHITECTURES = {
    "stylegan2": {
        "config": f"{_NETS}.stylegan2:StyleGAN2Config",
        "generator": f"{_NETS}.stylegan2:Generator",
        "training_generator": f"{_NETS}.stylegan2:Generator",
        "discriminator": f"{_NETS}.stylegan2:Discriminator",
    },
    "contextual": {
        "config": f"{_NETS}.contextual:ContextualConfig",
        "generator": f"{_NETS}.contextual:ContextualGenerator",
        "training_generator": f"{_NETS}.contextual:ContextualGenerator",
        "discriminator": f"{_NETS}.contextual:ContextualDiscriminator",
    },
    "comodulated": {
        "config": f"{_NETS}.comodulated:ComodulatedConfig",
        "generator": f"{_NETS}.comodulated:ComodulatedGenerator",
        "training_generator": f"{_NETS}.comodulated:ComodulatedGenerator",
    },
    "detail": {
        "config": f"{_NETS}.detail:DetailConfig",
        "generator": f"{_NETS}.detail:DetailGenerator",
        "training_generator": f"{_NETS}.detail:DetailGenerator",
    },
}
"""Networks of each architecture; `generator` is the averaged one that is sampled, `training_generator` the other."""


class Scale(StrEnum):
    """How grey levels and the [-1, 1] of a network correspond."""

    FULL_RANGE = "full range"
    """0 is -1, the highest grey level of the bit depth is 1."""
    BREAST_PERCENTILES = "breast percentiles"
    """Percentiles 0.5 and 99.5 inside the breast are -1 and 1 (`compose.Intensity`)."""


@dataclass(frozen=True)
class Description:
    """What must be known of a model beside its weights.

    Attributes:
        architecture: A name in `ARCHITECTURES`.
        config: Arguments of the architecture's configuration.
        makes: "mammograms", "patches", of a contextual model "mass", "calcification" or "removal", or "detail" where
            the model makes fine images of coarse ones.
        classes: Names of the classes a conditional model knows, in the order of their labels.
        spacing_mm: Millimetres per pixel of what it makes; None when unknown.
        bits_stored: Bit depth of the images it was trained on.
        scale: Intensity mapping of the model.
        training_data: `name` and `digest` of the manifest it was trained on, `sources`, the digests of what that was
            made of, the `split`, `origin`: "real", "synthetic" or "mixed" images, `terms`, see `licences.Terms`, and
            `patients`, salted digests of whom it saw (see `patients`); empty when unknown.
        training: How it was trained: images seen, device, the model it began from; of shipped models the hours too.
        metrics: What it reached, each measure with its extractor and number of images.
        licence: Licence of the weights, as the Hugging Face Hub names it.
        about: A few sentences, attribution included.
        half_precision: Whether it promises that activations of half precision give its images as well, which whoever
            describes it has measured (`python -m benchmarks.device`); builds on a GPU then use it.
    """

    architecture: str
    config: dict[str, Any]
    makes: str = "mammograms"
    classes: tuple[str, ...] = ()
    spacing_mm: float | None = None
    bits_stored: int = 12
    scale: Scale = Scale.FULL_RANGE
    training_data: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    licence: str = "other"
    about: str = ""
    half_precision: bool = False

    @property
    def makes_views(self) -> bool:
        """Whether the model is conditional on the view: its classes are called CC and MLO."""
        return bool(self.classes) and set(self.classes) <= set(VIEWS)

    def class_of(self, label: str, view: str | None) -> str:
        """Class that an image has for the model: its view where the model is conditional on that, else its label.

        Args:
            label: Class of the image in its dataset.
            view: View of the image; None when unknown, which then is no class of the model.
        """
        return (view or "unknown view") if self.makes_views else label


@dataclass(frozen=True)
class Checkpoint:
    """A model file, read.

    Attributes:
        path: The file.
        description: What it says of itself.
        tensors: Tensors as stored, by NETWORK.LAYER.
    """

    path: Path
    description: Description
    tensors: dict[str, Tensor]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, which decides pixels."""
        return file_digest(self.path)

    @property
    def making(self) -> Making:
        """How an image that this model makes came about."""
        return Making(SourceType.TRAINED, (Maker(self.path.name, weights=self.digest),))

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks in the file."""
        return tuple(sorted({name.partition(".")[0] for name in self.tensors}))

    def network(self, name: str = "generator", device: str = "cpu") -> nn.Module:
        """One of the networks, `float32`, ready for use: not training, and recording no gradients of its weights.

        Args:
            name: Name of the network, one of `networks`.
            device: Device that it is moved to.

        Raises:
            CheckpointError: The file does not hold it, or holds something that does not fit its configuration.
        """
        if name not in self.networks:
            raise CheckpointError(f"holds no {name}", where=self.path, hint=nearest(name, self.networks))
        state = {key[len(name) + 1 :]: value for key, value in self.tensors.items() if key.startswith(name + ".")}
        # What the header claims takes no memory before it fits what the file holds.
        _check_fit(state, _shapes(self.description, name, self.path), self.path)
        module = _blank(self.description, name, self.path)
        module.load_state_dict(state)
        return module.to(device).eval().requires_grad_(False)

    def generator_of(self, *architectures: str, device: str = "cpu") -> nn.Module:
        """The generator, where the model is of one of the architectures.

        Raises:
            CheckpointError: It is of another one, or as `network`.
        """
        if self.description.architecture not in architectures:
            expected = " or ".join(architectures)
            message = f"is a model of the architecture {self.description.architecture}, expected {expected}"
            raise CheckpointError(message, where=self.path)
        return self.network("generator", device)


def build_network(description: Description, network: str, where: object = None) -> nn.Module:
    """A network with fresh weights.

    Args:
        description: Description of the model, of which architecture and config are used.
        network: "generator", "training_generator" or "discriminator".
        where: What an error message names as its place.

    Raises:
        CheckpointError: The architecture is unknown or its configuration is not valid.
    """
    if description.architecture not in ARCHITECTURES:
        hint = nearest(description.architecture, ARCHITECTURES)
        raise CheckpointError(f"no architecture is called '{description.architecture}'", where=where, hint=hint)
    parts = ARCHITECTURES[description.architecture]
    if network not in parts:
        raise CheckpointError(f"no network is called '{network}'", where=where, hint=nearest(network, parts))
    try:
        config = resolve_name(parts["config"])(**described.checked_config(description.config))
    except (TypeError, ValueError) as error:
        message = f"the configuration of {description.architecture} is not valid ({error})"
        raise CheckpointError(message, where=where) from error
    module: nn.Module = resolve_name(parts[network])(config)
    return module


def save_model(
    path: Path,
    networks: Mapping[str, nn.Module | Mapping[str, Tensor]],
    description: Description,
    dtype: torch.dtype | None = None,
) -> Path:
    """Write a model file, whole or not at all; the same weights and description give the same bytes.

    Args:
        path: The file, `.safetensors`.
        networks: Modules by name, or their state dictionaries.
        description: Description of the model.
        dtype: Type that weights are stored in; `torch.float16` halves the file, None keeps the types.

    Returns:
        The path.

    Raises:
        CheckpointError: A weight is not finite, in that type, or the networks are not those of the architecture.
        OutputError: The file cannot be written.
    """
    from safetensors.torch import save_file

    tensors = {}
    for network, given in networks.items():
        expected = _shapes(description, network, path)
        state = given if isinstance(given, Mapping) else given.state_dict()
        _check_fit(state, expected, path)
        for name, tensor in state.items():
            stored = tensor.detach().cpu().to(dtype or tensor.dtype)
            if not stored.isfinite().all():
                raise CheckpointError(f"{network}.{name} has values that are not finite numbers", where=path)
            # A copy: safetensors wants rows in order and memory that no two names share.
            tensors[f"{network}.{name}"] = stored.clone().contiguous()
    told = asdict(description)
    if not description.half_precision:
        del told["half_precision"]  # a file without the promise keeps its bytes, and older releases read it
    header = canonical_json({"format_version": FORMAT_VERSION, **told}).decode()
    with writing(path) as partial:
        save_file(tensors, partial, {HEADER: header})
    return path


def load(model: str | Path) -> Checkpoint:
    """Read a model file.

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.

    Raises:
        CheckpointError: There is none, it is damaged, or it is not a model file of this package.
    """
    from safetensors import SafetensorError, safe_open

    path = locate_model(model)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dictionary
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"is not a whole .safetensors file ({error})", where=path, hint=_NOT_WHOLE) from error
    return Checkpoint(path, _described(_metadata(path), path), tensors)


def describe(model: str | Path) -> Description:
    """What a model file says of itself, without reading its weights.

    Args:
        model: Name of the model; see `load`.

    Raises:
        CheckpointError: As `load`.
    """
    path = locate_model(model)
    return _described(_metadata(path), path)


def _metadata(path: Path) -> dict[str, str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"is not a whole .safetensors file ({error})", where=path, hint=_NOT_WHOLE) from error


def _blank(description: Description, network: str, where: Path) -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]):  # its first weights are thrown away; no caller's draws shall move
        return build_network(description, network, where)


def _shapes(description: Description, network: str, where: Path) -> dict[str, Tensor]:
    """The tensors that a network has, without their values and without memory for them."""
    import torch

    try:
        with torch.device("meta"):
            return build_network(description, network, where).state_dict()
    except CheckpointError:
        raise
    except Exception as error:  # a number of the wrong kind fails anywhere in PyTorch
        message = f"the configuration of {description.architecture} is not valid ({error})"
        raise CheckpointError(message, where=where) from error


def _described(metadata: dict[str, str], path: Path) -> Description:
    if HEADER not in metadata:
        hint = "Weights alone are not enough: architecture, spacing and intensity mapping must be known."
        raise CheckpointError("is a .safetensors file without a description by this package", where=path, hint=hint)
    try:
        content = described.checked_header(json.loads(metadata[HEADER]))
        version = content.pop("format_version")
        if version != FORMAT_VERSION:
            message = f"format_version is {version}, this package reads {FORMAT_VERSION}"
            raise CheckpointError(message, where=path, hint="Use the version of synthmammo that made it.")
        content["classes"], content["scale"] = tuple(content["classes"]), Scale(content["scale"])
        if "training_data" in content:
            content["training_data"] = described.with_origin(content["training_data"])
        return Description(**content)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"its description is not one of this package ({error})", where=path) from error


def _check_fit(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: Path) -> None:
    hint = "Weights and configuration are of different models."
    for name in [*expected, *state]:
        if name not in state:
            raise CheckpointError(f"tensor {name} is missing", where=where, hint=hint)
        if name not in expected:
            raise CheckpointError(f"tensor {name} has no place in the network", where=where, hint=hint)
        if state[name].shape != expected[name].shape:
            shapes = f"{tuple(state[name].shape)}, expected {tuple(expected[name].shape)}"
            raise CheckpointError(f"tensor {name} has the shape {shapes}", where=where, hint=hint)
