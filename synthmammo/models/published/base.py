"""What every published format is turned into, and how the shape of a model follows from its tensors."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from synthmammo.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from synthmammo.models.nets.stylegan2 import StyleGAN2Config

State = dict[str, "Tensor"]
"""Tensors of one network by layer, in the naming of `nets.stylegan2`."""


@dataclass(frozen=True)
class PublishedModel:
    """A published model, in our naming.

    Attributes:
        config: Shape of the model.
        networks: "generator" (the averaged one), and where the file has them "training_generator", "discriminator".
        format: Name of the format it came in.
    """

    config: StyleGAN2Config
    networks: dict[str, State]
    format: str


def damaged(path: Path, reason: object) -> NoReturn:
    """End with the one message for a file that cannot be read."""
    # An error of a pickle may carry what the pickle made: a few bytes can make what takes for ever to print.
    plain = not isinstance(reason, BaseException) or all(isinstance(part, str | int) for part in reason.args)
    text = str(reason).strip() if plain else ""
    first = text.splitlines()[0].partition(". ")[0] if text else type(reason).__name__
    raise CheckpointError(f"is damaged or no model file ({first})", where=path, hint="Fetch or copy it again.")


def refused(path: Path, name: str) -> CheckpointError:
    """The one message for a file that would run something of its own when opened."""
    message = f"refers to {name}, which no StyleGAN2 model needs; nothing of it was executed"
    return CheckpointError(message, where=path, hint="Do not open this file with other tools.")


def forbidden_name(error: Exception) -> str | None:
    """The name at which PyTorch's restricted reader stopped, if it stopped at one."""
    found = re.search(r"GLOBAL ([\w.]+)|global ([\w.]+) was not an allowed", str(error))
    return (found[1] or found[2]) if found else None


def infer_config(generator: Mapping[str, Tensor], where: Path, deviation_group: int = 4) -> StyleGAN2Config:
    """The shape of a generator from the shapes of its tensors.

    Raises:
        CheckpointError: They are not those of a StyleGAN2 with skip connections.
    """
    from synthmammo.models.nets.stylegan2 import StyleGAN2Config

    try:
        widths = {
            int(found[1]): tensor.shape[0]
            for name, tensor in generator.items()
            if (found := re.fullmatch(r"synthesis\.b(\d+)\.conv1\.weight", name))
        }
        resolution, highest = max(widths), widths[4]
        layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in generator)
        embedded = generator.get("mapping.embed.weight")
        features, classes = embedded.shape if embedded is not None else (0, 0)
        config = StyleGAN2Config(
            resolution=resolution,
            image_channels=generator["synthesis.b4.torgb.weight"].shape[0],
            z_dim=generator["mapping.fc0.weight"].shape[1] - features,
            w_dim=generator["mapping.w_avg"].shape[0],
            mapping_layers=layers,
            classes=classes,
            channel_base=widths[resolution] * resolution,
            channel_max=highest,
            deviation_group=deviation_group,
        )
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointError(f"is not a StyleGAN2 generator ({error} is missing or odd)", where=where) from error
    for size, width in widths.items():
        if config.channels(size) != width:
            message = f"has {width} channels at {size} pixels, where the rule channel_base / resolution gives"
            raise CheckpointError(f"{message} {config.channels(size)}", where=where)
    return config


def checked_tensor(name: str, tensor: Any, where: Path) -> Tensor:
    """The tensor of a file, where the file holds every number of it.

    A view can repeat one stored number as often as its shape says; copied, it would take any amount of memory.

    Raises:
        CheckpointError: It is something else than a tensor, or larger than what is stored for it.
    """
    import torch

    if not isinstance(tensor, torch.Tensor):
        damaged(where, f"{name} is no tensor")
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        damaged(where, f"{name} is not a plain tensor")
    if (
        tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes()
        or max(tensor.shape, default=0) > 2**31
    ):
        damaged(where, f"{name} is larger than what is stored for it")
    return tensor


def check_archive(file: IO[bytes], packed: int, where: Path) -> None:
    """Refuse an archive that is larger unpacked than as it is; PyTorch packs nothing.

    Args:
        file: What may be a ZIP archive; anything else passes.
        packed: Its size in bytes.
        where: Path of the file, for the message.

    Raises:
        CheckpointError: It is damaged, or its members are packed.
    """
    try:
        if not zipfile.is_zipfile(file):
            return
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        damaged(where, error)
    if size > packed:
        damaged(where, f"unpacked it would take {size:,} bytes, more than the file")


def check_filter(name: str, kernel: Tensor, where: Path) -> None:
    """Refuse a model with another low-pass than [1, 3, 3, 1].

    Raises:
        CheckpointError: Naming the tensor.
    """
    import torch

    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    checked_tensor(name, kernel, where)
    total = kernel.sum()
    if kernel.shape != (4, 4) or not torch.allclose(kernel.float() / total, torch.outer(taps, taps) / 64, atol=1e-6):
        raise CheckpointError(f"{name} is not the filter [1, 3, 3, 1] of the published models", where=where)
