"""Model files with random weights, small enough for tests."""

from pathlib import Path

import numpy as np
import torch

from synthmammo.models.file import Description, Scale, load, save_model
from synthmammo.models.nets.contextual import ContextualConfig, ContextualDiscriminator, ContextualGenerator
from synthmammo.models.nets.detail import DetailConfig, DetailGenerator
from synthmammo.models.nets.stylegan2 import Discriminator, Generator, StyleGAN2Config

STYLEGAN2 = StyleGAN2Config(resolution=64, z_dim=8, w_dim=12, mapping_layers=2, channel_base=512, channel_max=12)
CONDITIONAL = StyleGAN2Config(resolution=32, z_dim=8, w_dim=12, mapping_layers=2, classes=2, channel_base=128)
CONTEXTUAL = ContextualConfig(
    size=64, channels=(4, 6, 8, 10), discriminator_channels=(4, 6, 8, 10), attention_size=16, border_px=4
)

DETAIL = DetailConfig(factor=4, channels=8, blocks=1)


def as_dict(config: object) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(config).items()}


def stylegan2_file(
    path: Path,
    config: StyleGAN2Config = STYLEGAN2,
    *,
    discriminator: bool = False,
    classes: tuple[str, ...] = ("benign", "malignant"),
) -> Path:
    torch.manual_seed(0)
    networks: dict[str, torch.nn.Module] = {"generator": Generator(config)}
    if discriminator:
        networks["discriminator"] = Discriminator(config)
    description = Description(
        architecture="stylegan2",
        config=as_dict(config),
        classes=classes[: config.classes],
        spacing_mm=0.45,
        bits_stored=12,
        training_data={"name": "phantom", "digest": "0" * 64},
        licence="apache-2.0",
    )
    return save_model(path, networks, description)


def edited_file(path: Path) -> Path:
    """A StyleGAN2 with parts and directions beside it, as recipes with edits need them; nothing in them is measured."""
    from synthmammo.editing.directions.file import directions_file, write_directions
    from synthmammo.editing.directions.fitted import Attribute, Directions
    from synthmammo.editing.parts.fit import fit_parts
    from synthmammo.mammogram.terms import ATTRIBUTES

    checkpoint = load(stylegan2_file(path))
    fit_parts(path, samples=4, clusters=4, pairs=1)
    width, unit = STYLEGAN2.w_dim, np.eye(STYLEGAN2.w_dim, dtype=np.float32)
    attributes = {
        name: Attribute(unit[number], unit[number], 0.5, np.linspace(0, 1, 101, dtype=np.float32), 0.9)
        for number, name in enumerate(ATTRIBUTES)
    }
    ones = np.ones(width, np.float32)
    found = Directions(np.zeros((1, width), np.float32), unit, ones, np.asarray(ones / width, np.float32), attributes)
    write_directions(directions_file(path), found, checkpoint.digest)
    return path


def contextual_file(path: Path, makes: str = "mass") -> Path:
    torch.manual_seed(0)
    generator = ContextualGenerator(CONTEXTUAL)
    with torch.no_grad():
        generator.to_lesion.get_parameter("bias").fill_(-0.5 if makes == "removal" else 0.5)
    description = Description(
        architecture="contextual",
        config=as_dict(CONTEXTUAL),
        makes=makes,
        spacing_mm=0.4,
        scale=Scale.BREAST_PERCENTILES,
        licence="apache-2.0",
    )
    return save_model(path, {"generator": generator, "discriminator": ContextualDiscriminator(CONTEXTUAL)}, description)


def detail_file(path: Path, spacing_mm: float | None = 0.1125) -> Path:
    """A detail network that refines pixels four times as large as the spacing, by default those of `stylegan2_file`."""
    torch.manual_seed(0)
    description = Description("detail", as_dict(DETAIL), "detail", spacing_mm=spacing_mm, licence="apache-2.0")
    return save_model(path, {"generator": DetailGenerator(DETAIL)}, description)
