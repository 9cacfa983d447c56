"""Shards, the units of work of `build`, `ingest` and `patches`: written in all formats at once, never made twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, TypeVar

from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.index import index_row
from synthmammo.dataset.unfinished import Unfinished
from synthmammo.dataset.workers.base import Advance, Engine, Report
from synthmammo.dataset.writers.base import Encoded, Writer, open_writer
from synthmammo.interruption import Interrupted, keeping
from synthmammo.mammogram.sample import Sample
from synthmammo.progress import finishing, resumed, stage

Skip = dict[str, str]
"""What could not become a sample: {"file" or "key": ..., "reason": ...}."""

WRITING = "encode and write"
"""Name of this module's own activity in `ShardResult.seconds`."""


class Shard(Protocol):
    """What is known of a shard before it is made."""

    @property
    def name(self) -> str:
        """Name of the shard, e.g. "train-00003"."""
        ...

    def __len__(self) -> int:
        """Number of samples that are planned for it."""
        ...


Work = TypeVar("Work", bound=Shard)


@dataclass(frozen=True)
class Formats:
    """Formats that the samples of a dataset are written in.

    Attributes:
        out: The dataset directory.
        options: Options of each format, by its name.
        preview_px: Longer side of the previews in pixels, 512 by default.
    """

    out: Path
    options: Mapping[str, Mapping[str, Any]]
    preview_px: int = 512

    def open(self, shard: str) -> list[Writer]:
        """Open a writer per format; when one cannot be opened, none stays open.

        Args:
            shard: Name of the shard.
        """
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
        formats: Formats to write, and where.
        name: Name of the shard.
        samples: Index and sample of each, or the reason why there is none; taken one at a time.
        report: Link to the engine, which is told of each of them.

    Returns:
        Name and result of the shard; `seconds` has the time spent on encoding and writing.

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
        results: Results in the order of the shards.
        samples: Number of samples made by this run; the others were there already.
    """

    results: list[ShardResult]
    samples: int

    @property
    def seconds(self) -> dict[str, float]:
        """Processor time in seconds by activity, summed over all shards."""
        total: Counter[str] = Counter()
        for result in self.results:
            total.update(result.seconds)
        return dict(total)


def run_shards(
    state: Unfinished,
    engine: Engine,
    make: Callable[[Work, Report], tuple[str, ShardResult]],
    shards: Iterable[Work],
    advance: Advance,
) -> Made:
    """Make the shards that are not there yet.

    Args:
        state: State of the dataset, which knows what is done and is told of each shard that gets done.
        engine: Engine that the shards are made on.
        make: Function that makes a shard; a `functools.partial` of a module-level function.
        shards: All shards, in order; taken as workers become free.
        advance: Function that is called with the number of samples done since its last call, those found done
            included.

    Returns:
        The results of all shards, those found done included.

    Raises:
        Interrupted: An end was asked for; the shards that run then are finished first, or dropped when it was asked
            for twice.
    """
    names: list[str] = []
    finished: list[str] = []
    made = Made([], 0)

    def missing() -> Iterator[Work]:
        for shard in shards:
            names.append(shard.name)
            if state.is_done(shard.name):
                finished.append(shard.name)
                resumed(advance, len(shard))
                advance(len(shard))
            else:
                yield shard

    def done(answer: tuple[str, ShardResult]) -> None:
        state.save(*answer)
        finished.append(answer[0])
        made.samples += len(answer[1].rows)

    def kept() -> str:
        number = len(finished)
        return f"{number:,} finished shard{'s' * (number != 1)} kept, and the same command goes on from there"

    stage(advance, "making the first ones")
    with finishing(advance, "the shard") as asked, keeping(kept):
        engine.run(make, missing(), done, advance, asked)
        if asked():
            raise Interrupted(kept())
    stage(advance, "writing the index")
    state.place.look_again()
    made.results = [state.loaded(name) for name in names]
    return made
