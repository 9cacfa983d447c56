"""How fast work goes and how long it will still take, from what it did lately."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import ceil
from time import monotonic

WINDOW_S = 30.0
"""Time in seconds that a rate looks back; further where fewer than two moments of work lie in it."""

LEAST_S = 1.5
"""Shortest time in seconds that says anything about a rate."""

SAME_S = 0.2
"""Work that is told of within this time counts as done at one moment: workers tell of it in heaps."""

UNKNOWN = "…"


class Pace:
    """Units per second over the recent past.

    The time before the first unit is left out: loading and warming up say nothing about the rest.

    Args:
        clock: Function that gives the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._moments: deque[tuple[float, int]] = deque()

    def note(self, made: int) -> None:
        """Take down how many units are made by now, those found done before left out."""
        now, moments = self._clock(), self._moments
        if not made:
            return
        if moments and now - moments[-1][0] < SAME_S:
            moments[-1] = (moments[-1][0], made)
        else:
            moments.append((now, made))
        while len(moments) > 2 and moments[1][0] < now - WINDOW_S:
            moments.popleft()

    @property
    def rate(self) -> float | None:
        """Units per second; None while nothing can be said."""
        if len(self._moments) < 2:
            return None
        (start, before), (end, made) = self._moments[0], self._moments[-1]
        seconds, steps = end - start, len(self._moments) - 1
        waiting = self._clock() - end
        # A report that is overdue by far makes the rate fall; one that is not due yet says nothing.
        seconds += waiting if waiting > 3 * seconds / steps else 0.0
        return (made - before) / seconds if seconds >= LEAST_S and made > before else None

    def seconds_left(self, units: int) -> float | None:
        """Time in seconds that so many units will take; None while nothing can be said."""
        return units / self.rate if self.rate else None


def duration(seconds: float | None) -> str:
    """A time as 0:00:07; an ellipsis for None.

    Args:
        seconds: Time in seconds.
    """
    if seconds is None:
        return UNKNOWN
    whole = ceil(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def per_second(rate: float | None, unit: str) -> str:
    """A rate as "3.2 images/s" or, of slow work, "4.1 s per image"; an ellipsis for None.

    Args:
        rate: Units per second.
        unit: Name of the units, in the plural.
    """
    if rate is None:
        return f"{UNKNOWN} {unit}/s"
    if rate < 0.5:
        return f"{1 / rate:.1f} s each"
    return f"{rate:,.1f} {unit}/s" if rate < 100 else f"{rate:,.0f} {unit}/s"
