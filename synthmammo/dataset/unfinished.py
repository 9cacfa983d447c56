"""A dataset directory in the making: which shards are done, and the last steps that make it a dataset."""

from __future__ import annotations

import json
import os
import shutil
import sys
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from synthmammo._version import PIXELS_VERSION
from synthmammo.dataset.croissant import write_croissant
from synthmammo.dataset.index import IndexRow, count, write_index
from synthmammo.dataset.layout import INDEX, MANIFEST, SKIPPED, STATE
from synthmammo.dataset.manifest import Manifest, ShardRecord, digests
from synthmammo.dataset.provenance import write_provenance
from synthmammo.dataset.reader import Dataset
from synthmammo.errors import OutputError
from synthmammo.files import writing
from synthmammo.identity import digest

PIXELS = "pixels_version"


@dataclass(frozen=True)
class ShardResult:
    """What came of one shard.

    Attributes:
        records: One a format; none when no sample could be made.
        rows: Index rows of its samples.
        skipped: What could not become a sample: {"file" or "key": ..., "reason": ...}.
        seconds: Processor time by activity.
    """

    records: tuple[ShardRecord, ...]
    rows: tuple[IndexRow, ...]
    skipped: tuple[dict[str, str], ...]
    seconds: dict[str, float] = field(default_factory=dict)


class Unfinished:
    """The state of an interrupted or running job, in a folder that goes when the manifest is written.

    The digest of a dataset is that of its content and of the pixels version of the code: of all that decides what it
    shows, and of nothing that does not. The release of the package and the versions of libraries are no part of it, so
    that a finished dataset stays what it is when they change. But bytes may depend on them (DICOM files name the
    release), so a dataset is finished with those that it was begun with.

    Args:
        out: The dataset directory; made when absent.
        content: JSON-able; everything that decides the dataset beside the code.
        versions: Versions of all that decides bytes, by name, as `libraries.versions` gives them.

    Raises:
        OutputError: The directory holds something else, or was begun with other content or other versions, or cannot
            be written.
    """

    def __init__(self, out: Path, content: Mapping[str, Any], versions: Mapping[str, str]) -> None:
        self.out, self._versions = out, dict(versions)
        self._content = {PIXELS: PIXELS_VERSION, **content}
        self.digest = digest(self._content)
        self._folder = out / STATE
        if (out / MANIFEST).is_file():
            self._check_content()
            return
        if (self._folder / "content.json").is_file():
            self._check_content()
            self._check_versions()
            self._hold()
            return
        if out.exists() and (not out.is_dir() or any(path.name != STATE for path in out.iterdir())):
            hint = "Choose another directory, or empty this one."
            raise OutputError("exists and is not a dataset of this package", where=out, hint=hint)
        self._write("versions", self._versions)
        self._write("content", self._content)
        self._hold()

    def _hold(self) -> None:
        """Keep other processes out; the system lets go when this one ends, however it ends."""
        if sys.platform == "win32":
            return
        import fcntl

        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT)
        weakref.finalize(self, os.close, descriptor)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "Wait until it is done, or stop it."
            raise OutputError("another process is making this dataset now", where=self.out, hint=hint) from None

    def manifest(self) -> Manifest | None:
        """The manifest of the finished dataset; None while it is unfinished.

        Raises:
            OutputError: A shard of the finished dataset is gone or has another size.
        """
        if not (self.out / MANIFEST).is_file():
            return None
        finished = Manifest.read(self.out)
        for record in finished.shards:
            path = self.out / record.name
            if not path.exists() or _size(path) != record.bytes:
                hint = "`synthmammo verify` tells what else; `build --overwrite` makes the dataset again."
                raise OutputError("is finished, but this shard is missing or was changed", where=path, hint=hint)
        shutil.rmtree(self._folder, ignore_errors=True)  # of a run that was cut off after its manifest
        return finished

    def load(self, shard: str) -> ShardResult | None:
        """The result of a finished shard; None when it must be made, or a file of it is gone."""
        path = self._folder / f"{shard}.json"
        if not path.is_file():
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
        records = tuple(ShardRecord(**record) for record in found["records"])
        if not all(self._is_there(record) for record in records):
            return None
        return ShardResult(records, tuple(found["rows"]), tuple(found["skipped"]), found["seconds"])

    def _is_there(self, record: ShardRecord) -> bool:
        path = self.out / record.name
        if not path.exists():
            # A run that was cut off while it named the shards `-of-N` has renamed some of them.
            renamed = [
                other for other in path.parent.glob(f"{path.stem}-of-*{path.suffix}") if _size(other) == record.bytes
            ]
            if len(renamed) == 1:
                renamed[0].replace(path)
        return path.exists() and _size(path) == record.bytes

    def save(self, shard: str, result: ShardResult) -> None:
        """Note that a shard is finished."""
        self._write(shard, asdict(result))

    def finish(
        self,
        results: Sequence[ShardResult],
        skipped: Sequence[dict[str, str]],
        manifest: Manifest,
        files: Sequence[str] = (),
    ) -> Manifest:
        """Name the shards `-of-N`, write the index and `skipped.jsonl`, and the manifest last.

        Args:
            results: Of all shards, in order.
            skipped: Files that never came into a shard.
            manifest: With everything but digest, versions, counts, shards, files and skipped files.
            files: Further files of the directory that belong to the content.

        Returns:
            The manifest as written.

        Raises:
            OutputError: The disk failed; the same command continues later.
        """
        rows = [row for result in results for row in result.rows]
        failed = (*skipped, *(skip for result in results for skip in result.skipped))
        named = self._named([record for result in results for record in result.records])
        write_index(self.out, rows)
        with writing(self.out / SKIPPED) as partial:
            lines = (json.dumps(skip, sort_keys=True, ensure_ascii=False) + "\n" for skip in failed)
            partial.write_text("".join(lines), encoding="utf-8")
        samples, findings = count(rows)
        whole = replace(
            manifest,
            digest=self.digest,
            versions=self._versions,
            pixels_version=PIXELS_VERSION,
            counts=samples,
            findings=findings,
            shards=tuple(named.values()),
            files=digests(self.out, [INDEX, SKIPPED, *files]),
            failed=tuple(failed),
        )
        made = [([named[record.name] for record in result.records], result.rows) for result in results]
        written = self._describe(whole, made, rows)
        whole = replace(whole, files=whole.files | digests(self.out, written))
        whole.write(self.out)
        shutil.rmtree(self._folder, ignore_errors=True)
        return whole

    def _describe(
        self,
        manifest: Manifest,
        made: Sequence[tuple[Sequence[ShardRecord], Sequence[IndexRow]]],
        rows: Sequence[IndexRow],
    ) -> list[str]:
        """Write what says in other projects' terms where the dataset comes from and what it holds."""
        written = write_provenance(self.out, manifest, made)
        manifest = replace(manifest, files=manifest.files | digests(self.out, written))
        pictured = any(record.format == "parquet" for record in manifest.shards)
        label_names = Dataset.open(self.out).label_names if pictured else ()
        return written + write_croissant(self.out, manifest, rows, label_names)

    def _named(self, records: list[ShardRecord]) -> dict[str, ShardRecord]:
        """Records with their final names, by their names before, in the order of format and name."""
        named = {}
        for _, group in groupby(sorted(records, key=_series), key=_series):
            series = list(group)
            for number, record in enumerate(series):
                old = self.out / record.name
                new = old.with_name(f"{record.split}-{number:05d}-of-{len(series):05d}{old.suffix}")
                try:
                    old.replace(new)
                except OSError as error:
                    raise OutputError(f"cannot be renamed ({error.strerror})", where=old) from error
                named[record.name] = replace(record, name=f"{new.parent.name}/{new.name}")
        return named

    def _check_content(self) -> None:
        if (self.out / MANIFEST).is_file():
            finished = Manifest.read(self.out)
            if finished.digest == self.digest:
                return
            begun: dict[str, Any] = {"recipe": finished.options, "options": finished.options}
            begun[PIXELS] = finished.pixels_version
        else:
            begun = {PIXELS: 0, **self._read("content")}
            if digest(begun) == self.digest:
                return
        changes = differences({name: begun.get(name) for name in self._content if name in begun}, self._content)
        shown = _joined(changes) or "another version of a source"
        hint = "Choose another directory, repeat what it was begun with, or remove it (`build --overwrite`)."
        if begun[PIXELS] != PIXELS_VERSION:
            hint = f"This version of the package makes other pixels: use the one that began it. {hint}"
        raise OutputError(f"holds a dataset made from something else ({shown})", where=self.out, hint=hint)

    def _check_versions(self) -> None:
        begun = self._read("versions")
        if begun != self._versions:
            shown = _joined(differences(begun, self._versions)) or "of other libraries"
            hint = "Install what it was begun with, choose another directory, or remove it (`build --overwrite`)."
            message = f"was begun with other versions, and bytes may depend on them ({shown})"
            raise OutputError(message, where=self.out, hint=hint)

    def _read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
        return found

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        with writing(self._folder / f"{name}.json") as partial:
            partial.write_text(json.dumps(content, sort_keys=True, ensure_ascii=False), encoding="utf-8")


def _series(record: ShardRecord) -> tuple[str, str]:
    return record.format, record.split


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size


def differences(before: Any, now: Any, path: str = "") -> list[str]:
    """What changed between two JSON-able values, one text a leaf, e.g. "recipe.size: 4 before, 8 now"."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        names = [name for name in {**before, **now} if name in before and name in now]
        inner = [differences(before[name], now[name], f"{path}.{name}".lstrip(".")) for name in names]
        return [change for changes in inner for change in changes]
    return [] if before == now else [f"{path}: {_brief(before)} before, {_brief(now)} now"]


def _joined(changes: Sequence[str], most: int = 5) -> str:
    more = f"; and {len(changes) - most} more" if len(changes) > most else ""
    return "; ".join(changes[:most]) + more


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
