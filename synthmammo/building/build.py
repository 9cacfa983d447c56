"""VERB build: the rows of a plan become shards, in parallel and resumably; the manifest is written last."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from synthmammo.building.assemble import Assembler
from synthmammo.building.inputs import _model_facts, refuse_unsupported, source_digests
from synthmammo.dataset.layout import MANIFEST, PLAN, RECIPE, STATE
from synthmammo.dataset.libraries import of_recipe, versions
from synthmammo.dataset.manifest import Manifest, machine
from synthmammo.dataset.shards import Formats, run_shards, write_shard
from synthmammo.dataset.unfinished import ShardResult, Unfinished
from synthmammo.dataset.workers.base import Advance, Engine, Report
from synthmammo.dataset.workers.local import chosen
from synthmammo.dataset.writers.coco import write_coco
from synthmammo.dataset.writers.yolo import write_yolo
from synthmammo.errors import OutputError
from synthmammo.files import writing
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.planning.planner import plan
from synthmammo.planning.table import read_rows
from synthmammo.recipe import Recipe, resolved_yaml


@dataclass
class Built:
    """What a build did.

    Attributes:
        manifest: Of the finished dataset.
        seconds: Processor time by activity, summed over workers and runs: generate, compose, encode and write.
        made: Samples made by this run; fewer than the dataset's when it was resumed.
    """

    manifest: Manifest
    seconds: dict[str, float] = field(default_factory=dict)
    made: int = 0


@dataclass(frozen=True)
class PlannedShard:
    """The unit of work: the rows of one shard."""

    name: str
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)


def build(
    recipe: Recipe,
    out: Path,
    *,
    engine: Engine | None = None,
    overwrite: bool = False,
    found: Mapping[str, Path] | None = None,
    advance: Advance = lambda samples: None,
) -> Built:
    """Make the dataset of a recipe.

    A finished shard is never made again: after an interruption the same call goes on where it was.

    Args:
        recipe: The checked recipe.
        out: The dataset directory.
        engine: What the shards are made on; by default this process. A script that gives `Local(4)` starts its
            work below `if __name__ == "__main__":`, since each of the four processes imports the script.
        overwrite: Begin anew: remove the dataset, finished or not, that is there.
        found: The recipe's model files, as `models` finds them; None to look for them.
        advance: Called with the number of samples done since the last call, resumed ones included.

    Raises:
        OutputError: The directory holds something else, or cannot be written.
        GeneratorError: A generator is unknown, lacks its model, or cannot do what a row asks.
    """
    engine = chosen(engine)
    found = refuse_unsupported(recipe, found)
    if overwrite:
        remove_dataset(out)
    options, sources = recipe.model_dump(mode="json"), source_digests(recipe, found)
    state = Unfinished(out, {"recipe": options, "sources": sources}, versions(of_recipe(recipe)))
    finished = state.manifest()
    if finished:
        advance(finished.samples)
        return Built(finished)
    with writing(out / RECIPE) as file:
        file.write_text(resolved_yaml(recipe), encoding="utf-8")
    if not (out / PLAN).is_file():
        plan(recipe, out / PLAN)
    made = run_shards(
        state, engine, partial(make_shard, recipe, out, state.digest), planned_shards(out / PLAN), advance
    )
    manifest = Manifest(
        kind="built",
        name=recipe.name,
        digest="",
        options=options,
        machine=machine(),
        licence=recipe.licence,
        citation=recipe.citation,
        sources=sources,
        models={name: _model_facts(path) for name, path in found.items()},
    )
    files = [RECIPE, PLAN]
    for name, write in (("coco", write_coco), ("yolo", write_yolo)):
        if name in recipe.emit.labels:
            files += write(out, (row for result in made.results for row in result.rows))
    seconds: Counter[str] = Counter()
    for result in made.results:
        seconds.update(result.seconds)
    return Built(state.finish(made.results, [], manifest, files), dict(seconds), made.samples)


def remove_dataset(out: Path) -> None:
    """Remove a dataset directory of this package, and nothing else.

    Raises:
        OutputError: The directory is something else, or cannot be removed.
    """
    if not out.exists():
        return
    if not (out / MANIFEST).is_file() and not (out / STATE).is_dir():
        raise OutputError("is not a dataset of this package, so it is not removed", where=out)
    try:
        shutil.rmtree(out)
    except OSError as error:
        raise OutputError(f"cannot be removed ({error.strerror or error})", where=error.filename or out) from error


def planned_shards(plan_path: Path) -> Iterator[PlannedShard]:
    """The shards of a plan, each as soon as its last row was read; one open shard a split is in memory."""
    open_shards: dict[str, list[Row]] = defaultdict(list)
    current: dict[str, str] = {}
    for row in read_rows(plan_path):
        before = current.get(row.split)
        if before is not None and before != row.shard:
            yield PlannedShard(before, tuple(open_shards.pop(before)))
        current[row.split] = row.shard
        open_shards[row.shard].append(row)
    for name, rows in open_shards.items():
        yield PlannedShard(name, tuple(rows))


def make_shard(
    recipe: Recipe, out: Path, identity: str, shard: PlannedShard, report: Report
) -> tuple[str, ShardResult]:
    """Make the samples of one shard and write them; DICOM derives its UIDs from the build's identity."""
    assembler = Assembler(recipe)
    options: dict[str, dict[str, Any]] = recipe.emit.formats.chosen()
    for name, more in (("parquet", {"label_names": label_names(recipe)}), ("dicom", {"dataset": identity})):
        if name in options:
            options[name] |= more
    samples = (
        (row.index, sample if isinstance(sample, Sample) else {"key": sample.key, "reason": sample.reason})
        for row, sample in zip(shard.rows, assembler.samples(shard.rows), strict=True)
    )
    name, result = write_shard(Formats(out, options, recipe.emit.preview_px), shard.name, samples, report)
    return name, replace(result, seconds={**assembler.seconds, **result.seconds})


def label_names(recipe: Recipe) -> list[str]:
    """Classes in the order of their numbers; a pair adds the class of its lesion-free half."""
    names = list(recipe.classes)
    return names if not recipe.pair or "normal" in names else [*names, "normal"]
