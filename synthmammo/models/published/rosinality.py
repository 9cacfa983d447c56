"""The `.pt` files of rosinality's stylegan2-pytorch, read and written: other names, the same numbers."""

from __future__ import annotations

import argparse
import math
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmammo.errors import CheckpointError
from synthmammo.files import writing
from synthmammo.models.published.base import (
    PublishedModel,
    State,
    check_archive,
    check_filter,
    checked_tensor,
    damaged,
    forbidden_name,
    infer_config,
    refused,
)

if TYPE_CHECKING:
    from torch import Tensor

    from synthmammo.models.nets.stylegan2 import StyleGAN2Config

_ROLES = {"generator": "g_ema", "training_generator": "g", "discriminator": "d"}
_AVERAGE_SAMPLES = 10_000


def _styled(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    for own, other in (("weight", "conv.weight"), ("bias", "activate.bias"), ("noise_strength", "noise.weight")):
        yield f"{ours}.{own}", f"{theirs}.{other}"
    for part in ("weight", "bias"):
        yield f"{ours}.affine.{part}", f"{theirs}.conv.modulation.{part}"


def _to_image(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}.weight", f"{theirs}.conv.weight"
    yield f"{ours}.bias", f"{theirs}.bias"
    for part in ("weight", "bias"):
        yield f"{ours}.affine.{part}", f"{theirs}.conv.modulation.{part}"


def generator_names(resolution: int, layers: int) -> Iterator[tuple[str, str]]:
    """Our name and theirs of every tensor of an unconditional generator but the mean latent."""
    for index in range(layers):
        for part in ("weight", "bias"):
            yield f"mapping.fc{index}.{part}", f"style.{index + 1}.{part}"
    yield "synthesis.b4.const", "input.input"
    yield from _styled("synthesis.b4.conv1", "conv1")
    yield from _to_image("synthesis.b4.torgb", "to_rgb1")
    yield "synthesis.b4.conv1.noise_const", "noises.noise_0"
    for power in range(3, int(math.log2(resolution)) + 1):
        block, first = f"synthesis.b{2**power}", 2 * (power - 3)
        for number in (0, 1):
            yield from _styled(f"{block}.conv{number}", f"convs.{first + number}")
            yield f"{block}.conv{number}.noise_const", f"noises.noise_{first + 1 + number}"
        yield from _to_image(f"{block}.torgb", f"to_rgbs.{power - 3}")


def discriminator_names(resolution: int) -> Iterator[tuple[str, str]]:
    """Our name and theirs of every tensor of an unconditional discriminator."""
    yield f"b{resolution}.fromrgb.weight", "convs.0.0.weight"
    yield f"b{resolution}.fromrgb.bias", "convs.0.1.bias"
    for number in range(1, int(math.log2(resolution)) - 1):
        ours, theirs = f"b{resolution >> (number - 1)}", f"convs.{number}"
        for own, weight, bias in (("conv0", "conv1.0", "conv1.1"), ("conv1", "conv2.1", "conv2.2")):
            yield f"{ours}.{own}.weight", f"{theirs}.{weight}.weight"
            yield f"{ours}.{own}.bias", f"{theirs}.{bias}.bias"
        yield f"{ours}.skip.weight", f"{theirs}.skip.1.weight"
    yield "b4.conv.weight", "final_conv.0.weight"
    yield "b4.conv.bias", "final_conv.1.bias"
    for own, index in (("fc", 0), ("out", 1)):
        for part in ("weight", "bias"):
            yield f"b4.{own}.{part}", f"final_linear.{index}.{part}"


def read_rosinality(path: Path) -> PublishedModel:
    """The model in a `.pt`, as training or the conversion scripts wrote it.

    Raises:
        CheckpointError: It is damaged, no such file, or refers to anything but tensors and settings.
    """
    content = _loaded(path)
    if not isinstance(content, dict) or not isinstance(content.get("g_ema"), dict):
        damaged(path, "it holds no averaged generator g_ema")
    try:
        theirs = {role: _without_filters(content[key], path) for role, key in _ROLES.items() if content.get(key)}
        average = content.get("latent_avg")
        layers = sum(re.fullmatch(r"style\.\d+\.weight", name) is not None for name in theirs["generator"])
        blocks = sum(re.fullmatch(r"to_rgbs\.\d+\.bias", name) is not None for name in theirs["generator"])
        resolution = 4 * 2**blocks
        networks = {}
        for role, state in theirs.items():
            names = discriminator_names(resolution) if role == "discriminator" else generator_names(resolution, layers)
            networks[role] = _renamed(state, {other: own for own, other in names}, path)
    except (AttributeError, TypeError, IndexError, RuntimeError, KeyError) as error:
        damaged(path, error)
    for role in ("generator", "training_generator"):
        if role in networks:
            networks[role]["mapping.w_avg"] = _mean_latent(networks[role], layers, average, path)
    return PublishedModel(infer_config(networks["generator"], path), networks, "stylegan2-pytorch (rosinality)")


def _loaded(path: Path) -> Any:
    import torch

    with path.open("rb") as file:
        check_archive(file, path.stat().st_size, path)
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        name = forbidden_name(error)
        if name:
            raise refused(path, name) from error
        damaged(path, error)
    except Exception as error:  # a damaged archive can raise anything
        damaged(path, error)


def _without_filters(state: Mapping[str, Tensor], path: Path) -> State:
    kept = {}
    for name, tensor in state.items():
        if name.endswith(".kernel"):
            check_filter(name, tensor, path)
        else:
            kept[name] = checked_tensor(name, tensor, path).float()
    return kept


def _renamed(state: State, names: dict[str, str], path: Path) -> State:
    for name in names:
        if name not in state:
            raise CheckpointError(f"tensor {name} is missing", where=path, hint="Is it a StyleGAN2 of this format?")
    for name in state:
        if name not in names:
            raise CheckpointError(f"tensor {name} is of no StyleGAN2 of this format", where=path)
    return {own: _in_our_shape(own, state[other]) for other, own in names.items()}


def _in_our_shape(name: str, tensor: Tensor) -> Tensor:
    # Theirs have leading or trailing axes of length 1 where ours have none.
    if name.endswith(("noise_strength", "noise_const")):
        return tensor.squeeze()
    if name.endswith("const") or (tensor.ndim == 5 and len(tensor) == 1):
        return tensor[0]
    return tensor.flatten() if name.endswith("torgb.bias") else tensor


def _mean_latent(generator: State, layers: int, given: Any, path: Path) -> Tensor:
    """The mean of w: the file's, else over latents drawn with seed 0."""
    import numpy as np
    import torch

    from synthmammo.models.nets.stylegan2 import Mapping as MappingNetwork

    if given is not None:
        return checked_tensor("latent_avg", given, path).float().flatten()
    w_dim, z_dim = _mapping_widths(generator, layers, path)
    with torch.random.fork_rng(devices=[]):
        mapping = MappingNetwork(z_dim, 0, w_dim, layers)
    mapping.load_state_dict(
        {name[8:]: tensor for name, tensor in generator.items() if name.startswith("mapping.")}, strict=False
    )
    z = torch.from_numpy(np.random.RandomState(0).randn(_AVERAGE_SAMPLES, z_dim)).float()
    with torch.inference_mode():
        mean: Tensor = mapping(z).mean(0).clone()
    return mean


def _mapping_widths(generator: State, layers: int, path: Path) -> tuple[int, int]:
    """Lengths of w and z, where all layers between them fit."""
    first = generator["mapping.fc0.weight"] if layers else None
    if first is None or first.ndim != 2 or not first.numel():
        damaged(path, "its mapping network has no first layer")
    w_dim, z_dim = first.shape
    for index in range(layers):
        weight, bias = generator[f"mapping.fc{index}.weight"], generator[f"mapping.fc{index}.bias"]
        if weight.shape != (w_dim, w_dim if index else z_dim) or bias.shape != (w_dim,):
            damaged(path, f"layer {index} of its mapping network does not fit the others")
    return w_dim, z_dim


def write_rosinality(path: Path, config: StyleGAN2Config, networks: Mapping[str, Mapping[str, Tensor]]) -> Path:
    """Write a `.pt` that the published implementation loads.

    Args:
        path: The file.
        config: Shape of the model.
        networks: State dictionaries in our naming; a "generator" at least.

    Returns:
        The path.

    Raises:
        CheckpointError: The format has no place for the model.
        OutputError: The file cannot be written.
    """
    import torch

    if config.classes or config.z_dim != config.w_dim:
        what = "a conditional model" if config.classes else f"z_dim {config.z_dim} beside w_dim {config.w_dim}"
        raise CheckpointError(f"the rosinality format has no place for {what}", where=path)
    content: dict[str, Any] = {"latent_avg": networks["generator"]["mapping.w_avg"].float()}
    for role, state in networks.items():
        if role == "discriminator":
            names, filters = discriminator_names(config.resolution), _discriminator_filters(config.resolution)
        else:
            names = generator_names(config.resolution, config.mapping_layers)
            filters = _generator_filters(config.resolution)
        content[_ROLES[role]] = {other: _in_their_shape(own, state[own].float()) for own, other in names} | filters
    with writing(path) as partial:
        torch.save(content, partial)
    return path


def _in_their_shape(name: str, tensor: Tensor) -> Tensor:
    tensor = tensor.contiguous()
    if name.endswith("noise_strength"):
        return tensor[None]
    if name.endswith("noise_const"):
        return tensor[None, None]
    if name.endswith("torgb.bias"):
        return tensor[None, :, None, None]
    synthesis_kernel = name.startswith("synthesis.") and tensor.ndim == 4
    return tensor[None] if synthesis_kernel or name.endswith("b4.const") else tensor


def _generator_filters(resolution: int) -> State:
    blocks = range(int(math.log2(resolution)) - 2)
    names = [f"convs.{2 * k}.conv.blur.kernel" for k in blocks] + [f"to_rgbs.{k}.upsample.kernel" for k in blocks]
    return {name: _filter(4.0) for name in names}


def _discriminator_filters(resolution: int) -> State:
    numbers = range(1, int(math.log2(resolution)) - 1)
    return {f"convs.{n}.{part}.0.kernel": _filter(1.0) for n in numbers for part in ("conv2", "skip")}


def _filter(gain: float) -> Tensor:
    import torch

    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) * (gain / 64)
