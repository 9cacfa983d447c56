"""Networks with weights of their own, and published files of them."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from synthmammo.models.nets.stylegan2 import Discriminator, Generator, StyleGAN2Config
from tests.support.published_files import (
    EasyDict,
    nvidia_bytes,
    persistent,
)


def trained(kind: type[nn.Module], config: StyleGAN2Config, seed: int) -> Any:
    torch.manual_seed(seed)
    network = kind(config).eval()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.ndim < 2 and "noise_const" not in name:
                tensor.add_(0.2 * torch.randn(tensor.shape))
    return network


def networks(config: StyleGAN2Config) -> dict[str, Any]:
    return {
        "G_ema": trained(Generator, config, 1),
        "G": trained(Generator, config, 2),
        "D": trained(Discriminator, config, 3),
    }


def nvidia_file(path: Path, config: StyleGAN2Config, protocol: int = 4) -> dict[str, Any]:
    made = networks(config)
    settings = {"D": {"epilogue_kwargs": EasyDict(mbstd_group_size=8)}}
    path.write_bytes(
        nvidia_bytes({name: persistent(m, **settings.get(name, {})) for name, m in made.items()}, protocol)
    )
    return made
