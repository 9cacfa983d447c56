"""The unit of work of `build`, `ingest` and `patches`: a shard, written in all formats at once, never made twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, TypeVar

from synthmammo.dataset.index import index_row
from synthmammo.dataset.unfinished import ShardResult, Unfinished
from synthmammo.dataset.workers.base import Advance, Engine, Report
from synthmammo.dataset.writers.base import Encoded, Writer, open_writer
from synthmammo.mammogram.sample import Sample

Skip = dict[str, str]

WRITING = "encode and write"
"""The activity in `ShardResult.seconds` that is this module's own."""


class Shard(Protocol):
    """What a stage knows of a shard before it is made."""

    @property
    def name(self) -> str:
        """E.g. "train-00003"."""
        ...

    def __len__(self) -> int:
        """Samples planned for it."""
        ...


Work = TypeVar("Work", bound=Shard)


@dataclass(frozen=True)
class Formats:
    """What the samples of a dataset are written as.

    Attributes:
        out: The dataset directory.
        options: Options by name of the format.
        preview_px: Longer side of the previews.
    """

    out: Path
    options: Mapping[str, Mapping[str, Any]]
    preview_px: int = 512

    def open(self, shard: str) -> list[Writer]:
        """A writer for every format; when one cannot be opened, none stays open."""
        writers: list[Writer] = []
        try:
            for name, values in self.options.items():
                writers.append(open_writer(name, self.out / name, shard, **values))
        except BaseException:
            _abort(writers)
            raise
        return writers


def write_shard(
    formats: Formats, name: str, samples: Iterable[tuple[int, Sample | Skip]], report: Report
) -> tuple[str, ShardResult]:
    """Write one shard in every format; on any failure nothing of it stays.

    Args:
        formats: Where and how.
        name: Of the shard.
        samples: Index and sample, or why there is none; taken one at a time.
        report: Told of every one of them.

    Returns:
        The name and what came of it; `seconds` has the time spent on encoding and writing.

    Raises:
        OutputError: The disk failed.
    """
    writers: list[Writer] = []
    rows: list[dict[str, Any]] = []
    skipped: list[Skip] = []
    seconds = 0.0
    try:
        for index, sample in samples:
            report.raise_if_stopped()
            start = perf_counter()
            if isinstance(sample, Sample):
                # Opened by the first sample, so that a shard without any leaves no empty file.
                writers = writers or formats.open(name)
                _write(writers, Encoded(sample, index, formats.preview_px))
                rows.append(index_row(sample))
            else:
                skipped.append(sample)
            seconds += perf_counter() - start
            report.advance()
        start = perf_counter()
        records = tuple(writer.close() for writer in writers)
        seconds += perf_counter() - start
    finally:
        # After `close` this does nothing; before it, no half-written file may stay.
        _abort(writers)
    return name, ShardResult(records, tuple(rows), tuple(skipped), {WRITING: seconds})


def _write(writers: list[Writer], encoded: Encoded) -> None:
    for writer in writers:
        writer.write(encoded)


def _abort(writers: list[Writer]) -> None:
    for writer in writers:
        writer.abort()


@dataclass
class Made:
    """What came of all shards.

    Attributes:
        results: In the order of the shards.
        samples: Made by this run; the others were there already.
    """

    results: list[ShardResult]
    samples: int


def run_shards(
    state: Unfinished,
    engine: Engine,
    make: Callable[[Work, Report], tuple[str, ShardResult]],
    shards: Iterable[Work],
    advance: Advance,
) -> Made:
    """Make the shards that are not there yet.

    Args:
        state: Knows which are, and is told of each that gets done.
        engine: What they are made on.
        make: Makes one; a `functools.partial` of a module-level function.
        shards: All of them, in order; taken as workers become free.
        advance: Called with the number of samples done since the last call, those found done included.
    """
    names: list[str] = []
    results: dict[str, ShardResult] = {}
    made = Made([], 0)

    def missing() -> Iterator[Work]:
        for shard in shards:
            names.append(shard.name)
            result = state.load(shard.name)
            if result is None:
                yield shard
            else:
                results[shard.name] = result
                advance(len(shard))

    def done(answer: tuple[str, ShardResult]) -> None:
        state.save(*answer)
        results.update([answer])
        made.samples += len(answer[1].rows)

    engine.run(make, missing(), done, advance)
    made.results = [results[name] for name in names]
    return made
