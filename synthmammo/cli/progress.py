"""Progress on the error stream, so that output can be piped: a line that moves, or now and then one for a log."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from synthmammo.cli.pace import Pace, duration, per_second
from synthmammo.cli.volume import quiet
from synthmammo.interruption import stop_requests
from synthmammo.progress import Progress as Report
from synthmammo.progress import silent

FIRST_LINE_S, LINE_S = 10.0, 60.0
"""Times in seconds after which a log gets its first line, and the next ones."""

STARTING = "loading"


class Display(Protocol):
    """Shows a bar as it changes."""

    def show(self, bar: Bar) -> None:
        """Show what is new; called often."""
        ...

    def answer(self, text: str) -> None:
        """Show a line at once, which stays."""
        ...

    def close(self, bar: Bar) -> None:
        """Show the last state."""
        ...


class Bar:
    """What is known of one long work; a `Progress` with the methods that `synthmammo.progress` tells of.

    Args:
        what: Name of the work.
        total: Number of units in all; None where the first report tells it.
        unit: Name of the units, in the plural.
        clock: Function that gives the time in seconds.

    Attributes:
        done: Number of units done.
        stage_name: What the work does now; empty while the units say it.
        ended: Whether the work is over, False at first.
    """

    def __init__(self, what: str, total: int | None, unit: str, clock: Callable[[], float] = monotonic) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done, self.stage_name, self.ended = 0, STARTING, False
        self.pace, self._found, self._clock = Pace(clock), 0, clock
        self._began = clock()
        self.display: Display | None = None

    def __call__(self, done: int, total: int | None = None) -> None:
        """See `Progress`."""
        if done > max(self.done, self._found):
            self.stage_name = ""
        self.done, self.total = done, total if total is not None else self.total
        self.pace.note(max(0, done - self._found))
        self._show()

    def stage(self, what: str) -> None:
        """See `progress.stage`."""
        self.stage_name = what
        self._show()

    def resumed(self, number: int) -> None:
        """See `progress.resumed`."""
        self._found += number

    def answer(self, what: str) -> None:
        """Say what is done before the end that was asked for, e.g. "finishing the shard"."""
        self.stage_name = what
        if self.display:
            self.display.answer(f"{what}; Ctrl-C again to stop at once")

    @contextmanager
    def finishing(self, what: str) -> Iterator[Callable[[], bool]]:
        """See `progress.finishing`."""
        with stop_requests(lambda: self.answer(f"finishing {what}")) as stop:
            yield stop.is_set

    @property
    def seconds(self) -> float:
        """Time in seconds since the start."""
        return self._clock() - self._began

    @property
    def count(self) -> str:
        """Units done and in all."""
        return f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"

    @property
    def rate(self) -> str:
        """Units per second, in words."""
        return per_second(self.pace.rate, self.unit)

    @property
    def left(self) -> str:
        """Time left, in words."""
        units = None if self.total is None else max(0, self.total - self.done)
        return duration(0.0 if units == 0 else None if units is None else self.pace.seconds_left(units))

    @property
    def now(self) -> str:
        """What is done now: a stage, or the rate and the time left; "done" at the end."""
        if self.ended and self.done == self.total:
            return "done"
        return self.stage_name or f"{self.rate}, {self.left} left"

    def _show(self) -> None:
        if self.display:
            self.display.show(self)


@contextmanager
def progress_bar(what: str, total: int | None = None, unit: str = "images") -> Iterator[Report]:
    """Show how far work is while the body runs.

    A terminal gets a line that moves: what is done now, a bar, units done and in all, the rate of the recent past and
    the time left by it. Elsewhere, as in a log, work of more than ten seconds gets a line a minute.

    Args:
        what: Name of the work, shown before the bar.
        total: Number of units in all; None where the first report tells it.
        unit: Name of the units, in the plural.

    Yields:
        Function to call with the units done so far and the units in all; None leaves these as they were.
    """
    if quiet():
        yield silent
        return
    bar = Bar(what, total, unit)
    display: Display = Moving(bar) if _can_move() else Lines(bar)
    bar.display = display
    try:
        yield bar
    finally:
        bar.display, bar.ended = None, True
        display.close(bar)


def _can_move() -> bool:
    """Whether the error stream is a terminal that can go back on a line.

    NO_COLOR is about colours alone: a line that moves has none then.
    """
    return sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


class Moving:
    """A line of a terminal that moves.

    Args:
        bar: What is shown.
    """

    def __init__(self, bar: Bar) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
        from rich.table import Column
        from rich.text import Text

        class Words(ProgressColumn):
            """A text about the bar."""

            def __init__(self, text: Callable[[], str], column: Column) -> None:
                self.text, self.max_refresh = text, None
                super().__init__(column)

            def render(self, task: Task) -> Text:
                return Text(self.text())

        def words(text: Callable[[], str], *, stretch: bool = False) -> Words:
            return Words(text, Column(no_wrap=True, overflow="ellipsis", ratio=1 if stretch else None))

        console = Console(stderr=True)
        roomy = console.width >= 100
        columns: list[ProgressColumn] = [
            SpinnerColumn(),
            words(lambda: bar.what),
            BarColumn(bar_width=30 if roomy else 10),
            words(lambda: bar.count),
            words(lambda: bar.now, stretch=True),
            words(lambda: duration(int(bar.seconds))),
        ]
        self._progress = Progress(*columns, console=console, expand=True)
        self._task = self._progress.add_task(bar.what, total=bar.total)
        self._progress.start()

    def show(self, bar: Bar) -> None:
        """See `Display`."""
        self._progress.update(self._task, completed=bar.done, total=bar.total)

    def answer(self, text: str) -> None:
        """See `Display`."""
        self._progress.console.print(text, highlight=False, markup=False)
        self._progress.refresh()

    def close(self, bar: Bar) -> None:
        """See `Display`."""
        if not bar.done:
            self._progress.update(self._task, visible=False)  # an error before the first unit is all there is to say
        self._progress.stop()


class Lines:
    """Lines of a log: none for short work, and no silence during long work.

    Args:
        bar: What is told.
        first_s: Time in seconds after which the first line comes.
        line_s: Time in seconds after which each further line comes.
    """

    def __init__(self, bar: Bar, first_s: float = FIRST_LINE_S, line_s: float = LINE_S) -> None:
        self._bar, self._waits, self._told = bar, (first_s, line_s), False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()

    def _tell(self) -> None:
        first_s, line_s = self._waits
        wait_s = first_s
        while not self._closed.wait(wait_s):
            bar, wait_s, self._told = self._bar, line_s, True
            self.answer(f"{bar.what}: {bar.stage_name or f'{bar.count} {bar.unit}, {bar.now}'}")

    def show(self, bar: Bar) -> None:
        """See `Display`; what changes is told when its time has come."""

    def answer(self, text: str) -> None:
        """See `Display`."""
        print(text, file=sys.stderr, flush=True)

    def close(self, bar: Bar) -> None:
        """See `Display`."""
        self._closed.set()
        self._thread.join()
        if self._told and bar.done:
            self.answer(f"{bar.what}: {bar.count} {bar.unit} in {duration(bar.seconds)}")
