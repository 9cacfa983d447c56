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
from synthmammo.dataset.provenance import write_provenance
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import OutputError
from synthmammo.files import writing


@dataclass(frozen=True)
class ShardResult:
    """What came of one shard.

    Attributes:
        records: Records of its files, one per format; none when no sample could be made.
        rows: Index rows of its samples.
        skipped: What could not become a sample: {"file" or "key": ..., "reason": ...}.
        seconds: Processor time in seconds by activity.
    """

    records: tuple[ShardRecord, ...]
    rows: tuple[IndexRow, ...]
    skipped: tuple[dict[str, str], ...]
    seconds: dict[str, float] = field(default_factory=dict)


def finish(
    out: Path,
    results: Sequence[ShardResult],
    skipped: Sequence[dict[str, str]],
    manifest: Manifest,
    files: Sequence[str] = (),
) -> Manifest:
    """Name the shards `-of-N`, write the index, `skipped.jsonl` and the descriptions, and the manifest last.

    Args:
        out: Directory of the shards.
        results: Results of all shards, in order.
        skipped: Files that never came into a shard.
        manifest: Manifest with everything but counts, shards, files and what was skipped.
        files: Further files of the directory that belong to the content.

    Returns:
        The manifest as written.

    Raises:
        OutputError: The disk failed.
    """
    rows = [row for result in results for row in result.rows]
    failed = (*skipped, *(skip for result in results for skip in result.skipped))
    named = _named(out, [record for result in results for record in result.records])
    write_index(out, rows)
    _write_skipped(out, failed)
    samples, findings = count(rows)
    shards = tuple(named.values())
    whole = replace(manifest, counts=samples, findings=findings, shards=shards, failed=failed)
    whole = _with_files(out, whole, [INDEX, SKIPPED, *files])
    made = [([named[record.name] for record in result.records], result.rows) for result in results]
    whole = _with_files(out, whole, write_provenance(out, whole, made))
    pictured = any(record.format == "parquet" for record in shards)
    label_names = Dataset.open(out).label_names if pictured else ()
    whole = _with_files(out, whole, write_croissant(out, whole, rows, label_names))
    whole.write(out)
    return whole


def _with_files(out: Path, manifest: Manifest, names: Sequence[str]) -> Manifest:
    """The manifest with the digests of more files."""
    return replace(manifest, files=manifest.files | digests(out, names))


def _write_skipped(out: Path, skipped: Sequence[dict[str, str]]) -> None:
    lines = (json.dumps(skip, sort_keys=True, ensure_ascii=False) + "\n" for skip in skipped)
    with writing(out / SKIPPED) as partial:
        partial.write_text("".join(lines), encoding="utf-8")


def _named(out: Path, records: Sequence[ShardRecord]) -> dict[str, ShardRecord]:
    """Give the shards their final names; records with these by their names before, ordered by format and name."""
    named = {}
    for _, group in groupby(sorted(records, key=_series), key=_series):
        series = list(group)
        for number, record in enumerate(series):
            old = out / record.name
            new = old.with_name(f"{record.split}-{number:05d}-of-{len(series):05d}{old.suffix}")
            try:
                old.replace(new)
            except OSError as error:
                raise OutputError(f"cannot be renamed ({error.strerror})", where=old) from error
            named[record.name] = replace(record, name=f"{new.parent.name}/{new.name}")
    return named


def _series(record: ShardRecord) -> tuple[str, str]:
    return record.format, record.split
