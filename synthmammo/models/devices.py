"""Where networks compute: the device, the batch and the precision, which decide pixels together; and the way there.

Every array that goes to a device for a dataset, and every one that comes back, passes `up` and `down`, so that tests
can count them on a machine without a GPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthmammo.errors import GeneratorError, SynthmammoError, nearest

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CPU, AUTO = "cpu", "auto"
CLASSES = (CPU, "cuda", "mps")
"""Classes of devices; equal bytes are promised within one."""

DEVICE_BATCH = 32
"""Images per batch on a device other than the processor where none is stated."""

FULL, HALF = "float32", "float16"


@dataclass(frozen=True)
class Computing:
    """How the networks of a build compute; fixed before its first shard.

    Attributes:
        device: Device of the networks, e.g. "cpu" or "cuda:1".
        batch: Number of images or lesions that a network makes together; None for what a generator has by itself.
        precision: Type of a StyleGAN2's activations, "float32" or "float16".
        served: Address and key of the process that has the networks; None, the default, where this one has them.
    """

    device: str = CPU
    batch: int | None = None
    precision: str = FULL
    served: tuple[str, bytes] | None = None

    @property
    def kind(self) -> str:
        """Class of the device, e.g. "cuda"."""
        return self.device.partition(":")[0]

    @property
    def in_batches(self) -> bool:
        """Whether a batch was settled, so that everything is made in batches of that size."""
        return self.batch is not None

    def record(self) -> dict[str, str]:
        """What a manifest says of it; nothing for the default, so that the digest stays what it was without it."""
        if not self.in_batches:
            return {}
        return {"device": self.kind, "batch": str(self.batch), "precision": self.precision}

    @classmethod
    def recorded(cls, machine: Mapping[str, str], device: str) -> Computing:
        """How a dataset's samples are made again.

        Args:
            machine: What its manifest says of the machine; batch and precision stand beside the device class.
            device: Device to make them on. Its precision is that of the dataset where its class is, else full.
        """
        batch = machine.get("batch")
        if batch is None or not batch.isdecimal():
            return cls(device, None if device == CPU else DEVICE_BATCH)
        same = machine.get("device") == device.partition(":")[0]
        return cls(device, int(batch), machine.get("precision", FULL) if same else FULL)


def settled(device: str = CPU, batch: int | None = None, *, promised: bool = False) -> Computing:
    """How the networks of a build compute, by what was asked for.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps", or "auto" for the best that there is here.
        batch: Number of images or lesions together; None for `DEVICE_BATCH`, and on the processor for the generator's
            own.
        promised: Whether the model promises that half precision suffices; it is used on other devices than the
            processor, which has no use for it.

    Raises:
        GeneratorError: The device is not there.
    """
    found = usable(device)
    if found == CPU:
        return Computing(CPU, batch)
    return Computing(found, batch or DEVICE_BATCH, HALF if promised else FULL)


def usable(device: str, where: str = "device", failure: type[SynthmammoError] = GeneratorError) -> str:
    """The device by its name, which is there and computes.

    Args:
        device: Name of a device, or "auto" for "cuda" where there is one, else "mps", else "cpu".
        where: What an error message names as its place.
        failure: Class of the error to raise.

    Raises:
        SynthmammoError: There is no such device here.
    """
    if device == CPU:
        return device
    import torch

    if device == AUTO:
        return next((name for name, there in _there() if there), CPU)
    kind = device.partition(":")[0]
    if kind not in CLASSES:
        hint = nearest(kind, [*CLASSES, AUTO])
        raise failure(f"no device is called '{device}'", where=where, hint=hint)
    try:
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # what PyTorch raises depends on the kind of device
        here = ", ".join([CPU, *(name for name, there in _there() if there)])
        hint = f"Here are: {here}; auto takes the best of them. `synthmammo doctor` says what PyTorch sees."
        reason = str(error).splitlines()[0]
        raise failure(f"'{device}' cannot be used here ({reason})", where=where, hint=hint) from None
    return device


def _there() -> Iterator[tuple[str, bool]]:
    import torch

    yield "cuda", torch.cuda.is_available()
    yield "mps", torch.backends.mps.is_available()


def promises_half(models: Iterable[Path]) -> bool:
    """Whether every StyleGAN2 among some model files promises that half precision suffices; False where none is one."""
    from synthmammo.models.file import describe

    found = [one for one in map(describe, models) if one.architecture == "stylegan2"]
    return bool(found) and all(one.half_precision for one in found)


def up(array: NDArray[Any] | Tensor, device: str | torch.device) -> Tensor:
    """An array as a tensor on a device; one on the processor shares its memory there."""
    import torch

    tensor = torch.from_numpy(array) if isinstance(array, np.ndarray) else array
    return tensor.to(device)


def down(tensor: Tensor) -> NDArray[Any]:
    """A tensor as an array."""
    return np.asarray(tensor.cpu().numpy())


_FULL_MEMORY = ("allocate memory", "out of memory")
"""What torch says in a RuntimeError without a class of its own."""


@contextmanager
def memory_for(batch: int, device: str) -> Iterator[None]:
    """Turn the errors of a full memory into a message that proposes a smaller batch.

    Args:
        batch: Number of images or lesions that are made together.
        device: Device of the network.

    Raises:
        GeneratorError: The memory does not suffice.
    """
    import torch

    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(text in str(error) for text in _FULL_MEMORY):
            raise
        message = f"the memory of {device} does not suffice for a batch of {batch}"
        hint = (
            "A batch never changes in the middle of a dataset: finished shards stay for the batch they were made with."
        )
        if batch > 1:
            hint = f"Begin anew with a smaller one: --batch {batch // 2} --overwrite, or another directory. {hint}"
        raise GeneratorError(message, where="batch", hint=hint) from error
