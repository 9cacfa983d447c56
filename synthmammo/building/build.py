"""`make_dataset`: the rows of a plan become shards, in parallel and resumably; the manifest is written last."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from synthmammo.building.assemble import Assembler
from synthmammo.building.delivered import made_on, maker
from synthmammo.building.inputs import refuse_unsupported
from synthmammo.building.networks import served
from synthmammo.dataset.finishing import ShardResult
from synthmammo.dataset.index import IndexRow
from synthmammo.dataset.layout import MANIFEST, PLAN, RECIPE, STATE
from synthmammo.dataset.libraries import recipe_versions
from synthmammo.dataset.manifest import Manifest, machine, stated_computing
from synthmammo.dataset.reader import MadeDataset
from synthmammo.dataset.shards import Formats, run_shards, write_shard
from synthmammo.dataset.unfinished import COMPUTING, ORDER, WORK, Unfinished
from synthmammo.dataset.workers.base import Advance, Engine, Report
from synthmammo.dataset.workers.local import chosen
from synthmammo.dataset.writers.coco import write_coco
from synthmammo.dataset.writers.yolo import write_yolo
from synthmammo.errors import GeneratorError, OutputError
from synthmammo.files import writing
from synthmammo.generators.inputs import Inputs
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.models.devices import Computing
from synthmammo.planning.planner import write_plan
from synthmammo.planning.table import read_rows, shard_sizes
from synthmammo.recipe import Recipe, resolved_yaml
from synthmammo.recipe.order import name_orders


@dataclass(frozen=True)
class PlannedShard:
    """A shard before it is made: its name and its rows of the plan."""

    name: str
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)


def make_dataset(
    recipe: Recipe,
    out: Path,
    *,
    engine: Engine | None = None,
    overwrite: bool = False,
    inputs: Inputs | None = None,
    computing: Computing | None = None,
    advance: Advance = lambda samples: None,
) -> MadeDataset:
    """Make the dataset of a recipe.

    A finished shard is never made again: after an interruption the same call goes on where it was.

    Args:
        recipe: The checked recipe.
        out: Directory of the dataset.
        engine: Engine that makes the shards, this process by default. A script that gives `Local(4)` starts its
            work below `if __name__ == "__main__":`, since each of the four processes imports the script.
        overwrite: Whether a dataset that is there, finished or not, is removed first; False by default.
        inputs: What the recipe's generators read, as `find_inputs` finds it; None, the default, to look for it.
        computing: Device, batch and precision of the networks; None, the default, for the processor.
        advance: Function that is called with the number of samples done since its last call, resumed ones included.

    Returns:
        The dataset, without its card, and what this run did for it; `seconds` are by generate, compose, encode and
        write.

    Raises:
        OutputError: The directory holds something else, or cannot be written.
        GeneratorError: A generator is unknown, lacks its model, or cannot do what a row asks; or no sample at all could
            be made.
    """
    engine = chosen(engine)
    inputs = refuse_unsupported(recipe, inputs)
    if overwrite:
        remove_dataset(out)
    manifest, state = begin(recipe, out, inputs, computing)
    finished = state.manifest()
    if finished:
        advance(finished.samples)
        return MadeDataset(out, finished, 0)
    sizes = write_inputs(recipe, out)
    state.note(WORK, {"shards": len(sizes), "samples": sum(sizes.values())})
    with served(recipe, inputs, computing or Computing(), engine) as given:
        make = maker(partial(make_shard, computing=given), recipe, state, state.digest, engine, inputs)
        made = run_shards(state, engine, make, planned_shards(out / PLAN), advance)
    whole = finish_build(recipe, state, made.results, made_on(manifest, made.results))
    return MadeDataset(out, whole, made.samples, made.seconds)


def begin(recipe: Recipe, out: Path, inputs: Inputs, computing: Computing | None = None) -> tuple[Manifest, Unfinished]:
    """Begin a dataset, or go on with one.

    Args:
        recipe: The checked recipe.
        out: Directory of the dataset.
        inputs: What the recipe's generators read, as `find_inputs` finds it.
        computing: Device, batch and precision of the networks; None, the default, for the processor.

    Returns:
        The manifest as far as it is known before a sample is made, and the state of the directory.

    Raises:
        OutputError: The directory holds something else, or cannot be written.
    """
    manifest = draft_manifest(recipe, inputs, computing)
    return manifest, Unfinished(out, content_of(recipe, manifest), recipe_versions(recipe))


def content_of(recipe: Recipe, manifest: Manifest) -> dict[str, Any]:
    """What decides the samples of a dataset, beside the versions: its digest is the dataset's.

    Args:
        recipe: The checked recipe.
        manifest: Its manifest, as far as it is known before a sample is made.
    """
    content = {"recipe": manifest.options, "sources": manifest.sources, ORDER: name_orders(recipe)}
    computing = stated_computing(manifest)
    return content | ({COMPUTING: computing} if computing else {})


def finish_build(recipe: Recipe, state: Unfinished, results: Sequence[ShardResult], manifest: Manifest) -> Manifest:
    """Write the labels, and make the directory a finished dataset.

    Args:
        recipe: The checked recipe.
        state: State of the directory.
        results: Results of all shards, in the order in which `planned_shards` gives them.
        manifest: Manifest as far as it was known before a sample was made.

    Returns:
        The manifest as written.

    Raises:
        GeneratorError: No sample at all could be made; nothing is left.
        OutputError: The disk failed.
    """
    rows = [row for result in results for row in result.rows]
    if not rows:
        raise _nothing_made(recipe, state.out, results)
    return state.finish(results, [], manifest, [RECIPE, PLAN, *write_labels(recipe, state.out, rows)])


def _nothing_made(recipe: Recipe, out: Path, results: Sequence[ShardResult]) -> GeneratorError:
    """The error for a build without a sample, of which nothing is left behind."""
    remove_dataset(out)
    reasons = Counter(skip["reason"] for result in results for skip in result.skipped)
    ((reason, number),) = reasons.most_common(1)
    hint = f"The most frequent reason ({number} x): {reason}. Change what the recipe asks for."
    return GeneratorError(f"none of the {recipe.size} samples could be made", where=recipe.name, hint=hint)


def draft_manifest(recipe: Recipe, inputs: Inputs, computing: Computing | None = None) -> Manifest:
    """The manifest of a build as far as it is known before a sample is made.

    Args:
        recipe: The checked recipe.
        inputs: What the recipe's generators read, as `find_inputs` finds it.
        computing: Device, batch and precision of the networks; None, the default, for the processor.
    """
    stated = computing.record() if computing else {}
    return Manifest(
        kind="built",
        name=recipe.name,
        digest="",
        options=recipe.model_dump(mode="json"),
        machine=machine() | stated,
        licence=recipe.licence,
        citation=recipe.citation,
        sources=inputs.digests(),
        models=inputs.models(),
    )


def write_inputs(recipe: Recipe, out: Path) -> dict[str, int]:
    """Write the resolved recipe, and the plan where there is none yet; returns the sizes of the plan's shards."""
    with writing(out / RECIPE) as file:
        file.write_text(resolved_yaml(recipe), encoding="utf-8")
    if not (out / PLAN).is_file():
        write_plan(recipe, out / PLAN)
    return shard_sizes(out / PLAN)


def write_labels(recipe: Recipe, out: Path, rows: Sequence[IndexRow]) -> list[str]:
    """Write the label files that the recipe asks for; returns their paths in the dataset."""
    written = []
    if "coco" in recipe.emit.labels:
        written += write_coco(out, rows, name=recipe.name, about=recipe.description, licence=recipe.licence)
    if "yolo" in recipe.emit.labels:
        written += write_yolo(out, rows)
    return written


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


def planned_shards(plan_path: Path, wanted: Collection[str] | None = None) -> Iterator[PlannedShard]:
    """The shards of a plan, each as soon as its last row was read; one open shard per split is in memory.

    Args:
        plan_path: The plan.
        wanted: Names of the shards; None, the default, for all.
    """
    open_shards: dict[str, list[Row]] = defaultdict(list)
    current: dict[str, str] = {}
    for row in read_rows(plan_path, wanted):
        before = current.get(row.split)
        if before is not None and before != row.shard:
            yield PlannedShard(before, tuple(open_shards.pop(before)))
        current[row.split] = row.shard
        open_shards[row.shard].append(row)
    for name, rows in open_shards.items():
        yield PlannedShard(name, tuple(rows))


def make_shard(
    recipe: Recipe,
    out: Path,
    identity: str,
    shard: PlannedShard,
    report: Report,
    *,
    inputs: Inputs | None = None,
    computing: Computing | None = None,
) -> tuple[str, ShardResult]:
    """Make the samples of one shard and write them; DICOM derives its UIDs from the build's identity."""
    return make_formats(
        recipe, out, format_options(recipe, identity), shard, report, inputs=inputs, computing=computing
    )


def make_formats(
    recipe: Recipe,
    out: Path,
    options: Mapping[str, Mapping[str, Any]],
    shard: PlannedShard,
    report: Report,
    *,
    inputs: Inputs | None = None,
    computing: Computing | None = None,
) -> tuple[str, ShardResult]:
    """Make the samples of one shard and write them in some formats, by name with their options; none writes nothing."""
    assembler = Assembler(recipe, inputs, computing)
    samples = (
        (row.index, sample if isinstance(sample, Sample) else {"key": sample.key, "reason": sample.reason})
        for row, sample in zip(shard.rows, assembler.samples(shard.rows), strict=True)
    )
    name, result = write_shard(Formats(out, options, recipe.emit.preview_px), shard.name, samples, report)
    return name, replace(result, seconds={**assembler.seconds, **result.seconds})


def format_options(recipe: Recipe, identity: str) -> dict[str, dict[str, Any]]:
    """Options of the writers of a recipe's formats, by name; the identity is that of the build."""
    options: dict[str, dict[str, Any]] = recipe.emit.formats.chosen()
    for name, more in (("parquet", {"label_names": label_names(recipe)}), ("dicom", {"dataset": identity})):
        if name in options:
            options[name] |= more
    return options


def label_names(recipe: Recipe) -> list[str]:
    """Classes in the order of their numbers; a pair adds the class of its lesion-free half."""
    names = list(recipe.classes)
    return names if not recipe.pair or "normal" in names else [*names, "normal"]
