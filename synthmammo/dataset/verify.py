"""Whether a dataset is whole and unchanged: digests, counts and schema are checked, and nothing is made again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from synthmammo.dataset.index import count, read_index
from synthmammo.dataset.manifest import Manifest, ShardRecord, content_digest
from synthmammo.mammogram.origin import origin_of
from synthmammo.progress import Progress, silent


@dataclass
class Soundness:
    """What was found out about a dataset's files.

    Attributes:
        problems: One sentence per problem; none for a sound dataset.
        notes: Sentences that a reader should know beside.
        damaged: Names of the files and shards that are missing or were changed, relative to the directory.
        files: Number of shards and files whose bytes were checked.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    files: int = 0

    def blame(self, name: str, what: str) -> None:
        """Note that a file or a shard is damaged, and how."""
        self.damaged.append(name)
        self.problems.append(f"{name}: {what}")


def verify_files(directory: Path, progress: Progress = silent) -> Soundness:
    """Check digests, counts and schema of a dataset.

    Args:
        directory: Directory of the dataset.
        progress: Function that is called with the number of checks done and that of all checks.

    Raises:
        DatasetError: The directory is no finished dataset.
    """
    manifest = Manifest.read(directory)
    found = Soundness()
    total = len(manifest.files) + len(manifest.shards)
    for name, sha256 in manifest.files.items():
        _check_file(directory, name, sha256, found)
        progress(found.files, total)
    for shard in manifest.shards:
        _check_shard(directory, shard, found)
        progress(found.files, total)
    _check_strays(directory, manifest, found)
    if not found.problems:
        _check_counts(directory, manifest, found)
    return found


def _check_file(directory: Path, name: str, sha256: str, found: Soundness) -> None:
    path = directory / name
    found.files += 1
    if not path.exists():
        found.blame(name, "is missing")
    elif content_digest(path) != sha256:
        found.blame(name, "was changed (its SHA-256 is not the manifest's)")


def _check_shard(directory: Path, shard: ShardRecord, found: Soundness) -> None:
    path = directory / shard.name
    found.files += 1
    if not path.exists():
        found.blame(shard.name, "is missing")
        return
    size = sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
    sha256 = content_digest(path)
    if (size, sha256) != (shard.bytes, shard.sha256):
        what = (
            f"{size:,} bytes, expected {shard.bytes:,}" if size != shard.bytes else "its SHA-256 is not the manifest's"
        )
        found.blame(shard.name, f"was changed ({what})")
    elif shard.format == "parquet" and (rows := pq.read_metadata(path).num_rows) != shard.samples:
        found.blame(shard.name, f"has {rows} rows, expected {shard.samples}")


def _check_strays(directory: Path, manifest: Manifest, found: Soundness) -> None:
    # Readers take a format's whole folder: what does not belong there would be loaded with the rest.
    listed = {shard.name for shard in manifest.shards}
    for name in sorted({shard.format for shard in manifest.shards}):
        for path in sorted((directory / name).glob("*")):
            if f"{name}/{path.name}" not in listed:
                found.problems.append(f"{name}/{path.name}: does not belong to the dataset")


def _check_counts(directory: Path, manifest: Manifest, found: Soundness) -> None:
    rows = read_index(directory).to_pylist()
    samples, findings = count(rows)
    for name, counted, stated in (("counts", samples, manifest.counts), ("findings", findings, manifest.findings)):
        if counted != stated:
            found.problems.append(f"manifest.json: {name} are {stated}, the index has {counted}")
    counted_origins = {row["origin"] for row in rows}
    if rows and None not in counted_origins and (origin := origin_of(counted_origins)) != manifest.origin:
        found.problems.append(f"manifest.json: origin is {manifest.origin}, the index has {origin}")
    by_format = Counter[str]()
    for shard in manifest.shards:
        by_format[shard.format] += shard.samples
    for name, number in by_format.items():
        if number != len(rows):
            found.problems.append(f"{name}: its shards hold {number} samples, the index {len(rows)}")
    if empty := sum(not row["key"] for row in rows):
        found.problems.append(f"index.parquet: {empty} samples have an empty key")
    duplicates = [key for key, number in Counter(row["key"] for row in rows).items() if number > 1]
    if duplicates:
        found.problems.append(f"index.parquet: key '{duplicates[0]}' occurs more than once")
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row["patient"], set()).add(row["split"])
    divided = [patient for patient, names in splits.items() if len(names) > 1]
    if divided:
        found.problems.append(f"index.parquet: patient '{divided[0]}' is in more than one split")
