"""A dataset directory read back: samples in order or by key, in flat memory, from its Parquet files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthmammo import png
from synthmammo.errors import DatasetError, nearest
from synthmammo.manifest import MANIFEST, Manifest
from synthmammo.sample import Box, Finding, Kind, Laterality, Pathology, Sample, SpacingOrigin, View

_AGAIN = "Make it again: `build --overwrite`, or ingest or cut it into a new directory."


class _Place(NamedTuple):
    file: Path
    row_group: int
    row: int


class Dataset:
    """What `build`, `ingest` and `patches` wrote.

    Opening reads the manifest only; keys are read from the files' key columns when first asked for.

    Attributes:
        path: The dataset directory.
        manifest: Its manifest; None for a directory that only holds Parquet files of this package.
    """

    def __init__(self, path: Path, files: Sequence[Path], manifest: Manifest | None) -> None:
        self.path, self.manifest = path, manifest
        self._files = tuple(files)

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """Open a dataset directory.

        Raises:
            DatasetError: It is not one, or it has no Parquet files.
        """
        path = Path(path)
        if not path.is_dir():
            raise DatasetError("no such directory", where=path, hint="Give the directory of a dataset.")
        manifest = Manifest.read(path) if (path / MANIFEST).exists() else None
        if manifest is None:
            files = sorted(file for file in (path / "parquet").glob("*.parquet") if not file.name.startswith("."))
        else:
            files = [path / shard.name for shard in manifest.shards if shard.format == "parquet"]
        if not files:
            hint = "Samples are read from the format 'parquet'; add it to the recipe's `emit` and build again."
            raise DatasetError("it holds no Parquet files", where=path, hint=hint)
        return cls(path, files, manifest)

    @cached_property
    def _places(self) -> dict[str, _Place]:
        places: dict[str, _Place] = {}
        for file in self._files:
            parquet = _open(file)
            for group in range(parquet.num_row_groups):
                keys = _read(parquet, file, group, ["key"]).column("key").to_pylist()
                places.update((key, _Place(file, group, row)) for row, key in enumerate(keys))
        return places

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all samples, in the order of the files."""
        return tuple(self._places)

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Classes in the order of their numbers."""
        return _label_names(_open(self._files[0]), self._files[0])

    def __len__(self) -> int:
        """Number of samples."""
        return sum(_open(file).metadata.num_rows for file in self._files)

    def __iter__(self) -> Iterator[Sample]:
        """All samples, in the order of the files."""
        return self.samples()

    def samples(self, split: str | None = None) -> Iterator[Sample]:
        """Samples in the order of the files, one row group in memory at a time.

        Args:
            split: Only this split; None for all.

        Raises:
            DatasetError: A file is absent, cut short, or not one of ours.
        """
        for file in self._files:
            parquet = _open(file)
            names = _label_names(parquet, file)
            for group in range(parquet.num_row_groups):
                if split and split not in _read(parquet, file, group, ["split"]).column("split").to_pylist():
                    continue  # before its pixels are read
                table = _read(parquet, file, group)
                for row in range(table.num_rows):
                    sample = _sample(table.slice(row, 1).to_pylist()[0], names, file)
                    if split in (None, sample.split):
                        yield sample

    def sample(self, key: str) -> Sample:
        """One sample by key; reads its row group only.

        Raises:
            DatasetError: The key is not in the dataset, or its file cannot be read.
        """
        place = self._places.get(key)
        if place is None:
            raise DatasetError(f"no sample is called '{key}'", where=self.path, hint=nearest(key, self._nearby(key)))
        parquet = _open(place.file)
        table = _read(parquet, place.file, place.row_group).slice(place.row, 1)
        return _sample(table.to_pylist()[0], _label_names(parquet, place.file), place.file)

    def _nearby(self, key: str) -> list[str]:
        # A hint that lists every key of a large dataset helps nobody.
        alike = [known for known in self.keys if known[:4] == key[:4]][:10_000]
        return alike if len(alike) > 10 else list(self.keys[:10])


def _open(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except FileNotFoundError as error:
        raise DatasetError("the manifest lists it, but it is absent", where=file, hint=_AGAIN) from error
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"not a whole Parquet file ({error})", where=file, hint=_AGAIN) from error


def _read(parquet: pq.ParquetFile, file: Path, group: int, columns: list[str] | None = None) -> pa.Table:
    try:
        return parquet.read_row_group(group, columns, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"row group {group} cannot be read ({error})", where=file, hint=_AGAIN) from error


def _label_names(parquet: pq.ParquetFile, file: Path) -> tuple[str, ...]:
    try:
        metadata = json.loads(parquet.schema_arrow.metadata[b"huggingface"])
        return tuple(metadata["info"]["features"]["label"]["names"])
    except (KeyError, TypeError, ValueError) as error:
        message = "it does not name the classes of its column 'label', so it is not a file of this package"
        raise DatasetError(message, where=file) from error


def _sample(row: dict[str, Any], label_names: Sequence[str], file: Path) -> Sample:
    try:
        return Sample(
            key=row["key"],
            image=png.decode(row["image"]["bytes"]).astype(np.uint16, copy=False),
            bits_stored=row["bits_stored"],
            breast=png.decode(row["breast"]["bytes"]).astype(np.bool_, copy=False),
            lesions=png.decode(row["lesions"]["bytes"]).astype(np.uint8, copy=False),
            findings=tuple(_finding(finding) for finding in row["findings"]),
            spacing_mm=tuple(row["spacing_mm"]) if row["spacing_mm"] else None,
            spacing_origin=SpacingOrigin(row["spacing_origin"]),
            view=View(row["view"]) if row["view"] else None,
            laterality=Laterality(row["laterality"]) if row["laterality"] else None,
            label=label_names[row["label"]],
            split=row["split"],
            patient=row["patient"],
            provenance=json.loads(row["provenance"]),
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        where = f"{file}, sample {row.get('key')}"
        raise DatasetError(f"not a sample of this package ({error})", where=where, hint=_AGAIN) from error


def _finding(row: dict[str, Any]) -> Finding:
    terms = [term.partition("=") for term in row["descriptors"].split(";") if term]
    return Finding(
        kind=Kind(row["kind"]),
        pathology=Pathology(row["pathology"]),
        box=Box(*row["box"]),
        label=row["label"],
        synthetic=row["synthetic"],
        descriptors={name: value for name, _, value in terms},
    )
