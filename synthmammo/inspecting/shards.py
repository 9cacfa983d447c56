"""Shards: a Parquet file or a tar, as a whole or one of its samples."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthmammo.errors import DatasetError, nearest
from synthmammo.inspecting.found import Inspection, stated
from synthmammo.mammogram.origin import Making, making_of, origin_of, together

_COLUMNS = ("key", "provenance")
MOST_RECORD_BYTES = 16 << 20
"""Largest record of a tar that is read; ours have some kilobytes."""

Rows = list[tuple[str, Making]]


def parquet(path: Path, key: str | None = None) -> Inspection:
    """What a Parquet file is; its pictures are not read.

    Raises:
        DatasetError: It is damaged, or has no sample of that key.
    """
    try:
        file = pq.ParquetFile(path)
        if not set(_COLUMNS) <= set(file.schema_arrow.names):
            rows, columns = file.metadata.num_rows, len(file.schema_arrow.names)
            return _foreign(path, f"Parquet file of {rows:,} rows and {columns} columns", key)
        table = file.read(list(_COLUMNS)).to_pylist()
        made = [(row["key"], making_of(json.loads(row["provenance"]))) for row in table]
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"not a whole Parquet file of samples ({error})", where=path) from error
    return _of_rows(path, "Parquet", made, key)


def tar(path: Path, key: str | None = None) -> Inspection:
    """What a tar is; its pictures are not read.

    Raises:
        DatasetError: It is damaged, or has no sample of that key.
    """
    try:
        with tarfile.open(path) as archive:
            members = [member for member in archive if member.isfile()]
            made = list(_records(archive, members))
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"not a whole tar ({error})", where=path) from error
    if not made:
        return _foreign(path, f"tar of {len(members):,} files", key)
    return _of_rows(path, "WebDataset", made, key)


def _records(archive: tarfile.TarFile, members: list[tarfile.TarInfo]) -> Iterator[tuple[str, Making]]:
    for member in members:
        if member.name.endswith(".json") and member.size <= MOST_RECORD_BYTES:
            file = archive.extractfile(member)
            record: Any = json.loads(file.read()) if file else None
            if isinstance(record, Mapping) and {"key", "provenance"} <= record.keys():
                yield record["key"], making_of(json.loads(record["provenance"]))


def _foreign(path: Path, what: str, key: str | None) -> Inspection:
    if key is not None:
        raise DatasetError("holds no samples of synthmammo", where=path, hint="Leave the key out.")
    return Inspection(str(path), what)


def _of_rows(path: Path, form: str, made: Rows, key: str | None) -> Inspection:
    if key is None:
        counts = {str(origin): str(number) for origin, number in _counts(made).items()}
        facts = {f"{origin} samples": number for origin, number in counts.items()}
        return collection_of_shards(str(path), f"{form} shard of {len(made):,} samples", made, facts)
    found = dict(made)
    if key not in found:
        raise DatasetError(f"no sample is called '{key}'", where=path, hint=nearest(key, found))
    return Inspection(f"{path} {key}", f"sample in a {form} shard", True, key=key, **stated(found[key]))


def collection_of_shards(path: str, what: str, made: Rows, facts: Mapping[str, str]) -> Inspection:
    """What a collection of samples is, from how each of them came about."""
    makings = [making for _, making in made]
    found = stated(together(makings)) if makings else {}
    if makings:
        found["origin"] = origin_of(making.origin for making in makings)
    return Inspection(path, what, True, facts=facts, **found)


def _counts(made: Rows) -> dict[str, int]:
    origins = [str(making.origin) for _, making in made]
    return {origin: origins.count(origin) for origin in sorted(set(origins))}
