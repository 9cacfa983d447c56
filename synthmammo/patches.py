"""VERB patches: cut patches with and without lesions out of the whole images of a dataset.

The result has the layout of every dataset. Every draw is a row of `patches_plan.parquet`; a finished shard is never
made again; a row that no window suits is listed in `skipped.jsonl`, never replaced. Patches of one image stand
together, so shuffle them when training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq

from synthmammo import __version__
from synthmammo.dataset import Dataset
from synthmammo.engines.base import Engine, Report
from synthmammo.engines.local import Local
from synthmammo.errors import DatasetError
from synthmammo.manifest import Manifest, index_row, machine, read_index, versions
from synthmammo.patch_cut import NoPatch, Source
from synthmammo.patch_options import PatchOptions
from synthmammo.patch_plan import PLAN, PatchRow, read_shard, repetitions, sizes, survey, write_plan
from synthmammo.sample import Sample
from synthmammo.unfinished import ShardResult, Unfinished
from synthmammo.writers.base import Encoded, Writer, open_writer

__all__ = ["PatchOptions", "Patched", "patches"]

Progress = Callable[[int, int], None]
"""Called with the number of patches done, and of all."""


@dataclass(frozen=True)
class Patched:
    """What was cut.

    Attributes:
        manifest: Of the finished dataset.
        notes: What the survey of the images found worth saying.
        made: Patches cut by this run; fewer than the dataset's when it was resumed.
    """

    manifest: Manifest
    notes: tuple[str, ...]
    made: int = 0


def patches(
    dataset: Path,
    out: Path,
    options: PatchOptions | None = None,
    *,
    engine: Engine | None = None,
    progress: Progress = lambda done, total: None,
) -> Patched:
    """Cut patches out of the images of a dataset; they keep the split of their patient.

    Args:
        dataset: An ingested or built dataset with the format Parquet.
        out: Directory to make; an unfinished one is continued, a finished one of the same content is left alone.
        options: What decides the content.
        engine: What the shards are made on; by default processes of this machine.
        progress: Called as patches are done, resumed ones included.

    Raises:
        DatasetError: The dataset cannot be read, or no patch can be cut from it.
        RecipeError: The options ask for a class that the dataset does not have.
        OutputError: The directory holds something else, or cannot be written.
    """
    options = options or PatchOptions()
    source = Manifest.read(dataset)
    Dataset.open(dataset)  # before anything is written
    found = survey(read_index(dataset).to_pylist(), options)
    try:
        numbers = sizes(found, options)
    except DatasetError as error:
        raise DatasetError(error.message, where=dataset, hint=error.hint) from None
    notes = (*found.notes, *repetitions(found, numbers, options))
    plain, sources = {"source": source.name} | options.plain(), {source.name: source.digest}
    state = Unfinished(out, {"kind": "patches", "options": plain, "version": __version__, "sources": sources})
    finished = state.manifest()
    if finished:
        progress(finished.samples, finished.samples)
        return Patched(finished, notes)
    if not (out / PLAN).is_file():
        write_plan(found, numbers, source.name, options, out / PLAN)
    job = _Job(dataset, source.digest, out, options, tuple(found.labels))
    results, made = _results(job, state, engine or Local(), progress)
    _refuse_empty(results, dataset)
    facts = Manifest(
        kind="patches",
        name=out.name,
        digest="",
        options=plain,
        versions=versions(),
        machine=machine(),
        licence=source.licence,
        citation=source.citation,
        sources=sources,
    )
    return Patched(state.finish(results, [], facts, files=[PLAN]), notes, made)


def _refuse_empty(results: Sequence[ShardResult], dataset: Path) -> None:
    reasons = Counter(skip["reason"] for result in results for skip in result.skipped)
    if not any(result.rows for result in results):
        reason, number = reasons.most_common(1)[0]
        raise DatasetError(f"not one of {reasons.total()} patches could be cut: {reason} ({number} x)", where=dataset)


@dataclass(frozen=True)
class _Job:
    dataset: Path
    digest: str
    out: Path
    options: PatchOptions
    labels: tuple[str, ...]


@dataclass(frozen=True)
class _Shard:
    """A row group of the plan."""

    name: str
    number: int
    patches: int


def _shards(plan: Path) -> Iterator[_Shard]:
    table = pq.ParquetFile(plan)
    for number in range(table.num_row_groups):
        names = table.read_row_group(number, ["shard"]).column("shard")
        yield _Shard(names[0].as_py(), number, len(names))


def _results(job: _Job, state: Unfinished, engine: Engine, progress: Progress) -> tuple[list[ShardResult], int]:
    """Results of all shards in order, and the number of patches made now."""
    shards = list(_shards(job.out / PLAN))
    results: dict[str, ShardResult] = {}
    total, patches_done, made = sum(shard.patches for shard in shards), 0, 0

    def advance(number: int) -> None:
        nonlocal patches_done
        patches_done += number
        progress(patches_done, total)

    def missing() -> Iterator[_Shard]:
        for shard in shards:
            if (result := state.load(shard.name)) is None:
                yield shard
            else:
                results[shard.name] = result
                advance(shard.patches)

    def done(answer: tuple[str, ShardResult]) -> None:
        nonlocal made
        state.save(*answer)
        results.update([answer])
        made += len(answer[1].rows)

    engine.run(partial(_make_shard, job), missing(), done, advance)
    return [results[shard.name] for shard in shards], made


def _make_shard(job: _Job, shard: _Shard, report: Report) -> tuple[str, ShardResult]:
    """Cut the patches of one shard and write them in every format; on any failure nothing of it stays."""
    writers: list[Writer] = []
    rows, failures = [], []
    try:
        for row, patch in _cut(job, read_shard(job.out / PLAN, shard.number)):
            report.raise_if_stopped()
            if isinstance(patch, NoPatch):
                failures.append({"key": row.key, "source": row.target.source, "reason": str(patch)})
            else:
                writers = writers or _writers(job, shard.name)
                encoded = Encoded(patch, row.index)
                for writer in writers:
                    writer.write(encoded)
                rows.append(index_row(patch))
            report.advance()
        records = tuple(writer.close() for writer in writers)
    finally:
        for writer in writers:
            writer.abort()
    return shard.name, ShardResult(records, tuple(rows), tuple(failures))


def _cut(job: _Job, rows: tuple[PatchRow, ...]) -> Iterator[tuple[PatchRow, Sample | NoPatch]]:
    dataset = _opened(job.dataset, job.digest)
    for key, group in groupby(rows, key=lambda row: row.target.source):
        source = Source(dataset.sample(key), job.options)
        for row in group:
            try:
                yield row, source.patch(row)
            except NoPatch as reason:
                yield row, reason


@lru_cache(maxsize=1)
def _opened(dataset: Path, digest: str) -> Dataset:
    # A process makes many shards, and finding the keys reads every file. The digest tells a dataset made anew apart.
    return Dataset.open(dataset)


def _writers(job: _Job, shard: str) -> list[Writer]:
    writers: list[Writer] = []
    try:
        for name in job.options.formats:
            settings = {"label_names": job.labels} if name == "parquet" else {}
            writers.append(open_writer(name, job.out / name, shard, **settings))
    except BaseException:
        for writer in writers:
            writer.abort()
        raise
    return writers
