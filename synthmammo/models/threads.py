"""Threads of networks: how many there are, and one alone where the bytes of a dataset depend on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from synthmammo.arguments import a_number
from synthmammo.errors import GeneratorError
from synthmammo.models.processors import free_cores, wait_without_spinning

_VARIABLE = "OMP_NUM_THREADS"
_stated: int | None = None


def set_threads(count: int | None = None) -> int:
    """Say on how many threads networks compute in this process from now on.

    Not what goes into a dataset: that is computed on one thread, so that its bytes are the same everywhere.

    Args:
        count: Number of threads. None, the default, takes that of the environment, `OMP_NUM_THREADS`, else one per
            core that this process may use, by its affinity and the quota of its container, and that no other process
            uses now.

    Returns:
        The number.

    Raises:
        GeneratorError: The number is not a whole number of at least 1.

    Example:
        >>> import synthmammo as sm
        >>> sm.set_threads(1)
        1
    """
    global _stated
    wait_without_spinning()
    _stated = None if count is None else a_number(count, "count", GeneratorError, least=1)
    number = _stated or _of_environment() or free_cores()
    _put(number)
    return number


def keep_threads(count: int | None) -> None:
    """Compute on as many threads as before an interruption, unless somebody said otherwise.

    Sums depend on their number of parts, and so do the weights of a training that goes on.

    Args:
        count: Number of threads before the interruption; None where it is not known.
    """
    if count is not None and _stated is None and _of_environment() is None:
        _put(count)


def _of_environment() -> int | None:
    """What the user's environment says; what `set_threads` itself wrote there is not the user's."""
    text = os.environ.get(_VARIABLE, "").split(",")[0]
    return int(text) if text.isdecimal() and int(text) and text != _written else None


_written: str | None = None


def _put(count: int) -> None:
    global _written
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)
    elif os.environ.get(_VARIABLE) != str(count):
        # PyTorch reads it as it is imported; importing it here would take seconds.
        os.environ[_VARIABLE] = _written = str(count)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let networks compute on one thread while the body runs; the caller's number is restored after it.

    Sums on the processor depend on their number of parts. Workers of a build have one thread each; this gives the same
    bytes to a process that works by itself. Does nothing where torch is not imported: then no network is open.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 1
    if torch is None or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
