"""Converts published model files to ours, and ours to one that other tools read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.arguments import a_choice, a_path, a_positive, a_text, listed, wrong
from synthmammo.errors import CheckpointError, OutputError
from synthmammo.mammogram.sample import BITS_STORED
from synthmammo.models.file import Checkpoint, Description, load, save_model
from synthmammo.models.names import SUFFIX, locate_model
from synthmammo.models.published.base import PublishedModel, damaged
from synthmammo.models.published.families import called_by_name
from synthmammo.models.published.nvidia import read_nvidia
from synthmammo.models.published.rosinality import read_rosinality, write_rosinality

if TYPE_CHECKING:
    import torch

_ZIP = b"PK\x03\x04"
_TORCH_BEFORE_1_6 = bytes.fromhex("8a0a6cfc9c46f9206aa850")  # the number at the start of PyTorch's older files


@dataclass(frozen=True)
class _Facts:
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


def convert(
    source: str | Path,
    out: str | Path,
    *,
    spacing_mm: float | None = None,
    bits_stored: int = 8,
    licence: str = "other",
    classes: Sequence[str] = (),
    about: str = "",
    half: bool = False,
    overwrite: bool = False,
) -> Path:
    """Convert a model file. Nothing in it is executed.

    A model of this package brings its own description; the facts below are for published files, which say none of it.

    Args:
        source: StyleGAN2 or StyleGAN2-ADA `.pkl`, rosinality `.pt`, or a model of this package by any of its names.
        out: File to write: `.safetensors` for this package, `.pt` for rosinality's stylegan2-pytorch.
        spacing_mm: Millimetres per pixel of what the model makes; None when unknown.
        bits_stored: Bit depth of the images it was trained on: 8, 12, 14 or 16.
        licence: Licence of the weights, as the Hugging Face Hub names it.
        classes: Names of the classes of a conditional model, in the order of its labels; empty numbers them.
        about: A few sentences on the model, attribution included.
        half: Whether to store 16-bit floats in `.safetensors`, which halves the file.
        overwrite: True to replace a file that is there, whose licence and description are then lost.

    Returns:
        `out`.

    Raises:
        CheckpointError: The source is no such model, is damaged, or would execute something; or an argument makes no
            sense (its name comes first).
        OutputError: The file is there already, or cannot be written.

    Example:
        >>> import tempfile, synthmammo as sm
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sm.convert("zoo/stylegan2-cbis-mass-128", f"{folder}/model.safetensors", half=True).name
        'model.safetensors'
    """
    a_path(source, "source", CheckpointError)
    out = a_path(out, "out", CheckpointError)
    a_choice(half, "half", CheckpointError)
    facts = _facts(spacing_mm, bits_stored, licence, classes, about)
    if out.suffix not in (SUFFIX, ".pt"):
        hint = f"{SUFFIX} is the format of this package, .pt that of rosinality's stylegan2-pytorch."
        raise CheckpointError(f"no format is known by the ending '{out.suffix}'", where=out, hint=hint)
    path = locate_model(source)
    replaced = path.suffix != SUFFIX or not out.exists() or not path.samefile(out)  # a model of ours keeps what it says
    if out.exists() and replaced and not a_choice(overwrite, "overwrite", CheckpointError):
        hint = "Name another file, or replace this one with --overwrite (overwrite=True)."
        raise OutputError("is there already, with a licence and a description of its own", where=out, hint=hint)
    if path.suffix == SUFFIX:
        return _from_ours(load(path), out, half)
    model = read_published(path)
    if out.suffix == ".pt":
        return write_rosinality(out, model.config, model.networks)
    return _save(model, path, out, facts, half)


def _facts(spacing_mm: object, bits_stored: object, licence: object, classes: object, about: object) -> _Facts:
    if spacing_mm is not None:
        spacing_mm = a_positive(spacing_mm, "spacing_mm", "millimetres per pixel", CheckpointError)
    if bits_stored not in BITS_STORED:
        raise wrong("bits_stored", listed(BITS_STORED), bits_stored, CheckpointError)
    if not isinstance(classes, list | tuple) or not all(isinstance(name, str) for name in classes):
        raise wrong("classes", "a list of names", classes, CheckpointError)
    if not isinstance(about, str):
        raise wrong("about", "a text", about, CheckpointError)
    return _Facts(spacing_mm, int(bits_stored), a_text(licence, "licence", CheckpointError), tuple(classes), about)


def read_published(path: Path) -> PublishedModel:
    """Read a published model, whichever format it is in; the content decides, not the name.

    Raises:
        CheckpointError: It is in no known format, is damaged, or would execute something.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        damaged(path, error)
    try:
        if start.startswith(_ZIP) or _TORCH_BEFORE_1_6 in start:
            return read_rosinality(path)
        if start.startswith(b"\x80"):
            return read_nvidia(path)
    except CheckpointError as error:
        raise called_by_name(path, error) from error
    hint = "Known are StyleGAN2 and StyleGAN2-ADA .pkl, rosinality .pt and .safetensors of this package."
    raise CheckpointError("is no model file of a known format", where=path, hint=hint)


def _save(model: PublishedModel, path: Path, out: Path, facts: _Facts, half: bool) -> Path:
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
    return save_model(out, model.networks, description, _half_type(half))


def _from_ours(checkpoint: Checkpoint, out: Path, half: bool) -> Path:
    networks = {name: checkpoint.network(name) for name in checkpoint.networks}
    if out.suffix == SUFFIX:
        return save_model(out, networks, checkpoint.description, _half_type(half))
    from synthmammo.models.nets.stylegan2 import StyleGAN2Config

    checkpoint.generator_of("stylegan2")
    config = StyleGAN2Config(**checkpoint.description.config)
    return write_rosinality(out, config, {name: network.state_dict() for name, network in networks.items()})


def _half_type(half: bool) -> torch.dtype | None:
    if not half:
        return None
    from torch import float16

    return float16
