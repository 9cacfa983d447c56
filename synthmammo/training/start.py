"""Training that begins from a trained generator instead of from fresh weights."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from synthmammo.errors import TrainingError
from synthmammo.models.file import load
from synthmammo.models.nets.stylegan2 import Generator, StyleGAN2Config

_FREE = ("resolution", "deviation_group")


def origin(model: str) -> dict[str, Any]:
    """What a new model's description says of the one it began from: its weights' digest, resolution and training.

    Args:
        model: Name of the model; see `begin_from`.
    """
    checkpoint = load(model)
    described = checkpoint.description
    return {"digest": checkpoint.digest, "resolution": described.config["resolution"], **described.training}


@torch.no_grad()
def begin_from(model: str, generator: Generator) -> None:
    """Give a generator the weights of a trained one, which may make smaller images.

    The layers of sizes that it lacks stay as they are, but add nothing to the image yet, so that the first images are
    the trained one's, enlarged: growing (Karras et al. 2018), without the fade.

    Args:
        model: `zoo/NAME`, a path, or `hf://ORG/REPO/FILE@REVISION`.
        generator: Generator to change in place.

    Raises:
        CheckpointError: There is no such model, or it is no StyleGAN2.
        TrainingError: Its widths are others, or its images are larger.
    """
    checkpoint = load(model)
    trained = checkpoint.generator_of("stylegan2")
    found, wanted = asdict(StyleGAN2Config(**checkpoint.description.config)), asdict(generator.config)
    differing = [name for name in wanted if name not in _FREE and wanted[name] != found[name]]
    if found["resolution"] > wanted["resolution"]:
        differing.append("resolution")
    if differing:
        name = differing[0]
        message = f"{name} of the model is {found[name]}, of this run {wanted[name]}"
        hint = "A run can begin from a model of the same widths and classes whose images are not larger."
        raise TrainingError(message, where=f"start_from {model}", hint=hint)
    generator.load_state_dict({**generator.state_dict(), **trained.state_dict()})
    for size in generator.config.resolutions:
        if size > found["resolution"]:
            image_layer = generator.synthesis.get_submodule(f"b{size}.torgb")
            image_layer.get_parameter("weight").zero_()
            image_layer.get_parameter("bias").zero_()
