"""VERB build: the rows of a plan become shards, in parallel and resumably; the manifest is written last."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from synthmammo import __version__
from synthmammo.assemble import Assembler, Failure
from synthmammo.checkpoints import locate
from synthmammo.engines.base import Engine, Report
from synthmammo.engines.local import Local
from synthmammo.errors import CheckpointError, GeneratorError, OutputError, RecipeError
from synthmammo.generators.base import HOSTS, LESIONS, REMOVALS, find, is_model
from synthmammo.identity import file_digest
from synthmammo.manifest import MANIFEST, Manifest, index_row, machine, versions, writing
from synthmammo.plan import PLAN, plan, read_rows
from synthmammo.recipe import IngestedBackground, Recipe, StyleGAN2Background, resolved_yaml
from synthmammo.row import Row
from synthmammo.unfinished import STATE, ShardResult, Unfinished
from synthmammo.writers.base import Encoded, Writer, open_writer
from synthmammo.writers.coco import write_coco

RECIPE = "recipe.yaml"
Advance = Callable[[int], None]


@dataclass
class Built:
    """What a build did.

    Attributes:
        manifest: Of the finished dataset.
        seconds: Processor time by activity, summed over workers: generate, compose, encode and write.
        made: Samples made by this run; fewer than the dataset's when it was resumed.
    """

    manifest: Manifest
    seconds: dict[str, float] = field(default_factory=dict)
    made: int = 0


@dataclass(frozen=True)
class Shard:
    """The unit of work: the rows of one shard."""

    name: str
    rows: tuple[Row, ...]


def build(
    recipe: Recipe,
    out: Path,
    *,
    engine: Engine | None = None,
    overwrite: bool = False,
    advance: Advance = lambda samples: None,
) -> Built:
    """Make the dataset of a recipe.

    A finished shard is never made again: after an interruption the same call goes on where it was.

    Args:
        recipe: The checked recipe.
        out: The dataset directory.
        engine: What the shards are made on; by default processes of this machine.
        overwrite: Begin anew: remove the dataset, finished or not, that is there.
        advance: Called with the number of samples done since the last call, resumed ones included.

    Raises:
        RecipeError: The recipe asks for what this version cannot do.
        OutputError: The directory holds something else, or cannot be written.
        GeneratorError: A generator is unknown, lacks its model, or cannot do what a row asks.
    """
    refuse_unsupported(recipe)
    if overwrite:
        remove_dataset(out)
    options, sources = recipe.model_dump(mode="json"), source_digests(recipe)
    state = Unfinished(out, {"recipe": options, "package": __version__, "sources": sources})
    finished = state.manifest()
    if finished:
        advance(finished.samples)
        return Built(finished)
    with writing(out / RECIPE) as file:
        file.write_text(resolved_yaml(recipe), encoding="utf-8")
    if not (out / PLAN).is_file():
        plan(recipe, out / PLAN)
    results: dict[str, ShardResult] = {}
    built_seconds: Counter[str] = Counter()
    made = 0

    def missing() -> Iterator[Shard]:
        for shard in shards(out / PLAN):
            result = state.load(shard.name)
            if result is None:
                yield shard
            else:
                results[shard.name] = result
                advance(len(shard.rows))

    def done(answer: tuple[str, ShardResult, dict[str, float]]) -> None:
        nonlocal made
        name, result, seconds = answer
        state.save(name, result)
        results[name] = result
        built_seconds.update(seconds)
        made += len(result.rows)

    (engine or Local()).run(partial(make_shard, recipe, out, state.digest), missing(), done, advance)
    manifest = Manifest(
        kind="built",
        name=recipe.name,
        digest="",
        options=options,
        versions=versions(),
        machine=machine(),
        licence=recipe.licence,
        citation=recipe.citation,
        sources=sources,
    )
    ordered = [results[name] for name in sorted(results)]
    files = [RECIPE, PLAN]
    if "coco" in recipe.emit.labels:
        files += write_coco(out, (row for result in ordered for row in result.rows))
    return Built(state.finish(ordered, [], manifest, files), dict(built_seconds), made)


def refuse_unsupported(recipe: Recipe) -> None:
    """Refuse what a recipe may say but this version cannot carry out.

    Raises:
        RecipeError: Naming the edits.
        GeneratorError: Naming a generator that this version does not have, or has no model of.
    """
    models(recipe)
    named = [(LESIONS, spec.generator, f"lesions.{number}.generator") for number, spec in enumerate(recipe.lesions)]
    if recipe.removal:
        named.append((REMOVALS, recipe.removal.generator, "removal.generator"))
    for table, name, where in [(HOSTS, recipe.background.generator, "background.generator"), *named]:
        if not is_model(name):
            find(table, name, where)
    if recipe.edits:
        names = ", ".join(f"'{edit}'" for edit in recipe.edits)
        hint = "Remove them, or use a version of synthmammo that has them."
        raise RecipeError(f"the edits {names} cannot be carried out by this version", where="edits", hint=hint)


def models(recipe: Recipe) -> dict[str, Path]:
    """The model files that a recipe names, by the names it gives them.

    Raises:
        GeneratorError: One of them is not there, naming the field.
    """
    named = {f"lesions.{number}.generator": spec.generator for number, spec in enumerate(recipe.lesions)}
    if recipe.removal:
        named["removal.generator"] = recipe.removal.generator
    named = {where: name for where, name in named.items() if is_model(name)}
    if isinstance(recipe.background, StyleGAN2Background):
        named["background.model"] = recipe.background.model
    found = {}
    for where, name in named.items():
        try:
            found[name] = locate(name)
        except CheckpointError as error:
            raise GeneratorError(error.message, where=f"{where}: {name}", hint=error.hint) from error
    return found


def source_digests(recipe: Recipe) -> dict[str, str]:
    """Digests of what goes into a build beside the recipe: the dataset of real hosts, the files of models."""
    digests = {name: file_digest(path) for name, path in models(recipe).items()}
    if isinstance(recipe.background, IngestedBackground):
        directory = Path(recipe.background.dataset)
        digests[recipe.background.dataset] = Manifest.read(directory).digest
    return digests


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


def shards(plan_path: Path) -> Iterator[Shard]:
    """The shards of a plan, each as soon as its last row was read; one open shard a split is in memory."""
    open_shards: dict[str, list[Row]] = defaultdict(list)
    current: dict[str, str] = {}
    for row in read_rows(plan_path):
        before = current.get(row.split)
        if before is not None and before != row.shard:
            yield Shard(before, tuple(open_shards.pop(before)))
        current[row.split] = row.shard
        open_shards[row.shard].append(row)
    for name, rows in open_shards.items():
        yield Shard(name, tuple(rows))


def make_shard(
    recipe: Recipe, out: Path, identity: str, shard: Shard, report: Report
) -> tuple[str, ShardResult, dict[str, float]]:
    """Make the samples of one shard and write them in every format; on any failure nothing of it stays."""
    assembler = Assembler(recipe)
    writers: list[Writer] = []
    rows, failures = [], []
    writing_seconds = 0.0
    try:
        for row, sample in zip(shard.rows, assembler.samples(shard.rows), strict=True):
            report.raise_if_stopped()
            if isinstance(sample, Failure):
                failures.append({"key": sample.key, "reason": sample.reason})
            else:
                start = perf_counter()
                writers = writers or open_writers(recipe, out, identity, shard.name)
                encoded = Encoded(sample, row.index, recipe.emit.preview_px)
                for writer in writers:
                    writer.write(encoded)
                rows.append(index_row(sample))
                writing_seconds += perf_counter() - start
            report.advance()
        start = perf_counter()
        records = tuple(writer.close() for writer in writers)
        writing_seconds += perf_counter() - start
    finally:
        for writer in writers:
            writer.abort()
    result = ShardResult(records, tuple(rows), tuple(failures))
    return shard.name, result, {**assembler.seconds, "encode and write": writing_seconds}


def open_writers(recipe: Recipe, out: Path, identity: str, shard: str) -> list[Writer]:
    """A writer for every format the recipe emits; DICOM derives its UIDs from the build's identity."""
    options: dict[str, dict[str, Any]] = recipe.emit.formats.chosen()
    if "parquet" in options:
        options["parquet"] |= {"label_names": label_names(recipe)}
    if "dicom" in options:
        options["dicom"] |= {"dataset": identity}
    writers: list[Writer] = []
    try:
        for name, values in options.items():
            writers.append(open_writer(name, out / name, shard, **values))
    except BaseException:
        for writer in writers:
            writer.abort()
        raise
    return writers


def label_names(recipe: Recipe) -> list[str]:
    """Classes in the order of their numbers; a pair adds the class of its lesion-free half."""
    names = list(recipe.classes)
    return names if not recipe.pair or "normal" in names else [*names, "normal"]
