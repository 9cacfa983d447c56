"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Function that long work calls with the units done so far and the units in all; None while these are unknown."""


def silent(done: int, total: int | None) -> None:
    """Show nothing: the default of every `progress`."""


class Steps:
    """Adds up the units of several parts of one work.

    Args:
        progress: Function that is called after every part.
        total: Number of units in all.
    """

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, more: int) -> None:
        """Count `more` units as done."""
        self.done += more
        self.progress(self.done, self.total)
