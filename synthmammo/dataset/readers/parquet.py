"""Parquet shards: a row group is read at a time, or only the one that a key is in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synthmammo.dataset.readers.base import AGAIN, SAMPLE_IMAGES, absent, foreign, sample_of
from synthmammo.errors import DatasetError
from synthmammo.mammogram.sample import Sample


class _Place(NamedTuple):
    row_group: int
    row: int


class ParquetReader:
    """See the protocol `ShardReader`.

    Args:
        file: Path of the shard.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def __len__(self) -> int:
        return int(self._open().metadata.num_rows)

    @cached_property
    def _places(self) -> dict[str, _Place]:
        parquet = self._open()
        places: dict[str, _Place] = {}
        for group in range(parquet.num_row_groups):
            keys = self._read(parquet, group, ["key"]).column("key").to_pylist()
            places.update((key, _Place(group, row)) for row, key in enumerate(keys))
        return places

    @property
    def keys(self) -> list[str]:
        """Keys in the order of the file, from its key column."""
        return list(self._places)

    def samples(self, split: str | None = None) -> Iterator[Sample]:
        """Samples in the order of the file, one row group in memory at a time."""
        parquet, names = self._open(), self.label_names
        for group in range(parquet.num_row_groups):
            if split and split not in self._read(parquet, group, ["split"]).column("split").to_pylist():
                continue  # before its pixels are read
            table = self._read(parquet, group)
            for row in range(table.num_rows):
                sample = self._sample(table.slice(row, 1).to_pylist()[0], names)
                if split in (None, sample.split):
                    yield sample

    def provenances(self) -> Iterator[dict[str, Any]]:
        """How each sample was made or read, from the file's column of that name."""
        parquet = self._open()
        for group in range(parquet.num_row_groups):
            for text in self._read(parquet, group, ["provenance"]).column("provenance").to_pylist():
                yield json.loads(text)

    def sample(self, key: str) -> Sample:
        """The sample of a key; reads its row group only."""
        place = self._places[key]
        table = self._read(self._open(), place.row_group).slice(place.row, 1)
        return self._sample(table.to_pylist()[0], self.label_names)

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
