"""Memory that does not suffice, on a device or on the machine itself, as one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from synthmammo.errors import TrainingError

_ON_THE_PROCESSOR = "allocate memory"
"""What torch says there, in a RuntimeError without a class of its own."""


@contextmanager
def memory_errors(run: Path) -> Iterator[None]:
    """Turn the errors of a full memory, wherever they come from in the body, into ours.

    Args:
        run: The run directory, of which nothing is lost.

    Raises:
        TrainingError: The memory does not suffice.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and _ON_THE_PROCESSOR not in str(error):
            raise
        hint = "Give a smaller batch_size or precision bfloat16, and another directory (out); this run stays as it was."
        raise TrainingError("the memory of the device does not suffice", where=run, hint=hint) from error
