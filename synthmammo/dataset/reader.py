"""A dataset directory read back: samples in order or by key, in flat memory, from its Parquet files or its tars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from synthmammo.dataset.layout import MANIFEST
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.readers.base import ShardReader
from synthmammo.dataset.readers.parquet import ParquetReader
from synthmammo.dataset.readers.webdataset import WebDatasetReader
from synthmammo.errors import DatasetError, nearest
from synthmammo.mammogram.sample import Sample


class Dataset:
    """What `build`, `ingest` and `patches` wrote; Parquet is read where there is any, else WebDataset.

    Opening reads the manifest only; keys are read from the shards when first asked for.

    Attributes:
        path: Directory of the dataset.
        manifest: Manifest of the dataset; None for a directory that only holds Parquet files of this package.
    """

    def __init__(self, path: Path, shards: Sequence[ShardReader], manifest: Manifest | None) -> None:
        self.path, self.manifest = path, manifest
        self._shards = tuple(shards)

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """Open a dataset directory.

        Args:
            path: Path of the directory.

        Raises:
            DatasetError: It is not one, or it has neither Parquet files nor tars.
        """
        path = Path(path)
        if not path.is_dir():
            raise DatasetError("no such directory", where=path, hint="Give the directory of a dataset.")
        manifest = Manifest.read(path) if (path / MANIFEST).exists() else None
        shards = _loose(path) if manifest is None else _listed(path, manifest)
        if not shards:
            hint = "Samples are read from these; add `parquet` to the recipe's `emit` and build again."
            raise DatasetError("it holds no Parquet files and no listed tars", where=path, hint=hint)
        return cls(path, shards, manifest)

    @cached_property
    def _places(self) -> dict[str, ShardReader]:
        return {key: shard for shard in self._shards for key in shard.keys}

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all samples, in the order of the files."""
        return tuple(self._places)

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Classes in the order of their numbers; tars do not number them, so there they are sorted."""
        if isinstance(self._shards[0], ParquetReader):
            return self._shards[0].label_names
        assert self.manifest is not None
        return tuple(sorted({label for labels in self.manifest.counts.values() for label in labels}))

    def __len__(self) -> int:
        """Number of samples."""
        return sum(len(shard) for shard in self._shards)

    def __iter__(self) -> Iterator[Sample]:
        """All samples, in the order of the files."""
        return self.samples()

    def samples(self, split: str | None = None) -> Iterator[Sample]:
        """Samples in the order of the files; only what a reader needs at a time is in memory.

        Args:
            split: Name of the only split to read; None, the default, for all.

        Raises:
            DatasetError: A file is absent, cut short, or no file of this package.
        """
        for shard in self._shards:
            yield from shard.samples(split)

    def provenances(self) -> Iterator[dict[str, Any]]:
        """How each sample was made or read, in the order of the files, without reading pixels.

        Raises:
            DatasetError: A file is absent or cut short.
        """
        for shard in self._shards:
            yield from shard.provenances()

    def scaled_to_fit(self) -> int:
        """Number of samples that a reader scaled down to go onto a canvas, so that their spacing is coarser."""
        return sum("scaled_to_fit" in provenance for provenance in self.provenances())

    def sample(self, key: str) -> Sample:
        """Read one sample; only its row group, or its members, are read.

        Args:
            key: Key of the sample.

        Raises:
            DatasetError: The key is not in the dataset, or its file cannot be read.
        """
        shard = self._places.get(key)
        if shard is None:
            raise DatasetError(f"no sample is called '{key}'", where=self.path, hint=nearest(key, self._nearby(key)))
        return shard.sample(key)

    def _nearby(self, key: str) -> list[str]:
        # A hint that lists every key of a large dataset helps nobody.
        alike = [known for known in self.keys if known[:4] == key[:4]][:10_000]
        return alike if len(alike) > 10 else list(self.keys[:10])


def _loose(path: Path) -> list[ShardReader]:
    """Parquet files that no manifest lists."""
    files = sorted(file for file in (path / "parquet").glob("*.parquet") if not file.name.startswith("."))
    return [ParquetReader(file) for file in files]


def _listed(path: Path, manifest: Manifest) -> list[ShardReader]:
    parquet: list[ShardReader] = [ParquetReader(path / s.name) for s in manifest.shards if s.format == "parquet"]
    tars = [s for s in manifest.shards if s.format == "webdataset"]
    return parquet or [WebDatasetReader(path / shard.name, shard.samples) for shard in tars]
