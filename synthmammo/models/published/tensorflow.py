"""The TensorFlow pickles of the original StyleGAN2, from what `nvidia` reads of them: other names, other axes.

A network there keeps its variables in a flat list, and its parts (mapping, synthesis) as networks of their own.
Kernels are stored as (height, width, in, out), those of resampling convolutions turned by 180 degrees; style biases
lack their 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthmammo.models.published.base import State

if TYPE_CHECKING:
    from torch import Tensor

Variables = Mapping[str, NDArray[np.float32]]
_Entry = tuple[str, str, str]
"""Our name, theirs, and what is done to the numbers: a key of `_CHANGES`."""

_CHANGES = {
    "same": lambda value: value,
    "matrix": lambda value: value.T,
    "kernel": lambda value: value.transpose(3, 2, 0, 1),
    "turned": lambda value: value[::-1, ::-1].transpose(3, 2, 0, 1),
    "style bias": lambda value: value + 1,
    "first": lambda value: value[0],
    "noise": lambda value: value[0, 0],
}


def generator_entries(resolution: int, layers: int, conditional: bool) -> Iterator[_Entry]:
    """Every tensor of a generator."""
    yield "mapping.w_avg", "dlatent_avg", "same"
    if conditional:
        yield "mapping.embed.weight", "mapping/LabelEmbed/weight", "matrix"
        yield "mapping.embed.bias", "mapping/LabelEmbed/bias", "same"
    for index in range(layers):
        yield from _dense(f"mapping.fc{index}", f"mapping/Dense{index}")
    yield "synthesis.b4.const", "synthesis/4x4/Const/const", "first"
    for power in range(2, int(math.log2(resolution)) + 1):
        ours, theirs = f"synthesis.b{2**power}", f"synthesis/{2**power}x{2**power}"
        if power > 2:
            yield from _styled(f"{ours}.conv0", f"{theirs}/Conv0_up", "turned")
            yield f"{ours}.conv0.noise_const", f"synthesis/noise{2 * power - 5}", "noise"
        yield from _styled(f"{ours}.conv1", f"{theirs}/Conv" if power == 2 else f"{theirs}/Conv1", "kernel")
        yield f"{ours}.conv1.noise_const", f"synthesis/noise{2 * power - 4}", "noise"
        yield from _modulated(f"{ours}.torgb", f"{theirs}/ToRGB", "kernel")


def discriminator_entries(resolution: int) -> Iterator[_Entry]:
    """Every tensor of an unconditional discriminator."""
    yield from _conv(f"b{resolution}.fromrgb", f"{resolution}x{resolution}/FromRGB", "kernel")
    for power in range(int(math.log2(resolution)), 2, -1):
        ours, theirs = f"b{2**power}", f"{2**power}x{2**power}"
        yield from _conv(f"{ours}.conv0", f"{theirs}/Conv0", "kernel")
        yield from _conv(f"{ours}.conv1", f"{theirs}/Conv1_down", "turned")
        yield f"{ours}.skip.weight", f"{theirs}/Skip/weight", "turned"
    yield from _conv("b4.conv", "4x4/Conv", "kernel")
    yield from _dense("b4.fc", "4x4/Dense0")
    yield from _dense("b4.out", "Output")


def _dense(ours: str, theirs: str) -> Iterator[_Entry]:
    yield f"{ours}.weight", f"{theirs}/weight", "matrix"
    yield f"{ours}.bias", f"{theirs}/bias", "same"


def _conv(ours: str, theirs: str, change: str) -> Iterator[_Entry]:
    yield f"{ours}.weight", f"{theirs}/weight", change
    yield f"{ours}.bias", f"{theirs}/bias", "same"


def _modulated(ours: str, theirs: str, change: str) -> Iterator[_Entry]:
    yield from _conv(ours, theirs, change)
    yield f"{ours}.affine.weight", f"{theirs}/mod_weight", "matrix"
    yield f"{ours}.affine.bias", f"{theirs}/mod_bias", "style bias"


def _styled(ours: str, theirs: str, change: str) -> Iterator[_Entry]:
    yield from _modulated(ours, theirs, change)
    yield f"{ours}.noise_strength", f"{theirs}/noise_strength", "same"


def generator_state(variables: Variables) -> State:
    """A generator in our naming.

    Raises:
        KeyError: A variable is missing.
    """
    sides = [int(name.split("/")[1].split("x")[0]) for name in variables if name.endswith("/ToRGB/weight")]
    layers = sum(name.startswith("mapping/Dense") and name.endswith("/weight") for name in variables)
    entries = generator_entries(max(sides, default=4), layers, "mapping/LabelEmbed/weight" in variables)
    return {ours: _changed(variables[theirs], change) for ours, theirs, change in entries}


def discriminator_state(variables: Variables) -> State:
    """A discriminator in our naming.

    Raises:
        KeyError: A variable is missing.
    """
    sides = [int(name.split("x")[0]) for name in variables if name.endswith("/FromRGB/weight")]
    return {
        ours: _changed(variables[theirs], change)
        for ours, theirs, change in discriminator_entries(max(sides, default=4))
    }


def _changed(value: NDArray[np.float32], change: str) -> Tensor:
    import torch

    return torch.from_numpy(np.array(_CHANGES[change](value), np.float32, order="C"))
