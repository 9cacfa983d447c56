"""Model files of NVIDIA's implementations: StyleGAN2-ADA in PyTorch, StyleGAN2 in TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthmammo.errors import CheckpointError
from synthmammo.models.published.base import (
    PublishedModel,
    State,
    check_filter,
    checked_tensor,
    damaged,
    infer_config,
)
from synthmammo.models.published.pickles import Module, Network, read_pickle
from synthmammo.models.published.tensorflow import discriminator_state, generator_state

_ROLES = {"generator": "G_ema", "training_generator": "G", "discriminator": "D"}
_DEVIATION_GROUP = 4


def read_nvidia(path: Path) -> PublishedModel:
    """The model in a `.pkl`.

    Raises:
        CheckpointError: It is damaged, no such file, or refers to anything but weights and settings.
    """
    content = read_pickle(path)
    try:
        if isinstance(content, dict) and isinstance(content.get("G_ema"), Module):
            return _from_pytorch(content, path)
        if isinstance(content, (tuple, list)) and len(content) == 3 and all(isinstance(x, Network) for x in content):
            return _from_tensorflow(content, path)
    except (AttributeError, TypeError, ValueError, RecursionError, RuntimeError) as error:
        damaged(path, error)
    except KeyError as error:
        raise CheckpointError(f"{error} is missing: not a StyleGAN2 with skip connections", where=path) from error
    damaged(path, "it holds no averaged generator G_ema")


def _from_pytorch(content: dict[str, Any], path: Path) -> PublishedModel:
    found = {role: content[key] for role, key in _ROLES.items() if isinstance(content.get(key), Module)}
    networks = {role: _state(module, path) for role, module in found.items()}
    group = _DEVIATION_GROUP
    if "discriminator" in found:
        group = found["discriminator"].argument("epilogue_kwargs", "mbstd_group_size", default=group)
    return PublishedModel(infer_config(networks["generator"], path, group), networks, "stylegan2-ada-pytorch")


def _state(module: Module, path: Path) -> State:
    state = {}
    for name, tensor in module.tensors():
        if name.endswith("resample_filter"):
            check_filter(name, tensor, path)
        else:
            state[name] = checked_tensor(name, tensor, path).float()
    return state


def _from_tensorflow(content: tuple[Network, ...] | list[Network], path: Path) -> PublishedModel:
    training, discriminator, averaged = (dict(network.variables()) for network in content)
    networks = {"generator": generator_state(averaged), "training_generator": generator_state(training)}
    config = infer_config(networks["generator"], path, _DEVIATION_GROUP)
    if not config.classes:  # a conditional one picks among outputs, ours projects
        networks["discriminator"] = discriminator_state(discriminator)
    return PublishedModel(config, networks, "stylegan2 (TensorFlow)")
