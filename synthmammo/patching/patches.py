"""`patches`: patches with and without lesions are cut out of the whole images of a dataset.

The result has the layout of every dataset. Every draw is a row of `patches_plan.parquet`; a finished shard is never
made again; a row that no window suits is listed in `skipped.jsonl`, never replaced. Patches of one image stand
together, so shuffle them when training.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from synthmammo.arguments import a_function, a_path
from synthmammo.arguments import options as as_options
from synthmammo.dataset.card import card
from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import PATCHES_PLAN, SKIPPED
from synthmammo.dataset.libraries import of_patches, versions
from synthmammo.dataset.manifest import Manifest, machine
from synthmammo.dataset.reader import Dataset, MadeDataset
from synthmammo.dataset.references import DatasetLike, dataset_path
from synthmammo.dataset.selecting import selected
from synthmammo.dataset.shards import Formats, Made, run_shards, write_shard
from synthmammo.dataset.unfinished import Unfinished
from synthmammo.dataset.workers.base import Engine, Report
from synthmammo.dataset.workers.local import chosen, local
from synthmammo.errors import DatasetError, RecipeError
from synthmammo.mammogram.sample import Sample
from synthmammo.patching.cut import NoPatch, WholeImage
from synthmammo.patching.options import PatchOptions
from synthmammo.patching.plan import PatchRow, read_shard, repetitions, sizes, write_patches_plan
from synthmammo.patching.survey import survey
from synthmammo.progress import Progress, Steps, silent, stage

__all__ = ["PatchOptions", "cut_patches", "patches"]

_log = logging.getLogger(__name__)


def patches(
    dataset: DatasetLike,
    out: str | Path,
    *,
    workers: int | None = 1,
    progress: Progress = silent,
    **options: Any,
) -> MadeDataset:
    r"""Cut patches with and without lesions out of the images of a dataset; they keep the split of their patient.

    What cannot be cut as planned is listed in `skipped.jsonl` of the new dataset and in `manifest.failed`, with the
    reason, and the log has a warning. After an interruption the same call goes on where it was.

    Args:
        dataset: Ingested or built dataset, or the path of its directory.
        out: Directory to make; an unfinished one is continued, a finished one of the same content is left alone.
        workers: Number of processes; 1 is this process, None one per core. A script that asks for more than one
            starts its work below `if __name__ == "__main__":`.
        progress: Function that is called with patches done and patches in all, resumed ones included.
        options: Any attribute of `PatchOptions` by its name, e.g. `size_px=128`, `per_lesion=5`, `classes="kind"`.

    Returns:
        The dataset of patches, with its card. `manifest.failed` lists what could not be cut, `notes` and `made` say
        what the images hold and how many patches this run cut.

    Raises:
        DatasetError: The dataset cannot be read, or no patch can be cut from it.
        RecipeError: An argument makes no sense (its name comes first), or asks for a class the dataset does not have.
        OutputError: The directory holds something else, or cannot be written.

    Example:
        >>> import tempfile, numpy as np, synthmammo as sm
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "films").mkdir()
        ...     pixels = np.zeros((96, 64), np.uint8)
        ...     pixels[10:80, :40] = 120
        ...     Image.fromarray(pixels).save(Path(folder, "films", "p1.png"))
        ...     _ = Path(folder, "films", "table.csv").write_text("file,patient,label\np1.png,p1,normal")
        ...     films = sm.ingest("folder", f"{folder}/films", f"{folder}/dataset")
        ...     cut = sm.patches(films, f"{folder}/patches", size_px=16, counts={"train/normal": 4})
        ...     len(cut), next(iter(cut)).shape
        (4, (16, 16))
    """
    cut = cut_patches(
        dataset_path(dataset, "dataset", DatasetError),
        a_path(out, "out", RecipeError),
        as_options(PatchOptions, options, RecipeError),
        engine=local(workers, RecipeError),
        progress=a_function(progress, "progress", RecipeError),
    )
    for note in cut.notes:
        _log.info(note)
    if cut.manifest.failed:
        _log.warning("%d patches could not be cut, listed in %s", len(cut.manifest.failed), cut.path / SKIPPED)
    card(cut.path)
    return cut


def cut_patches(
    dataset: Path,
    out: Path,
    options: PatchOptions | None = None,
    *,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> MadeDataset:
    """What `patches` does, with options and an engine, and without the card.

    Args:
        dataset: Directory of an ingested or built dataset with the format Parquet or WebDataset.
        out: Directory to make; an unfinished one is continued, a finished one of the same content is left alone.
        options: Options that decide the content; None for the defaults.
        engine: Engine that makes the shards, this process by default. A script that gives `Local(4)` starts its
            work below `if __name__ == "__main__":`, since each of the four processes imports the script.
        progress: Function that is called as patches are done, resumed ones included.

    Returns:
        The dataset of patches; `notes` say what the survey of the images found.

    Raises:
        DatasetError: The dataset cannot be read, or no patch can be cut from it.
        RecipeError: The options ask for a class that the dataset does not have.
        OutputError: The directory holds something else, or cannot be written.
    """
    engine = chosen(engine)
    options = options or PatchOptions()
    source = Manifest.read(dataset)
    Dataset.open(dataset)  # before anything is written
    found = survey(selected(read_index(dataset).to_pylist(), options.where, dataset), options)
    try:
        numbers = sizes(found, options)
    except DatasetError as error:
        raise DatasetError(error.message, where=dataset, hint=error.hint) from None
    notes = (*found.notes, *repetitions(found, numbers, options))
    manifest = _manifest(out.name, source, options)
    content = {"kind": manifest.kind, "options": manifest.options, "sources": manifest.sources}
    state = Unfinished(out, content, versions(of_patches(options.formats)))
    finished = state.manifest()
    if finished:
        progress(finished.samples, finished.samples)
        return MadeDataset(out, finished, 0, notes=notes)
    if not (out / PATCHES_PLAN).is_file():
        stage(progress, "planning")
        write_patches_plan(found, numbers, source.name, options, out / PATCHES_PLAN)
    job = _Job(dataset, source.digest, out, options, tuple(found.labels))
    made = _results(job, state, engine, progress)
    _refuse_empty(made.results, dataset)
    finished = state.finish(made.results, [], manifest, files=[PATCHES_PLAN])
    return MadeDataset(out, finished, made.samples, notes=notes)


def _manifest(name: str, source: Manifest, options: PatchOptions) -> Manifest:
    """The manifest of a patch dataset as far as it is known before a patch is cut."""
    return Manifest(
        kind="patches",
        name=name,
        digest="",
        options={"source": source.name} | options.plain(),
        machine=machine(),
        licence=source.licence,
        citation=source.citation,
        # The source's own sources are named too, so that a benchmark can tell what a generator has seen.
        sources={**source.sources, source.name: source.digest},
        models=source.models,
    )


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

    def __len__(self) -> int:
        return self.patches


def _shards(plan: Path) -> Iterator[_Shard]:
    table = pq.ParquetFile(plan)
    for number in range(table.num_row_groups):
        names = table.read_row_group(number, ["shard"]).column("shard")
        yield _Shard(names[0].as_py(), number, len(names))


def _results(job: _Job, state: Unfinished, engine: Engine, progress: Progress) -> Made:
    shards = list(_shards(job.out / PATCHES_PLAN))
    return run_shards(state, engine, partial(_make_shard, job), shards, Steps(progress, sum(map(len, shards))))


def _make_shard(job: _Job, shard: _Shard, report: Report) -> tuple[str, ShardResult]:
    options = {name: {"label_names": job.labels} if name == "parquet" else {} for name in job.options.formats}
    patches = (
        (row.index, patch if isinstance(patch, Sample) else _skip(row, patch))
        for row, patch in _cut(job, read_shard(job.out / PATCHES_PLAN, shard.number))
    )
    return write_shard(Formats(job.out, options), shard.name, patches, report)


def _skip(row: PatchRow, reason: NoPatch) -> dict[str, str]:
    return {"key": row.key, "source": row.target.source, "reason": str(reason)}


def _cut(job: _Job, rows: tuple[PatchRow, ...]) -> Iterator[tuple[PatchRow, Sample | NoPatch]]:
    dataset = _opened(job.dataset, job.digest)
    for key, group in groupby(rows, key=lambda row: row.target.source):
        source = WholeImage(dataset.sample(key), job.options)
        for row in group:
            try:
                yield row, source.patch(row)
            except NoPatch as reason:
                yield row, reason


@lru_cache(maxsize=1)
def _opened(dataset: Path, digest: str) -> Dataset:
    # A process makes many shards, and finding the keys reads every file. The digest tells a dataset made anew apart.
    return Dataset.open(dataset)
