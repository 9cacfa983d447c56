"""The journal of a dataset in the making: one line per finished shard, so that nothing larger is read to go on.

What is known of the samples of a shard stands in a file of its own, which is read when the dataset is finished. The
journal has their numbers, the sizes of the files and when they were done: enough to know what is left, and the rate.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import time
from typing import Any

from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.manifest import ShardRecord
from synthmammo.errors import unwritable

JOURNAL = "journal.jsonl"
"""Its name in the folder of the state."""


@dataclass(frozen=True)
class Entry:
    """One finished shard.

    Attributes:
        shard: Name of the shard, e.g. "train-00003".
        records: Records of its files, one per format.
        counts: Number of samples by class.
        reasons: Number of samples that could not be made, by reason.
        seconds: Processor time in seconds by activity.
        at: When it was finished, in seconds since 1970.
    """

    shard: str
    records: tuple[ShardRecord, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    at: float = 0.0

    @property
    def split(self) -> str:
        """Split of its samples."""
        return self.shard.rpartition("-")[0]

    @property
    def samples(self) -> int:
        """Number of its samples."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """Number of samples that could not be made."""
        return sum(self.reasons.values())

    @classmethod
    def of(cls, shard: str, result: ShardResult, at: float) -> Entry:
        """The entry for a result.

        Args:
            shard: Name of the shard.
            result: What came of it.
            at: When it was finished, in seconds since 1970.
        """
        counts = Counter(str(row.get("label", "")) for row in result.rows)
        reasons = Counter(skip["reason"] for skip in result.skipped)
        return cls(shard, result.records, dict(counts), dict(reasons), dict(result.seconds), at)


class Journal:
    """The file of entries; lines are only ever added, by one process at a time.

    Args:
        folder: Folder of the state.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL

    def begin(self) -> None:
        """Note that a run begins.

        Raises:
            OutputError: The folder cannot be written.
        """
        self._add({"begun": time()})

    def add(self, shard: str, result: ShardResult) -> None:
        """Note that a shard is finished.

        Raises:
            OutputError: The folder cannot be written.
        """
        self._add(asdict(Entry.of(shard, result, time())))

    def entries(self) -> dict[str, Entry]:
        """The finished shards by name; of one that was made twice, the last."""
        return {line["shard"]: _entry(line) for line in self._lines() if "shard" in line}

    def last_run(self) -> tuple[float, list[Entry]]:
        """When the last run began, in seconds since 1970, and what it has finished; 0.0 where none began."""
        begun, done = 0.0, list[Entry]()
        for line in self._lines():
            if "begun" in line:
                begun, done = float(line["begun"]), []
            else:
                done.append(_entry(line))
        return begun, done

    def _add(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False)
        try:
            with self._path.open("a+b") as file:
                if file.tell() and not self._ends_whole():
                    text = f"\n{text}"  # the last line is of a run that was killed while it wrote
                file.write(f"{text}\n".encode())
        except OSError as error:
            raise unwritable(self._path.parent.parent, error) from error

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read() == b"\n"

    def _lines(self) -> Iterator[dict[str, Any]]:
        with suppress(FileNotFoundError), self._path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                with suppress(json.JSONDecodeError):  # of a run that was killed while it wrote
                    yield json.loads(line)


def _entry(line: Mapping[str, Any]) -> Entry:
    records: Sequence[Mapping[str, Any]] = line["records"]
    return Entry(**{**line, "records": tuple(ShardRecord(**record) for record in records)})
