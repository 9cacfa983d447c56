"""The last steps that make a directory of shards a dataset: their names, the index, descriptions, and the manifest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from synthmammo.dataset.croissant import write_croissant
from synthmammo.dataset.index import IndexRow, count, write_index
from synthmammo.dataset.layout import INDEX, SKIPPED
from synthmammo.dataset.manifest import Manifest, ShardRecord, digests
from synthmammo.dataset.origins import origins
from synthmammo.dataset.places import Folder, Place
from synthmammo.dataset.provenance import write_provenance
from synthmammo.dataset.reader import Dataset
from synthmammo.dataset.release import derived_terms
from synthmammo.files import writing


@dataclass(frozen=True)
class ShardResult:
    """What came of one shard.

    Attributes:
        records: Records of its files, one per format; none when no sample could be made.
        rows: Index rows of its samples.
        skipped: What could not become a sample: {"file" or "key": ..., "reason": ...}.
        seconds: Processor time in seconds by activity.
        machine: Facts of the machine that made it, as `manifest.machine` gives them; empty where it is the dataset's.
    """

    records: tuple[ShardRecord, ...]
    rows: tuple[IndexRow, ...]
    skipped: tuple[dict[str, str], ...]
    seconds: dict[str, float] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)


def finish(
    out: Path,
    results: Sequence[ShardResult],
    skipped: Sequence[dict[str, str]],
    manifest: Manifest,
    files: Sequence[str] = (),
    place: Place | None = None,
) -> Manifest:
    """Name the shards `-of-N`, write the index, `skipped.jsonl` and the descriptions, and the manifest last.

    Args:
        out: Directory of the shards.
        results: Results of all shards, in order.
        skipped: Files that never came into a shard.
        manifest: Manifest with everything but counts, shards, files and what was skipped.
        files: Further files of the directory that belong to the content.
        place: Where the shards lie; None, the default, for the directory.

    Returns:
        The manifest as written.

    Raises:
        OutputError: The disk failed.
    """
    rows = [row for result in results for row in result.rows]
    failed = (*skipped, *(skip for result in results for skip in result.skipped))
    place = place or Folder(out)
    named = _named(place, [record for result in results for record in result.records])
    write_index(out, rows)
    write_skipped(out, failed)
    samples, findings = count(rows)
    shards = tuple(named.values())
    origin, made_by = origins(rows)
    whole = replace(manifest, origin=origin, made_by=made_by)
    whole = replace(whole, counts=samples, findings=findings, shards=shards, failed=failed)
    whole = replace(whole, terms=str(derived_terms(whole)))
    whole = _with_files(out, whole, [INDEX, SKIPPED, *files])
    made = [([named[record.name] for record in result.records], result.rows) for result in results]
    pictured = [record.name for record in shards if record.format == "parquet"]
    place.bring(pictured[:1], out)
    whole = describe_dataset(out, whole, made, Dataset.open(out).label_names if pictured else ())
    whole.write(out)
    return whole


def describe_dataset(
    out: Path,
    manifest: Manifest,
    made: Sequence[tuple[Sequence[ShardRecord], Sequence[IndexRow]]],
    label_names: Sequence[str],
) -> Manifest:
    """Write the descriptions of a dataset: its provenance and its Croissant.

    Args:
        out: Directory to write to.
        manifest: Manifest with everything but the digests of these two files.
        made: Records of each shard, one per format, and the index rows of its samples.
        label_names: Names of the classes in the Parquet; none where there is no Parquet.

    Returns:
        The manifest with their digests.

    Raises:
        OutputError: The disk failed.
    """
    manifest = _with_files(out, manifest, write_provenance(out, manifest, made))
    rows = [row for _, shard_rows in made for row in shard_rows]
    return _with_files(out, manifest, write_croissant(out, manifest, rows, label_names))


def _with_files(out: Path, manifest: Manifest, names: Sequence[str]) -> Manifest:
    """The manifest with the digests of more files."""
    return replace(manifest, files=manifest.files | digests(out, names))


def write_skipped(out: Path, skipped: Sequence[dict[str, str]]) -> None:
    """Write what could not become a sample, one JSON object per line."""
    lines = (json.dumps(skip, sort_keys=True, ensure_ascii=False) + "\n" for skip in skipped)
    with writing(out / SKIPPED) as partial:
        partial.write_text("".join(lines), encoding="utf-8")


def _named(place: Place, records: Sequence[ShardRecord]) -> dict[str, ShardRecord]:
    """Give the shards their final names; records with these by their names before, ordered by format and name."""
    named = {}
    for _, group in groupby(sorted(records, key=_series), key=_series):
        series = list(group)
        for number, record in enumerate(series):
            folder, _, old = record.name.rpartition("/")
            new = f"{record.split}-{number:05d}-of-{len(series):05d}{Path(old).suffix}"
            named[record.name] = replace(record, name=f"{folder}/{new}")
    place.rename([(old, record.name) for old, record in named.items()])
    return named


def _series(record: ShardRecord) -> tuple[str, str]:
    return record.format, record.split
