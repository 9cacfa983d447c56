"""Stands for the shards of a dataset that has none to read: what it holds is known, its pixels are not here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from synthmammo.dataset.index import read_index
from synthmammo.errors import DatasetError
from synthmammo.mammogram.sample import Sample


def unread(directory: Path) -> DatasetError:
    """The error for a dataset that has neither Parquet files nor tars."""
    hint = "Samples are read from these; add `parquet` to the recipe's `emit` and build again."
    return DatasetError("it holds no Parquet files and no listed tars", where=directory, hint=hint)


class IndexReader:
    """See the protocol `ShardReader`; keys and splits are those of the index, samples cannot be read.

    Args:
        directory: Path of the dataset.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = read_index(self._directory).select(["key", "split"]).to_pylist()
        return rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def keys(self) -> list[str]:
        """Keys in the order of the index."""
        return [row["key"] for row in self._rows]

    @property
    def splits(self) -> list[str]:
        """Splits in the order of the index."""
        return [row["split"] for row in self._rows]

    def samples(self, rows: Sequence[int] | None = None) -> Iterator[Sample]:
        """None can be read."""
        raise unread(self._directory)

    def provenances(self) -> Iterator[dict[str, Any]]:
        """None can be read."""
        raise unread(self._directory)

    def sample(self, row: int) -> Sample:
        """None can be read."""
        raise unread(self._directory)

    def preview(self, row: int) -> bytes:
        """None can be read."""
        raise unread(self._directory)
