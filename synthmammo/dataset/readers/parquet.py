"""Parquet shards: a row group is read at a time, or only the one that a key is in."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthmammo.dataset.readers.base import AGAIN, SAMPLE_IMAGES, absent, foreign, sample_of
from synthmammo.errors import DatasetError
from synthmammo.mammogram.sample import Sample


class ParquetReader:
    """See the protocol `ShardReader`.

    Args:
        file: Path of the shard.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._previews: tuple[int, list[bytes]] = -1, []
        """Previews of the row group that was read last, and its number: pages show rows that follow each other."""

    def __len__(self) -> int:
        return int(self._open().metadata.num_rows)

    @cached_property
    def keys(self) -> list[str]:
        """Keys in the order of the file, from its key column."""
        return list(self._column("key"))

    @cached_property
    def splits(self) -> list[str]:
        """Split of each sample, from the file's column of that name."""
        return list(self._column("split"))

    @cached_property
    def _ends(self) -> list[int]:
        """Row after the last of each row group, from the file's footer."""
        metadata = self._open().metadata
        return list(accumulate(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)))

    def samples(self, rows: Sequence[int] | None = None) -> Iterator[Sample]:
        """Samples of some rows, or of all; one row group in memory at a time."""
        parquet, names = self._open(), self.label_names
        rows = range(len(self)) if rows is None else rows
        for group, members in groupby(rows, key=self._group):
            table, first = self._read(parquet, group), self._first(group)
            for row in members:
                yield self._sample(self._plain(table.slice(row - first, 1))[0], names)

    def provenances(self) -> Iterator[dict[str, Any]]:
        """How each sample was made or read, from the file's column of that name."""
        for text in self._column("provenance"):
            try:
                yield json.loads(text)
            except (TypeError, ValueError, RecursionError) as error:
                raise DatasetError(f"a provenance is no JSON ({error})", where=self._file, hint=AGAIN) from error

    def sample(self, row: int) -> Sample:
        """The sample of one row; reads its row group only."""
        return next(self.samples([row]))

    def preview(self, row: int) -> bytes:
        """The 8-bit preview of one row, a PNG file, from the file's column of that name."""
        group = self._group(row)
        if self._previews[0] != group:
            rows = self._plain(self._read(self._open(), group, ["preview"]))
            try:
                self._previews = group, [one["preview"]["bytes"] for one in rows]
            except (KeyError, TypeError) as error:
                raise foreign(None, error, self._file) from error
        return self._previews[1][row - self._first(group)]

    def _group(self, row: int) -> int:
        return bisect_right(self._ends, row)

    def _first(self, group: int) -> int:
        return self._ends[group - 1] if group else 0

    def _column(self, name: str) -> Iterator[str]:
        parquet = self._open()
        for group in range(parquet.num_row_groups):
            yield from (row[name] for row in self._plain(self._read(parquet, group, [name])))

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Classes in the order of their numbers, from the file's metadata."""
        try:
            metadata = json.loads(self._open().schema_arrow.metadata[b"huggingface"])
            return tuple(metadata["info"]["features"]["label"]["names"])
        except (KeyError, TypeError, ValueError) as error:
            message = "it does not name the classes of its column 'label', so it is not a file of this package"
            raise DatasetError(message, where=self._file) from error

    def _sample(self, row: dict[str, Any], names: tuple[str, ...]) -> Sample:
        try:
            pictures = {name: row[name]["bytes"] for name in SAMPLE_IMAGES}
            row |= {**pictures, "label": names[row["label"]]}
        except (KeyError, IndexError, TypeError) as error:
            raise foreign(row.get("key"), error, self._file) from error
        return sample_of(row, self._file)

    def _plain(self, table: pa.Table) -> list[dict[str, Any]]:
        try:
            return list(table.to_pylist())
        except (pa.ArrowException, ValueError, OverflowError) as error:  # texts are decoded only now
            raise DatasetError(f"its values cannot be read ({error})", where=self._file, hint=AGAIN) from error

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._file)
        except FileNotFoundError as error:
            raise absent(self._file) from error
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"not a whole Parquet file ({error})", where=self._file, hint=AGAIN) from error

    def _read(self, parquet: pq.ParquetFile, group: int, columns: list[str] | None = None) -> pa.Table:
        try:
            return parquet.read_row_group(group, columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            message = f"row group {group} cannot be read ({error})"
            raise DatasetError(message, where=self._file, hint=AGAIN) from error
