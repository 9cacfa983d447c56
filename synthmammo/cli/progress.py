"""Progress bars with rate and time left, on the error stream, so that output can be piped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Update = Callable[[int, int | None], None]


@contextmanager
def progress_bar(what: str, total: int | None = None, unit: str = "images") -> Iterator[Update]:
    """Show a bar while the body runs.

    Args:
        what: What is being done.
        total: Units in all; None where the first update tells.
        unit: What is counted.

    Yields:
        A function to call with the units done so far and the units in all (None: as before).
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Units a second."""

        def render(self, task: Task) -> Text:
            """The rate, or a dash while it is unknown."""
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} {unit}/s" if speed else f"- {unit}/s")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)

        def update(done: int, of: int | None = None) -> None:
            bar.update(task, completed=done, total=of if of is not None else total)

        try:
            yield update
        except BaseException:
            if not bar.tasks[0].completed:
                bar.update(task, visible=False)  # an error before the first unit is all there is to say
            raise
