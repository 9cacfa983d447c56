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
from synthmammo.dataset.index import read_index
from synthmammo.dataset.layout import MANIFEST, PLAN, RECIPE, STATE
from synthmammo.dataset.libraries import of_recipe, versions
from synthmammo.dataset.manifest import Manifest, machine
from synthmammo.dataset.shards import Advance, Formats, run_shards, write_shard
from synthmammo.dataset.unfinished import ShardResult, Unfinished
from synthmammo.dataset.workers.base import Engine, Report
from synthmammo.dataset.workers.local import chosen
from synthmammo.dataset.writers.coco import write_coco
from synthmammo.dataset.writers.yolo import write_yolo
from synthmammo.errors import CheckpointError, GeneratorError, OutputError, RecipeError
from synthmammo.files import writing
from synthmammo.generators.base import HOSTS, LESIONS, REMOVALS, find
from synthmammo.identity import file_digest
from synthmammo.mammogram.planned import Row
from synthmammo.mammogram.sample import Sample
from synthmammo.models.file import describe
from synthmammo.models.inverted import read_inverted
from synthmammo.models.names import SUFFIX, is_model, locate
from synthmammo.planning.planner import plan
from synthmammo.planning.table import read_rows
from synthmammo.recipe import IngestedBackground, Recipe, StyleGAN2Background, resolved_yaml
from synthmammo.recipe.edits import DirectionEdit, PartEdit


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
class Shard:
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
    made = run_shards(state, engine, partial(make_shard, recipe, out, state.digest), shards(out / PLAN), advance)
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


def refuse_unsupported(recipe: Recipe, found: Mapping[str, Path] | None = None) -> Mapping[str, Path]:
    """Refuse what a recipe may say but this version cannot carry out.

    Args:
        recipe: The checked recipe.
        found: Its model files, as `models` finds them; None to look for them.

    Returns:
        Its model files.

    Raises:
        GeneratorError: Naming a generator that this version does not have, or has no model of, or a direction that the
            model's file does not have.
        CheckpointError: The file of directions is of another model.
        RecipeError: DICOM is asked for of images that lack what it requires.
    """
    found = models(recipe) if found is None else found
    latent_files(recipe, found)
    _check_directions(recipe, found)
    if recipe.emit.formats.dicom is not None:
        _check_dicom(recipe)
    named = [(LESIONS, spec.generator, f"lesions.{number}.generator") for number, spec in enumerate(recipe.lesions)]
    if recipe.removal:
        named.append((REMOVALS, recipe.removal.generator, "removal.generator"))
    for table, name, where in [(HOSTS, recipe.background.generator, "background.generator"), *named]:
        if not is_model(name):
            find(table, name, where)
    return found


def _check_dicom(recipe: Recipe) -> None:
    """Refuse at once what the DICOM writer would refuse after the first hosts."""
    background = recipe.background
    if isinstance(background, StyleGAN2Background) and background.latents:
        _check_real(
            read_inverted(background.latents).rows(), "Invert them with --assume-spacing-mm, or leave DICOM out:"
        )
    elif isinstance(background, StyleGAN2Background):
        view = background.view or (recipe.require and recipe.require.view)
        if not (view and background.laterality):
            raise _no_dicom(
                "those of a StyleGAN2 are as the recipe says",
                "State background.laterality, and background.view or require.view; or leave DICOM out:",
            )
    if not isinstance(background, IngestedBackground) or not (Path(background.dataset) / MANIFEST).is_file():
        return
    rows = read_index(Path(background.dataset)).to_pylist()
    if background.assume_spacing_mm:
        rows = [{**row, "spacing_mm": background.assume_spacing_mm} for row in rows]
    _check_real(rows, "Set background.assume_spacing_mm, or leave DICOM out:")


def _check_real(rows: list[dict[str, Any]], assume: str) -> None:
    for name, hint in (("spacing_mm", assume), ("view", ""), ("laterality", "")):
        if lacking := sum(row[name] is None for row in rows):
            raise _no_dicom(f"{lacking} of {len(rows)} hosts have no {name.removesuffix('_mm')}", hint)


def _no_dicom(what: str, hint: str) -> RecipeError:
    instead = "emit: {formats: [webdataset, parquet]}."
    message = f"a DICOM mammogram requires spacing, view and laterality, and {what}"
    return RecipeError(message, where="emit.formats.dicom", hint=f"{hint or 'Leave DICOM out:'} {instead}")


def _check_directions(recipe: Recipe, found: Mapping[str, Path]) -> None:
    background = recipe.background
    wanted = [edit.direction for edit in recipe.edits if isinstance(edit, DirectionEdit)]
    if not wanted or not isinstance(background, StyleGAN2Background):
        return
    from synthmammo.editing.directions.file import directions_file, read_directions

    model = found[background.model]
    path = Path(background.directions or directions_file(model))
    directions = read_directions(path, file_digest(model))
    for name in wanted:
        directions.check(name, path)


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


def source_digests(recipe: Recipe, found: Mapping[str, Path]) -> dict[str, str]:
    """Digests of what goes into a build beside the recipe: the dataset of real hosts, the model files `found`."""
    digests = {name: file_digest(path) for name, path in {**found, **latent_files(recipe, found)}.items()}
    if isinstance(recipe.background, IngestedBackground):
        directory = Path(recipe.background.dataset)
        digests[recipe.background.dataset] = Manifest.read(directory).digest
    return digests


def latent_files(recipe: Recipe, found: Mapping[str, Path]) -> dict[str, Path]:
    """The files beside the model that decide latents and their edits: inverted images, parts, directions.

    Args:
        recipe: The checked recipe.
        found: Its model files, as `models` finds them.

    Returns:
        Paths by the name the recipe gives the file, or by the model's name with the file's ending.

    Raises:
        GeneratorError: One of them is not there, naming the field.
    """
    background = recipe.background
    if not isinstance(background, StyleGAN2Background):
        return {}
    named = {"background.latents": (background.latents, Path(background.latents))} if background.latents else {}
    stem = background.model.removesuffix(SUFFIX)
    if any(isinstance(edit, PartEdit) for edit in recipe.edits):
        from synthmammo.editing.parts.file import parts_file

        path = Path(background.parts or parts_file(found[background.model]))
        named["background.parts"] = (background.parts or stem + path.suffix, path)
    if any(isinstance(edit, DirectionEdit) for edit in recipe.edits):
        from synthmammo.editing.directions.file import directions_file

        path = Path(background.directions or directions_file(found[background.model]))
        named["background.directions"] = (background.directions or stem + path.suffix, path)
    for where, (_, path) in named.items():
        if not path.is_file():
            makes = {"latents": "invert IMAGE", "parts": "parts fit MODEL", "directions": "directions fit MODEL"}
            hint = f"`synthmammo {makes[where.removeprefix('background.')]}` makes it."
            raise GeneratorError("there is no such file", where=f"{where}: {path}", hint=hint)
    return dict(named.values())


def _model_facts(path: Path) -> dict[str, Any]:
    model = describe(path)
    names = ("architecture", "makes", "licence", "training_data")
    return {name: getattr(model, name) for name in names}


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


def make_shard(recipe: Recipe, out: Path, identity: str, shard: Shard, report: Report) -> tuple[str, ShardResult]:
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
