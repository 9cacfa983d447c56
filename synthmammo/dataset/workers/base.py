"""The protocol of an engine: apply one function to many tasks, report progress, stop when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

Advance = Callable[[int], None]
"""Function that is called with the number of samples done since its last call."""

Task = TypeVar("Task")
Result = TypeVar("Result")


class Report(Protocol):
    """What a running task is given to speak with its engine."""

    def advance(self, samples: int = 1) -> None:
        """Say that so many more samples are done."""
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
        function: Callable[[Task, Report], Result],
        tasks: Iterable[Task],
        done: Callable[[Result], None],
        advance: Advance,
    ) -> None:
        """Apply a function to every task.

        Args:
            function: Module-level function, or a `functools.partial` of one, so that it can cross processes.
            tasks: Taken as workers become free, never all at once.
            done: Called here with every result.
            advance: Called here with the number of samples done since the last call.

        Raises:
            KeyboardInterrupt: Ctrl-C, after the running tasks have cleaned up.
            Exception: The first error of a task, after the others have ended.
        """
        ...
