"""Converts published model files to ours, and ours to one that other tools read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.errors import CheckpointError
from synthmammo.models.file import Checkpoint, Description, load, save
from synthmammo.models.names import SUFFIX, locate
from synthmammo.models.published.base import Published, damaged
from synthmammo.models.published.nvidia import read_nvidia
from synthmammo.models.published.rosinality import read_rosinality, write_rosinality

if TYPE_CHECKING:
    import torch

_ZIP = b"PK\x03\x04"
_TORCH_BEFORE_1_6 = bytes.fromhex("8a0a6cfc9c46f9206aa850")  # the number at the start of PyTorch's older files


@dataclass(frozen=True)
class Facts:
    """What a published file does not say of its model.

    Attributes:
        spacing_mm: Millimetres per pixel; None when unknown.
        bits_stored: Bit depth of the images that the model was trained on.
        licence: Licence of the weights, as the Hugging Face Hub names it.
        classes: Names of the classes of a conditional model, in the order of its labels; empty numbers them.
        about: A few sentences on the model, attribution included.
    """

    spacing_mm: float | None = None
    bits_stored: int = 8
    licence: str = "other"
    classes: tuple[str, ...] = ()
    about: str = ""


def convert(source: str, out: Path, facts: Facts | None = None, *, half: bool = False) -> Path:
    """Convert a model file.

    Args:
        source: A StyleGAN2 or StyleGAN2-ADA `.pkl`, a rosinality `.pt`, or one of our models by any of its names.
        out: `.safetensors` for ours, `.pt` for rosinality's.
        facts: What a published file does not say; ours bring their own.
        half: Store ours with 16-bit floats.

    Returns:
        `out`.

    Raises:
        CheckpointError: The source is no such model, is damaged, or would execute something.
        OutputError: The file cannot be written.
    """
    if out.suffix not in (SUFFIX, ".pt"):
        hint = f"{SUFFIX} is the format of this package, .pt that of rosinality's stylegan2-pytorch."
        raise CheckpointError(f"no format is known by the ending '{out.suffix}'", where=out, hint=hint)
    path = locate(source)
    if path.suffix == SUFFIX:
        return _from_ours(load(path), out, half)
    model = read_published(path)
    if out.suffix == ".pt":
        return write_rosinality(out, model.config, model.networks)
    return _save(model, path, out, facts or Facts(), half)


def read_published(path: Path) -> Published:
    """Read a published model, whichever format it is in; the content decides, not the name.

    Raises:
        CheckpointError: It is in no known format, is damaged, or would execute something.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        damaged(path, error)
    if start.startswith(_ZIP) or _TORCH_BEFORE_1_6 in start:
        return read_rosinality(path)
    if start.startswith(b"\x80"):
        return read_nvidia(path)
    hint = "Known are StyleGAN2 and StyleGAN2-ADA .pkl, rosinality .pt and .safetensors of this package."
    raise CheckpointError("is no model file of a known format", where=path, hint=hint)


def _save(model: Published, path: Path, out: Path, facts: Facts, half: bool) -> Path:
    classes = facts.classes or tuple(str(number) for number in range(model.config.classes))
    if len(classes) != model.config.classes:
        message = f"the model has {model.config.classes} classes, {len(classes)} names were given"
        raise CheckpointError(message, where=path)
    description = Description(
        architecture="stylegan2",
        config=asdict(model.config),
        classes=classes,
        spacing_mm=facts.spacing_mm,
        bits_stored=facts.bits_stored,
        licence=facts.licence,
        about=facts.about,
        training={"converted_from": f"{path.name} ({model.format})"},
    )
    return save(out, model.networks, description, _half_type(half))


def _from_ours(checkpoint: Checkpoint, out: Path, half: bool) -> Path:
    networks = {name: checkpoint.network(name) for name in checkpoint.networks}
    if out.suffix == SUFFIX:
        return save(out, networks, checkpoint.description, _half_type(half))
    from synthmammo.models.nets.stylegan2 import StyleGAN2Config

    checkpoint.generator_of("stylegan2")
    config = StyleGAN2Config(**checkpoint.description.config)
    return write_rosinality(out, config, {name: network.state_dict() for name, network in networks.items()})


def _half_type(half: bool) -> torch.dtype | None:
    if not half:
        return None
    from torch import float16

    return float16
