"""Progress bars with rate and time left, on the error stream, so that output can be piped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from synthmammo.cli.volume import quiet
from synthmammo.progress import Progress, silent


@contextmanager
def progress_bar(what: str, total: int | None = None, unit: str = "images") -> Iterator[Progress]:
    """Show a bar while the body runs.

    Args:
        what: Name of the work, shown before the bar.
        total: Number of units in all; None where the first update tells it.
        unit: Name of the units, in the plural.

    Yields:
        Function to call with the units done so far and the units in all; None leaves these as they were.
    """
    if quiet():
        yield silent
        return
    from rich import progress
    from rich.console import Console
    from rich.progress import TextColumn
    from rich.text import Text

    class Rate(progress.ProgressColumn):
        """Units per second."""

        def render(self, task: progress.Task) -> Text:
            """The rate, or a dash while it is unknown."""
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} {unit}/s" if speed else f"- {unit}/s")

    columns = (
        TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        Rate(),
        progress.TimeElapsedColumn(),
        TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)

        def update(done: int, of: int | None = None) -> None:
            bar.update(task, completed=done, total=of if of is not None else total)

        try:
            yield update
        finally:
            if not bar.tasks[0].completed:
                bar.update(task, visible=False)  # an error before the first unit is all there is to say
