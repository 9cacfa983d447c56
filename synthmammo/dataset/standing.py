"""How far a dataset has come: finished, being made, broken off, or made in parts; no sample is read to say so."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any

from synthmammo.arguments import a_path
from synthmammo.dataset.journal import Entry, Journal
from synthmammo.dataset.layout import MANIFEST, STATE, beside
from synthmammo.dataset.manifest import Manifest
from synthmammo.dataset.unfinished import WORK, is_running
from synthmammo.errors import DatasetError

_PARTIAL = re.compile(r"\.partial-((?:train|validation|test)-\d{5})(?:\.\w+)?")

Counts = dict[str, dict[str, int]]
"""Number of samples by split and class."""


@dataclass(frozen=True)
class Standing:
    """How far a dataset, or a part of one, has come.

    Attributes:
        path: Its directory.
        name: Name of the dataset; that of its directory where it is not known yet.
        kind: "built", "ingested" or "patches"; empty where it is not known yet.
        state: "finished", "running" while a process makes it, "unfinished", or of a part "done".
        planned: Number of samples that are asked for; None where it is not known yet.
        shards_planned: Number of shards that are asked for; None where it is not known.
        shards_done: Number of shards that are finished.
        files: Number of their files, of all formats.
        bytes: Size of these.
        counts: Number of samples by split and class.
        reasons: Number of samples that could not be made, by reason.
        running: Names of the shards that are being written.
        portion: Which part of a dataset it is, e.g. "part 3 of 64"; empty for a whole one.
        rate: Samples per second of the last run; None where it has finished no shard.
        parts: Standings of the parts where the directory holds parts.
        growing: Standing of the larger dataset that a finished one is becoming; None where it is not.
    """

    path: Path
    name: str
    kind: str
    state: str
    planned: int | None = None
    shards_planned: int | None = None
    shards_done: int = 0
    files: int = 0
    bytes: int = 0
    counts: Counts = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    running: tuple[str, ...] = ()
    portion: str = ""
    rate: float | None = None
    parts: tuple[Standing, ...] = ()
    growing: Standing | None = None

    def __repr__(self) -> str:
        planned = "" if self.planned is None else f" of {self.planned:,}"
        return f"Standing({self.name}: {self.state}, {self.samples:,}{planned} samples)"

    @property
    def samples(self) -> int:
        """Number of samples that are there."""
        return sum(sum(labels.values()) for labels in self.counts.values())

    @property
    def failed(self) -> int:
        """Number of samples that could not be made."""
        return sum(self.reasons.values())

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it is done at the present rate; None where it is not running, or that is not known."""
        if self.state != "running" or not self.rate or self.planned is None:
            return None
        return max(0, self.planned - self.samples - self.failed) / self.rate

    def facts(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        known = {name: getattr(self, name) for name in ("name", "kind", "state", "samples", "planned", "failed")}
        known |= {"shards": self.files, "bytes": self.bytes, "counts": self.counts, "reasons": self.reasons}
        known |= {"shards_done": self.shards_done, "shards_planned": self.shards_planned}
        known |= {"running": list(self.running), "rate": self.rate, "seconds_left": self.seconds_left}
        parts = [part.facts() for part in self.parts]
        known |= {"portion": self.portion, "parts": parts, "growing": self.growing and self.growing.facts()}
        return {"path": str(self.path), **known}


def status(path: str | Path) -> Standing:
    """How far a dataset has come; no sample is read, and what makes it is not disturbed.

    Args:
        path: Directory of a dataset, finished or not, or of the directories of its parts.

    Returns:
        What is there and what is asked for, in samples, shards and bytes, with the rate of a running build.

    Raises:
        DatasetError: It is neither.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> _ = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> found = sm.status("masses")
        >>> found.state, found.samples, found.planned
        ('finished', 3, 3)
    """
    directory = a_path(path, "path", DatasetError)
    if (directory / MANIFEST).is_file():
        return _finished(directory, Manifest.read(directory))
    if (directory / STATE / "content.json").is_file():
        return _begun(directory)
    inside = sorted(path for path in directory.glob("*") if (path / STATE / f"{WORK}.json").is_file())
    if inside:
        return _of_parts(directory, [_begun(path) for path in inside])
    raise DatasetError("is no dataset", where=directory, hint="Give the directory of a dataset, finished or not.")


def _finished(directory: Path, manifest: Manifest) -> Standing:
    series = Counter(shard.format for shard in manifest.shards)
    number = max(series.values(), default=0)
    larger = beside(directory)
    return Standing(
        path=directory,
        name=manifest.name,
        kind=manifest.kind,
        state="finished",
        planned=manifest.samples + len(manifest.failed),
        shards_planned=number,
        shards_done=number,
        files=len(manifest.shards),
        bytes=sum(shard.bytes for shard in manifest.shards),
        counts=manifest.counts,
        reasons=dict(Counter(skip["reason"] for skip in manifest.failed)),
        growing=_begun(larger) if (larger / STATE / "content.json").is_file() else None,
    )


def _begun(directory: Path) -> Standing:
    recipe = _read(directory, "content").get("recipe") or {}
    work = _read(directory, WORK)
    journal = Journal(directory / STATE)
    entries = list(journal.entries().values())
    state = "running" if is_running(directory) else "unfinished"
    planned = work.get("shards")
    if work.get("portion") and state == "unfinished" and {entry.shard for entry in entries} >= set(work["names"]):
        state = "done"
    records = [record for entry in entries for record in entry.records]
    return Standing(
        path=directory,
        name=recipe.get("name", directory.name),
        kind="built" if recipe else "",
        state=state,
        planned=work.get("samples", recipe.get("size")),
        shards_planned=planned,
        shards_done=len(entries),
        files=len(records),
        bytes=sum(record.bytes for record in records),
        counts=_counts((entry.split, entry.counts) for entry in entries),
        reasons=dict(sum((Counter(entry.reasons) for entry in entries), Counter[str]())),
        running=_running(directory) if state == "running" else (),
        portion=work.get("portion", ""),
        rate=_rate(*journal.last_run(), running=state == "running"),
    )


def _read(directory: Path, name: str) -> dict[str, Any]:
    with suppress(FileNotFoundError, json.JSONDecodeError):  # the folder goes when the dataset is finished: now, maybe
        found: dict[str, Any] = json.loads((directory / STATE / f"{name}.json").read_text(encoding="utf-8"))
        return found
    return {}


def _rate(begun: float, done: Sequence[Entry], *, running: bool) -> float | None:
    if not done:
        return None
    seconds = (time() if running else done[-1].at) - begun
    return sum(entry.samples + entry.failed for entry in done) / seconds if seconds > 0 else None


def _running(directory: Path) -> tuple[str, ...]:
    found = {match[1] for path in directory.glob("*/.partial-*") if (match := _PARTIAL.fullmatch(path.name))}
    return tuple(sorted(found))


def _counts(parts: Iterable[tuple[str, dict[str, int]]]) -> Counts:
    added: dict[str, Counter[str]] = {}
    for split, labels in parts:
        added.setdefault(split, Counter()).update(labels)
    return {split: dict(sorted(labels.items())) for split, labels in sorted(added.items()) if labels}


def _of_parts(directory: Path, parts: Sequence[Standing]) -> Standing:
    states = {part.state for part in parts}
    rates = [part.rate for part in parts if part.rate and part.state == "running"]
    return Standing(
        path=directory,
        name=", ".join(sorted({part.name for part in parts})),
        kind=parts[0].kind,
        state="running" if "running" in states else "done" if states == {"done"} else "unfinished",
        planned=sum(part.planned or 0 for part in parts),
        shards_planned=sum(part.shards_planned or 0 for part in parts),
        shards_done=sum(part.shards_done for part in parts),
        files=sum(part.files for part in parts),
        bytes=sum(part.bytes for part in parts),
        counts=_counts((split, labels) for part in parts for split, labels in part.counts.items()),
        reasons=dict(sum((Counter(part.reasons) for part in parts), Counter[str]())),
        running=tuple(f"{part.path.name}/{name}" for part in parts for name in part.running),
        portion="parts",
        rate=sum(rates) if rates else None,
        parts=tuple(parts),
    )
