"""Shares that are kept at every prefix, whatever the size: no row changes when more rows are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray


class Quota:
    """An endless sequence of class numbers whose counts stay within one of their shares at every prefix.

    Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980): among the k classes that are far
    enough behind their share, the one that must come soonest is next. No count is then ever further than
    1 - 1/(2k - 2) from its share, which is the best that any rule can promise.

    Args:
        shares: Shares of the classes, 0 or positive, with a sum of exactly one.
    """

    def __init__(self, shares: Sequence[Fraction]) -> None:
        if sum(shares) != 1 or min(shares) < 0:
            raise ValueError(f"{[str(share) for share in shares]} are not shares of one")
        self._classes = [number for number, share in enumerate(shares) if share]
        positive = [shares[number] for number in self._classes]
        # Whole numbers over one denominator, so that no rounding decides.
        self._denominator = lcm(*(share.denominator for share in positive))
        self._numerators = [int(share * self._denominator) for share in positive]
        self._counts = [0] * len(positive)
        self._step = 0

    def take(self, number: int) -> NDArray[np.int64]:
        """The next `number` class numbers, `int64 (number)`."""
        if len(self._classes) == 1:
            return np.full(number, self._classes[0], dtype=np.int64)
        return np.fromiter((self._next() for _ in range(number)), dtype=np.int64, count=number)

    def _next(self) -> int:
        self._step += 1
        span = 2 * len(self._classes) - 2
        best, soonest = -1, 0.0
        for place, numerator in enumerate(self._numerators):
            behind = (self._step * numerator - self._counts[place] * self._denominator) * span
            if behind < self._denominator:
                continue
            deadline = (self._denominator * (span - 1) - behind) / numerator
            if best < 0 or deadline < soonest:
                best, soonest = place, deadline
        self._counts[best] += 1
        return self._classes[best]


class JointQuota:
    """Class and split of every row: classes as in `Quota`, and inside each class the splits in their shares.

    Two separate quotas would alias: with two equal classes and an 80/10/10 split, validation becomes one class. One
    quota over the class x split cells would let the count of a rare class drift by one row per split. So the class
    comes first, and then the split that is furthest behind, in this class and as a whole. Measured over random shares
    (`pytest tests/planning/test_quota.py`): cells and splits stay within two of their shares.

    Args:
        classes: Shares of the classes, with a sum of exactly one.
        splits: Shares of the splits, with a sum of exactly one.
    """

    def __init__(self, classes: Sequence[Fraction], splits: Sequence[Fraction]) -> None:
        self._quota = Quota(classes)
        self._denominator = lcm(*(c.denominator * s.denominator for c in classes for s in splits))
        self._splits = [int(share * self._denominator) for share in splits]
        self._cells = [[int(c * s * self._denominator) for s in splits] for c in classes]
        self._cell_counts = [[0] * len(splits) for _ in classes]
        self._split_counts = [0] * len(splits)
        self._sequence: list[int] = []
        self._position = 0
        self._period: int | None = None

    def take(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The next `number` class numbers and split numbers, `int64 (number)` each."""
        end = self._position + number
        while self._period is None and len(self._sequence) < end:
            self._extend()
        places = np.arange(self._position, end)
        if self._period:
            places %= self._period
        self._position = end
        first = int(places.min(initial=0))
        codes = np.array(self._sequence[first : int(places.max(initial=0)) + 1], dtype=np.int64)[places - first]
        return codes // len(self._splits), codes % len(self._splits)

    def _extend(self) -> None:
        label, step = int(self._quota.take(1)[0]), len(self._sequence) + 1
        cells, counts = self._cells[label], self._cell_counts[label]
        best, furthest = 0, None
        for split, part in enumerate(self._splits):
            # Two thirds for the split itself: with half, splits of five classes could come 2.1 rows off their share.
            behind = 3 * (step * cells[split] - counts[split] * self._denominator)
            behind += 2 * (step * part - self._split_counts[split] * self._denominator)
            if part and (furthest is None or behind > furthest):
                best, furthest = split, behind
        counts[best] += 1
        self._split_counts[best] += 1
        self._sequence.append(label * len(self._splits) + best)
        rounds, rest = divmod(step, self._denominator)
        if not rest and self._cell_counts == [[cell * rounds for cell in row] for row in self._cells]:
            # Every count is exactly its share, as before the first row: from here the sequence repeats.
            self._period = step
