"""Reports of long work on how far it has come."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Function that long work calls with the number of units done so far and of all units; None while that is unknown."""


def silent(done: int, total: int | None) -> None:
    """Show nothing: the default of every argument `progress`."""


class Steps:
    """Adds up the units that the parts of one long work have done.

    Args:
        progress: Function to call after every part.
        total: Number of all units.
    """

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, more: int) -> None:
        """Count `more` units as done."""
        self.done += more
        self.progress(self.done, self.total)
