"""Parts of a dataset: a shard, or some rows of one; a dataset and every selection of it is a list of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from synthmammo.dataset.readers.base import ShardReader
from synthmammo.mammogram.sample import Sample


@dataclass(frozen=True)
class ShardSamples:
    """Samples of one shard, in an order; nothing is read before it is asked for.

    Attributes:
        shard: Reader of the shard.
        split: Split that all its samples belong to, as the manifest says; None where the shard has to tell.
        chosen: Rows of the shard; None for all.
    """

    shard: ShardReader
    split: str | None = None
    chosen: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.shard) if self.chosen is None else len(self.chosen)

    def row(self, place: int) -> int:
        """Row of the shard at a place of this part."""
        return place if self.chosen is None else self.chosen[place]

    @property
    def rows(self) -> Sequence[int]:
        """Rows of the shard, in the order of this part."""
        return range(len(self.shard)) if self.chosen is None else self.chosen

    def keys(self) -> list[str]:
        """Keys, without reading pixels."""
        return self._of(self.shard.keys)

    def samples(self) -> Iterator[Sample]:
        """Samples, what the reader needs at a time in memory."""
        return self.shard.samples(self.chosen)

    def provenances(self) -> list[dict[str, Any]]:
        """How the samples were made or read, without reading pixels."""
        return self._of(list(self.shard.provenances()))

    def in_split(self, split: str) -> list[ShardSamples]:
        """The samples of one split, as one part or none."""
        if self.split is not None:
            return [self] if self.split == split else []
        of_shard = self.shard.splits
        rows = tuple(row for row in self.rows if of_shard[row] == split)
        return [ShardSamples(self.shard, split, rows)] if rows else []

    def _of(self, values: list[Any]) -> list[Any]:
        return values if self.chosen is None else [values[row] for row in self.chosen]


def picked(places: Iterable[tuple[ShardSamples, int]]) -> list[ShardSamples]:
    """Parts for samples that were picked one by one, each with its part and its row of the shard."""
    runs = groupby(places, key=lambda place: id(place[0]))
    taken = [list(run) for _, run in runs]
    return [ShardSamples(run[0][0].shard, run[0][0].split, tuple(row for _, row in run)) for run in taken]
