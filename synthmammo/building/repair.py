"""`repair`: what `verify` finds missing or changed in a built dataset is made again, to the same bytes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from synthmammo.arguments import a_function, a_path, a_text
from synthmammo.building.build import (
    PlannedShard,
    format_options,
    label_names,
    make_formats,
    planned_shards,
    write_labels,
)
from synthmammo.building.inputs import find_inputs
from synthmammo.building.remake import platform_note
from synthmammo.dataset.finishing import ShardResult, describe_dataset, write_skipped
from synthmammo.dataset.index import IndexRow, count, read_index, write_index
from synthmammo.dataset.layout import CARD, CROISSANT, INDEX, PLAN, PROVENANCE, RECIPE, SKIPPED
from synthmammo.dataset.libraries import recipe_versions
from synthmammo.dataset.manifest import Manifest, ShardRecord, content_digest, machine
from synthmammo.dataset.verify import verify_files
from synthmammo.dataset.workers.base import Report
from synthmammo.dataset.workers.local import local
from synthmammo.dataset.writers import coco
from synthmammo.errors import DatasetError, RecipeError, SynthmammoError, unwritable
from synthmammo.files import writing
from synthmammo.models.devices import Computing, usable
from synthmammo.planning.planner import write_plan
from synthmammo.progress import Progress, Steps, silent
from synthmammo.recipe import Recipe, as_recipe, load_recipe, resolved_yaml

_DESCRIPTIONS = (PROVENANCE, CROISSANT)
_YAML_BLOCK = re.compile(rb"^```yaml\n(.*?\n)```$", re.MULTILINE | re.DOTALL)


@dataclass
class Repaired:
    """What was made again.

    Attributes:
        repaired: Names of the files and shards that were made again, relative to the dataset's directory.
        problems: What `verify` finds now; none for a sound dataset.
    """

    repaired: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def repair(path: str | Path, *, workers: int | None = 1, device: str = "cpu", progress: Progress = silent) -> Repaired:
    """Make again what is missing or was changed in a built dataset, and nothing else.

    The recipe is planned and built again as far as needed, and a file takes its place only when its bytes are those
    that the manifest states. A recipe that is gone itself is taken from the card. What does not belong to the dataset
    is left alone.

    Args:
        path: Directory of the dataset.
        workers: Number of processes; None for one per core.
        device: Device that the networks run on; it must be of the class of that of the dataset where networks made it.
        progress: Function that is called with the number of samples made again and that of all to be made again.

    Returns:
        What was made again, and what is still wrong.

    Raises:
        DatasetError: The directory is no finished dataset, it was not built, a model or dataset that it was made from
            is another now, or here other bytes come out.
        OutputError: The directory cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> (dataset.path / "index.parquet").unlink()
        >>> sm.repair("masses").repaired
        ['index.parquet']
    """
    directory = a_path(path, "path", DatasetError)
    engine = local(workers, DatasetError)
    a_function(progress, "progress", DatasetError)
    device = usable(a_text(device, "device", DatasetError), failure=DatasetError)
    manifest = Manifest.read(directory)
    found = verify_files(directory)
    if not found.damaged:
        return Repaired(problems=found.problems)
    if manifest.kind != "built":
        hint = "Only a build can be mended; remove the directory, and ingest or cut it again from its source."
        raise DatasetError("it was not built from a recipe", where=directory, hint=hint)
    with _workshop(directory) as folder:
        recipe = _recipe(directory, manifest, folder)
        work = _Work(directory, folder, manifest, recipe, frozenset(found.damaged), device)
        computing = Computing.recorded(manifest.machine, device)
        shards = work.shards()
        identity = manifest.uids or manifest.digest
        make = partial(
            _make, recipe, folder, identity, {shard.name: work.formats(shard) for shard in shards}, computing
        )
        results: dict[str, ShardResult] = {}

        def done(answer: tuple[str, ShardResult]) -> None:
            results.update([answer])
            work.take_shard(*answer)

        wanted = [shard for shard in shards if work.is_wanted(shard)]
        engine.run(make, wanted, done, Steps(progress, sum(map(len, wanted))))
        work.take_files(shards, results)
    return Repaired(work.repaired, verify_files(directory).problems)


def _recipe(directory: Path, manifest: Manifest, folder: Path) -> Recipe:
    """The recipe of a built dataset, copied to a folder.

    Raises:
        DatasetError: The recipe is lost, or something that the dataset was made from is another now.
    """
    text = next((one for one in _recipe_texts(directory, manifest) if _sha256(one) == manifest.files[RECIPE]), None)
    if text is None:
        hint = "Give its recipe to `synthmammo build` with --overwrite: it makes the whole dataset anew."
        raise DatasetError("the recipe was changed, and stands nowhere else", where=directory / RECIPE, hint=hint)
    with writing(folder / RECIPE) as file:
        file.write_bytes(text)
    recipe = load_recipe(folder / RECIPE)
    here = find_inputs(recipe).digests()
    changed = [name for name, sha256 in manifest.sources.items() if here.get(name) != sha256]
    if changed:
        hint = "Put back the one that it was made from, or make the dataset anew with `build --overwrite`."
        raise DatasetError(f"'{changed[0]}' is not the one that the dataset was made from", where=directory, hint=hint)
    return recipe


def _recipe_texts(directory: Path, manifest: Manifest) -> Iterator[bytes]:
    """What may be the recipe's file: itself, a block of the card, and the manifest's, which has lost the order."""
    if (directory / RECIPE).is_file():
        yield (directory / RECIPE).read_bytes()
    if (directory / CARD).is_file():
        yield from _YAML_BLOCK.findall((directory / CARD).read_bytes())
    with suppress(RecipeError):
        yield resolved_yaml(as_recipe(_stated(manifest.options))).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _stated(options: Any) -> Any:
    """The options without those that were left out, as the recipe in a dataset directory has them."""
    if not isinstance(options, dict):
        return [_stated(one) for one in options] if isinstance(options, list) else options
    return {name: _stated(value) for name, value in options.items() if value is not None}


@contextmanager
def _workshop(directory: Path) -> Iterator[Path]:
    """A folder in the dataset, so that what is made there can take its place by a rename; it goes at the end."""
    try:
        folder = Path(mkdtemp(prefix=".repair-", dir=directory))
    except OSError as error:
        raise unwritable(directory, error) from error
    try:
        yield folder
    except SynthmammoError as error:
        if str(folder) not in str(error.where):
            raise
        # The folder is gone when the message is read, and the user named the directory.
        raise type(error)(error.message, where=directory, hint=error.hint) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(
    recipe: Recipe,
    folder: Path,
    identity: str,
    formats: Mapping[str, Collection[str]],
    computing: Computing,
    shard: PlannedShard,
    report: Report,
) -> tuple[str, ShardResult]:
    options = format_options(recipe, identity)
    wanted = {name: options[name] for name in formats[shard.name]}
    return make_formats(recipe, folder, wanted, shard, report, computing=computing)


@dataclass
class _Work:
    """What has to be made again, and taking it into the dataset.

    Attributes:
        directory: Directory of the dataset.
        folder: Folder in which things are made.
        manifest: Manifest of the dataset.
        recipe: Its recipe.
        damaged: Names of what is missing or was changed.
        device: Device that the networks run on.
        repaired: Names of what was made again.
    """

    directory: Path
    folder: Path
    manifest: Manifest
    recipe: Recipe
    damaged: frozenset[str]
    device: str = "cpu"
    repaired: list[str] = field(default_factory=list)
    _records: dict[str, dict[str, ShardRecord]] = field(default_factory=dict)

    def shards(self) -> list[PlannedShard]:
        """The shards of the plan, which is made anew in the folder; their records are found by name and format."""
        write_plan(self.recipe, self.folder / PLAN)
        shards = list(planned_shards(self.folder / PLAN))
        failed = {skip.get("key") for skip in self.manifest.failed}
        series = defaultdict[tuple[str, str], list[ShardRecord]](list)
        for record in self.manifest.shards:
            series[record.format, record.split].append(record)
        left = {key: iter(records) for key, records in series.items()}
        for shard in shards:
            # Shards without a sample have no file, and those that have one are numbered without gaps.
            if any(row.key not in failed for row in shard.rows):
                split = shard.rows[0].split
                self._records[shard.name] = {
                    name: next(left[name, split]) for name in self.recipe.emit.formats.chosen()
                }
        return shards

    def formats(self, shard: PlannedShard) -> list[str]:
        """The formats in which a shard is damaged."""
        return [name for name, record in self._records.get(shard.name, {}).items() if record.name in self.damaged]

    @property
    def _rows_are_lost(self) -> bool:
        """Whether the rows of the index have to come from the samples again; masks of COCO are in no index."""
        return any(name == INDEX or name.startswith(f"{coco.FOLDER}/") for name in self.damaged)

    def is_wanted(self, shard: PlannedShard) -> bool:
        """Whether the samples of a shard have to be made again."""
        return self._rows_are_lost or bool(self.formats(shard))

    def take_shard(self, name: str, result: ShardResult) -> None:
        """Let the files of a shard take their places."""
        for record in result.records:
            expected = self._records[name][record.format]
            self._take(record.name, expected.name, record.sha256, expected.sha256)

    def take_files(self, shards: Sequence[PlannedShard], results: Mapping[str, ShardResult]) -> None:
        """Make the damaged files beside the shards again, and let them take their places."""
        files = self.damaged & frozenset(self.manifest.files)
        if not files:
            return
        made = self._made(shards, results) if files - {RECIPE, PLAN, SKIPPED} else []
        self._write(made, files)
        for name in sorted(files):
            if (self.folder / name).exists():
                self._take(name, name, content_digest(self.folder / name), self.manifest.files[name])

    def _made(
        self, shards: Sequence[PlannedShard], results: Mapping[str, ShardResult]
    ) -> list[tuple[list[ShardRecord], Sequence[IndexRow]]]:
        """Records and index rows by shard, as they were when the dataset was finished."""
        rows: dict[str, Sequence[IndexRow]] = {name: result.rows for name, result in results.items()}
        if not self._rows_are_lost:
            of_key = {row["key"]: row for row in read_index(self.directory).to_pylist()}
            rows = {shard.name: [of_key[row.key] for row in shard.rows if row.key in of_key] for shard in shards}
        return [([*self._records.get(shard.name, {}).values()], rows[shard.name]) for shard in shards]

    def _write(self, made: Sequence[tuple[Sequence[ShardRecord], Sequence[IndexRow]]], files: frozenset[str]) -> None:
        rows = [row for _, shard_rows in made for row in shard_rows]
        write_skipped(self.folder, self.manifest.failed)
        if INDEX in files:
            write_index(self.folder, rows)
        labels = [name for name in self.recipe.emit.labels if any(file.startswith(f"{name}/") for file in files)]
        write_labels(_with_labels(self.recipe, labels), self.folder, rows)
        if files & set(_DESCRIPTIONS):
            others = {name: sha256 for name, sha256 in self.manifest.files.items() if name not in _DESCRIPTIONS}
            names = label_names(self.recipe) if self.recipe.emit.formats.parquet is not None else []
            describe_dataset(self.folder, replace(self._as_finished(), files=others), made, names)

    def _as_finished(self) -> Manifest:
        """The manifest with its entries in the order that they had in memory, which its file has not."""
        rows = read_index(self.directory if INDEX not in self.damaged else self.folder).to_pylist()
        counts, findings = count(rows)
        return replace(
            self.manifest,
            counts=counts,
            findings=findings,
            versions=_ordered(self.manifest.versions, recipe_versions(self.recipe)),
            machine=_ordered(self.manifest.machine, machine()),
            sources=_ordered(self.manifest.sources, find_inputs(self.recipe).digests()),
        )

    def _take(self, made: str, name: str, sha256: str, expected: str) -> None:
        """Let one thing take its place, if it is what was there.

        Raises:
            DatasetError: Its bytes are others.
        """
        if sha256 != expected:
            note = platform_note(self.manifest, self.device)
            hint = f"{note[0].upper()}{note[1:]}." if note else "`build --overwrite` makes the whole dataset anew."
            raise DatasetError("made again, its bytes are not those of the dataset", where=name, hint=hint)
        place = self.directory / name
        try:
            if place.is_dir():
                shutil.rmtree(place)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.folder / made, place)
        except OSError as error:
            raise unwritable(place, error) from error
        self.repaired.append(name)


def _ordered(values: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Values by name, those of some names first, in their order."""
    return {name: values[name] for name in dict.fromkeys([*names, *values]) if name in values}


def _with_labels(recipe: Recipe, labels: Sequence[str]) -> Recipe:
    """The recipe with some of its label files alone."""
    return recipe.model_copy(update={"emit": recipe.emit.model_copy(update={"labels": labels})})
