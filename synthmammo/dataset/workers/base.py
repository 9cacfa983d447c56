"""The protocol of an engine: it applies one function to many tasks, reports progress, and stops when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from synthmammo.interruption import never

Advance = Callable[[int], None]
"""Function that is called with the number of samples done since its last call."""

Work = TypeVar("Work")
Result = TypeVar("Result")


class Report(Protocol):
    """Link of a running task to its engine."""

    def advance(self, samples: int = 1) -> None:
        """Tell that `samples` more are done."""
        ...

    def raise_if_stopped(self) -> None:
        """Raise `Stopped` when the whole run is to end."""
        ...


class Stopped(Exception):
    """Raised inside a task that is to end early; what it had begun is removed by its own clean-up."""


class Engine(Protocol):
    """Runs tasks; results arrive in any order."""

    def run(
        self,
        function: Callable[[Work, Report], Result],
        tasks: Iterable[Work],
        done: Callable[[Result], None],
        advance: Advance,
        ending: Callable[[], bool] = never,
    ) -> None:
        """Apply a function to every task.

        Args:
            function: Module-level function, or a `functools.partial` of one, so that it can cross processes.
            tasks: Tasks, taken as workers become free, never all at once.
            done: Function that is called in this process with every result.
            advance: Function that is called in this process with the number of samples done since its last call.
            ending: Function that says whether to end early: running tasks are finished, no further ones begun.

        Raises:
            KeyboardInterrupt: Ctrl-C, after the running tasks have cleaned up.
            Exception: The first error of a task, after the others have ended.
        """
        ...
