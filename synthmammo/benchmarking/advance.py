"""Progress over the parts of a benchmark."""

from __future__ import annotations

from collections.abc import Callable


class Advance:
    """Adds up what is done for a progress callback.

    Args:
        progress: Called with what is done and what there is to do.
        total: What there is to do.
    """

    def __init__(self, progress: Callable[[int, int], None], total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, more: int) -> None:
        """So much more is done."""
        self.done += more
        self.progress(self.done, self.total)
