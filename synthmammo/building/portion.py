"""Some of a plan's shards, as a machine among many is given them: part 3 of 64, or the shards 0 to 99."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from synthmammo.errors import RecipeError

_PART = re.compile(r"(\d{1,9})/(\d{1,9})")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


@dataclass(frozen=True)
class Part:
    """One of some equal parts of the shards.

    Attributes:
        number: Number of the part, from 1.
        parts: Number of parts.
    """

    number: int
    parts: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """The part that a text as "3/64" names.

        Raises:
            RecipeError: It names none.
        """
        found = _PART.fullmatch(text)
        hint = "Parts count from 1: 1/64 is the first of 64, and 64/64 the last."
        if not found:
            raise RecipeError(f"'{text}' names no part, expected as 3/64", where="part", hint=hint)
        number, parts = map(int, found.groups())
        if not 1 <= number <= parts:
            raise RecipeError(f"there is no part {number} of {parts}", where="part", hint=hint)
        return cls(number, parts)

    def of(self, names: Sequence[str]) -> list[str]:
        """Those of a plan's shards that belong to the part; parts differ by at most one shard.

        Args:
            names: Names of all shards, in the order of the plan.

        Raises:
            RecipeError: There are more parts than shards.
        """
        if self.parts > len(names):
            message = f"the plan has {len(names)} shards, too few for {self.parts} parts"
            hint = "Ask for fewer parts, or state a smaller emit.shard_size, the same one for all parts."
            raise RecipeError(message, where="part", hint=hint)
        first, end = ((self.number - back) * len(names) // self.parts for back in (1, 0))
        return list(names[first:end])

    def __str__(self) -> str:
        return f"part {self.number} of {self.parts}"


@dataclass(frozen=True)
class Ranges:
    """Some shards by their numbers, which count from 0 in the order of the plan.

    Attributes:
        ranges: First and last number of each range.
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> Ranges:
        """The shards that a text as "0-99" or "0-4,7" names.

        Raises:
            RecipeError: It names none.
        """
        found = [_RANGE.fullmatch(one.strip()) for one in text.split(",")]
        ranges = tuple((int(one[1]), int(one[2] or one[1])) for one in found if one)
        if len(ranges) < len(found):
            hint = "Shards count from 0 in the order of the plan; both ends of a range belong to it."
            raise RecipeError(f"'{text}' names no shards, expected as 0-99 or 0-4,7", where="shards", hint=hint)
        for first, last in ranges:
            if last < first:
                raise RecipeError(f"{first}-{last} ends before it begins", where="shards", hint=f"{last}-{first}?")
        return cls(ranges)

    def of(self, names: Sequence[str]) -> list[str]:
        """Those of a plan's shards that were named, each once, in the order of the plan.

        Args:
            names: Names of all shards, in the order of the plan.

        Raises:
            RecipeError: A number is beyond the last shard.
        """
        most = max(last for _, last in self.ranges)
        if most >= len(names):
            message = f"the plan has {len(names)} shards, 0 to {len(names) - 1}, and {most} is none of them"
            raise RecipeError(message, where="shards", hint="Shards count from 0.")
        numbers = {number for first, last in self.ranges for number in range(first, last + 1)}
        return [names[number] for number in sorted(numbers)]

    def __str__(self) -> str:
        return f"shards {as_ranges([n for first, last in self.ranges for n in range(first, last + 1)])}"


Portion = Part | Ranges


def as_ranges(numbers: Sequence[int]) -> str:
    """Numbers as a text that `Ranges.parse` understands, e.g. "0-4,7"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
