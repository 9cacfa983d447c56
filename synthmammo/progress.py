"""Reports of long work on how far it has come.

Work is given a function, `Progress`, and calls it. One that can show more than numbers, as the bar of the command line
does, has methods besides: `stage`, `answer`, `resumed` and `finishing`; functions here call them where they are there.
A plain function is enough for those who only want the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from synthmammo.interruption import never

Progress = Callable[[int, int | None], None]
"""Function that long work calls with the number of units done so far and of all units; None while that is unknown."""


def silent(done: int, total: int | None) -> None:
    """Show nothing: the default of every argument `progress`."""


def stage(progress: object, what: str) -> None:
    """Say what work is doing now; it holds until the next stage, or the next unit that is done.

    Args:
        progress: Function that is told of the work, a `Progress` or `Steps`.
        what: A few words, e.g. "loading the model".
    """
    if tell := getattr(progress, "stage", None):
        tell(what)


def answering(progress: object) -> Callable[[str], None] | None:
    """Function that shows a few words at once, from any thread, where somebody is there to read them; else None.

    Args:
        progress: Function that is told of the work, a `Progress` or `Steps`.
    """
    tell: Callable[[str], None] | None = getattr(progress, "answer", None)
    return tell


def resumed(progress: object, number: int) -> None:
    """Say that so many of the units that are reported next were done before, so that no rate counts them.

    Args:
        progress: Function that is told of the work, a `Progress` or `Steps`.
        number: Number of units, beside those found before.
    """
    if number and (tell := getattr(progress, "resumed", None)):
        tell(number)


@contextmanager
def finishing(progress: object, what: str) -> Iterator[Callable[[], bool]]:
    """While the body runs, let Ctrl-C ask for an end at a good place, where somebody is there to be told so.

    Args:
        progress: Function that is told of the work, a `Progress` or `Steps`.
        what: What is finished before the end, e.g. "the shard".

    Yields:
        Function that says whether an end was asked for. A `KeyboardInterrupt` is raised at the second Ctrl-C; without
        somebody to tell, as for a plain function, at the first.
    """
    if begin := getattr(progress, "finishing", None):
        with begin(what) as asked:
            yield asked
    else:
        yield never


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

    def stage(self, what: str) -> None:
        """See the function `stage`."""
        stage(self.progress, what)

    def resumed(self, number: int) -> None:
        """See the function `resumed`."""
        resumed(self.progress, number)

    @contextmanager
    def finishing(self, what: str) -> Iterator[Callable[[], bool]]:
        """See the function `finishing`."""
        with finishing(self.progress, what) as asked:
            yield asked
