"""Networks on one thread: what goes into a dataset must not depend on how many threads its maker happens to have."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
