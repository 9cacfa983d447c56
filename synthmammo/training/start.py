"""Training that begins from a trained generator instead of from fresh weights."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from synthmammo.dataset.release import model_terms
from synthmammo.errors import TrainingError
from synthmammo.mammogram.licences import narrowest, stated_terms
from synthmammo.mammogram.origin import Origin, origin_of
from synthmammo.models.file import describe, load
from synthmammo.models.nets.comodulated import ComodulatedConfig, ComodulatedGenerator
from synthmammo.models.nets.contextual import ContextualConfig, ContextualGenerator
from synthmammo.models.nets.detail import DetailConfig, DetailGenerator
from synthmammo.models.nets.lesion import LesionGenerator
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config
from synthmammo.models.patients import UNKNOWN, joined

_FREE = ("resolution", "deviation_group")
_FREE_OF_LESIONS = ("border_px", "discriminator_channels", "discriminator_images", "first_noise")


def origin(model: str) -> dict[str, Any]:
    """What a new model's description says of the one it began from: its weights' digest, side and training.

    Args:
        model: Name of the model; see `begin_from`.
    """
    checkpoint = load(model)
    described = checkpoint.description
    side = described.config.get("resolution", described.config.get("size"))
    return {"digest": checkpoint.digest, "resolution": side, **described.training}


def with_start(data: dict[str, str], model: str) -> dict[str, str]:
    """What is known of the training data, with origin, terms and patients of all images that went into the weights.

    Args:
        data: What is known of the run's own data, see `TrainingData.origin`.
        model: Name of the model that the run began from, whose data count too; empty for fresh weights.
    """
    if not model:
        return data
    began = describe(model)
    seen = (data, began.training_data)
    origin = str(origin_of(one.get("origin", Origin.MIXED) for one in seen))
    terms = narrowest([stated_terms(data.get("terms", "")), model_terms(began.licence, began.training_data)])
    patients = joined(*(one.get("patients", UNKNOWN) for one in seen))
    return data | {"terms": str(terms), "origin": origin, "patients": patients}


@torch.no_grad()
def begin_from(model: str, generator: Generator, classes: tuple[str, ...] = ()) -> None:
    """Give a generator the weights of a trained one, which may make smaller images.

    The layers of sizes that it lacks stay as they are, but add nothing to the image yet, so that the first images are
    the trained one's, enlarged: growing (Karras et al. 2018), without the fade.

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        generator: Generator to change in place.
        classes: Names of the classes that it knows, in order; () for none.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        TrainingError: Its widths or its classes are others, or its images are larger.
    """
    checkpoint = load(model)
    trained = checkpoint.generator_of("stylegan2")
    found, wanted = asdict(StyleGAN2Config(**checkpoint.description.config)), asdict(generator.config)
    hint = "A run can begin from a model of the same widths and classes whose images are not larger."
    _check_same(model, found, wanted, _FREE, hint)
    if found["resolution"] > wanted["resolution"]:
        raise _differs(model, "resolution", found, wanted, hint)
    if (known := checkpoint.description.classes) != classes:
        message = f"the classes of the model are {', '.join(known)}, of this run {', '.join(classes)}"
        hint = "Give data.classes in the model's order, or begin from another model."
        raise TrainingError(message, where=f"start_from {model}", hint=hint)
    generator.load_state_dict({**generator.state_dict(), **trained.state_dict()})
    for size in generator.config.resolutions:
        if size > found["resolution"]:
            _silence(generator, f"synthesis.b{size}.torgb.")


@torch.no_grad()
def begin_lesions_from(model: str, generator: LesionGenerator) -> None:
    """Give a contextual generator the weights of a trained one.

    A co-modulated one has a part for every side from 4 pixels, so that the trained model's patches may be smaller (the
    new sides add nothing yet: its lesions are at first enlarged ones) or larger (its last sides are left out).

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        generator: Generator to change in place.

    Raises:
        CheckpointError: There is no such model, or it has another architecture.
        TrainingError: Its shape is another.
    """
    checkpoint = load(model)
    config: dict[str, Any] = checkpoint.description.config
    if isinstance(generator, ContextualGenerator):
        trained = checkpoint.generator_of("contextual").state_dict()
        hint = "A contextual GAN as published can begin from a model of the same shape."
        _check_same(model, asdict(ContextualConfig(**config)), asdict(generator.config), _FREE_OF_LESIONS, hint)
        generator.load_state_dict(trained)
        return
    assert isinstance(generator, ComodulatedGenerator)
    trained = checkpoint.generator_of("comodulated").state_dict()
    shape = ComodulatedConfig(**config)
    hint = "A run can begin from a co-modulated model of the same widths, of any side."
    _check_same(model, asdict(shape), asdict(generator.config), ("size", *_FREE_OF_LESIONS), hint)
    _take_sides(generator, trained, shape.size)


def begin_detail_from(model: str, generator: DetailGenerator) -> None:
    """Give a detail network the weights of a trained one.

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        generator: Generator to change in place.

    Raises:
        CheckpointError: There is no such model, or it has another architecture.
        TrainingError: Its shape is another.
    """
    checkpoint = load(model)
    trained = checkpoint.generator_of("detail")
    found, wanted = asdict(DetailConfig(**checkpoint.description.config)), asdict(generator.config)
    _check_same(model, found, wanted, (), "A run can begin from a detail network of the same shape.")
    generator.load_state_dict(trained.state_dict())


def _take_sides(generator: ComodulatedGenerator, trained: dict[str, Tensor], largest: int) -> None:
    """Take the weights of the sides that both have, and let those that only the new one has add nothing."""
    own = generator.state_dict()
    generator.load_state_dict({name: trained.get(name, weight) for name, weight in own.items()})
    for side in generator.config.sides:
        if side > largest:
            _silence(generator, f"decoder.{side}.to_lesion.")
            _silence(generator, f"encoder.{side // 2}.down.")


def _silence(network: torch.nn.Module, prefix: str) -> None:
    """Set the weights and biases below a name to zero, so that the layer's output is 0 until it has learned."""
    for name, parameter in network.named_parameters():
        if name.startswith(prefix) and name.removeprefix(prefix) in ("weight", "bias"):
            parameter.zero_()


def _check_same(model: str, found: dict[str, Any], wanted: dict[str, Any], free: Collection[str], hint: str) -> None:
    for name in wanted:
        if name not in free and wanted[name] != found[name]:
            raise _differs(model, name, found, wanted, hint)


def _differs(model: str, name: str, found: dict[str, Any], wanted: dict[str, Any], hint: str) -> TrainingError:
    message = f"{name} of the model is {found[name]}, of this run {wanted[name]}"
    return TrainingError(message, where=f"start_from {model}", hint=hint)
