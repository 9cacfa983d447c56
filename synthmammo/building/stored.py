"""`build_stored`: a dataset whose shards go into a storage as they are made, s3:// for example, and never lie here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from synthmammo.arguments import a_choice, a_function, a_text
from synthmammo.errors import GeneratorError, RecipeError
from synthmammo.progress import Progress, Steps, silent, stage
from synthmammo.recipe import Recipe, RecipeLike, as_recipe
from synthmammo.settings import Changes

if TYPE_CHECKING:
    from synthmammo.dataset.manifest import Manifest, ShardRecord
    from synthmammo.dataset.reader import Dataset
    from synthmammo.dataset.storage import Storage
    from synthmammo.dataset.workers.base import Engine


@dataclass(frozen=True)
class StoredDataset:
    """A finished dataset in a storage.

    Attributes:
        url: Address of the dataset.
        manifest: Its manifest; `manifest.failed` lists what could not be made, with the reasons.
        made: Number of samples that this run made.
        seconds: Processor time in seconds by activity, summed over workers and runs; empty where none was made.
        lost_classes: Names of the planned classes of which no sample could be made.
    """

    url: str
    manifest: Manifest
    made: int
    seconds: dict[str, float]
    lost_classes: tuple[str, ...] = ()


def build_stored(
    recipe: RecipeLike,
    url: str,
    *,
    size: int | None = None,
    settings: Changes = (),
    workers: int | None = 1,
    engine: str = "local",
    address: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> StoredDataset:
    """Make the dataset of a recipe in a storage, byte-equal to one that is made in a folder.

    Each worker sends its shards; the state goes there too, so that after an interruption the same call goes on from
    any machine. Nothing but the index, the plan and the shards that the card shows comes here.

    Args:
        recipe: Path of a recipe, name of a shipped one, mapping of its keys, or a `Recipe`.
        url: Address of the dataset, as "s3://BUCKET/NAME" or "file:///DIRECTORY".
        size: Number of samples in place of the recipe's; None for the recipe's own.
        settings: Values to change, by dotted key (`{"emit.shard_size": 16}`) or as `KEY=VALUE` texts.
        workers: Number of processes; None for one per core.
        engine: "local", processes of this machine, or "ray".
        address: Address of a Ray that runs, or "auto"; None starts one here.
        overwrite: True to remove the dataset that is there, finished or not, and begin anew.
        progress: Function that is called with the number of samples done and that of all samples.

    Returns:
        What was made.

    Raises:
        RecipeError: The recipe cannot be read or understood, or asks for an audit, which reads all samples.
        GeneratorError: A generator is unknown, lacks its model, or cannot do what is asked.
        OutputError: The storage holds something else, or cannot be reached or written; or no Ray answers.

    Example:
        >>> import synthmammo as sm
        >>> from pathlib import Path
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> made = sm.build_stored("balanced_mass", Path("stored").absolute().as_uri(), size=3, settings=small)
        >>> sm.Dataset.open("stored")
        Dataset(balanced_mass: 3 samples, 3 train)
    """
    checked = as_recipe(recipe, settings, size)
    if checked.quality.audit:
        hint = "Build in a folder, or without quality.audit, and audit a copy before the dataset is used."
        raise RecipeError("an audit reads all samples, and these would lie elsewhere", where="quality.audit", hint=hint)
    a_text(url, "url", RecipeError)
    overwrite = a_choice(overwrite, "overwrite", RecipeError)
    steps = Steps(a_function(progress, "progress", RecipeError), checked.size)
    from synthmammo.building.engines import chosen_engine
    from synthmammo.building.recipes import make_hosts
    from synthmammo.dataset.storage import Storage

    work = chosen_engine(engine, workers, address)
    storage = Storage(url)
    stage(steps, "planning")
    make_hosts(checked, workers=workers)
    if overwrite:
        storage.remove_dataset()
    with TemporaryDirectory(prefix="synthmammo-") as desk:
        return _made(checked, storage, Path(desk), work, steps)


def _made(recipe: Recipe, storage: Storage, desk: Path, engine: Engine, steps: Steps) -> StoredDataset:
    from synthmammo.building.build import (
        content_of,
        draft_manifest,
        finish_build,
        make_shard,
        planned_shards,
        write_inputs,
    )
    from synthmammo.building.delivered import made_on, maker
    from synthmammo.building.inputs import refuse_unsupported
    from synthmammo.building.sizes import check_sizes
    from synthmammo.dataset.card import write_card
    from synthmammo.dataset.layout import PLAN
    from synthmammo.dataset.libraries import recipe_versions
    from synthmammo.dataset.losses import lost_classes
    from synthmammo.dataset.shards import run_shards
    from synthmammo.dataset.storage import StoredUnfinished
    from synthmammo.dataset.unfinished import WORK

    inputs = refuse_unsupported(recipe)
    check_sizes(recipe, inputs)
    draft = draft_manifest(recipe, inputs)
    state = StoredUnfinished(desk, content_of(recipe, draft), recipe_versions(recipe), storage)
    finished = state.manifest()
    if finished:
        steps(finished.samples)
        return StoredDataset(storage.url, finished, 0, {})
    sizes = write_inputs(recipe, desk)
    state.note(WORK, {"shards": len(sizes), "samples": sum(sizes.values())})
    make = maker(make_shard, recipe, state, state.digest, engine, inputs)
    made = run_shards(state, engine, make, planned_shards(desk / PLAN), steps)
    try:
        whole = finish_build(recipe, state, made.results, made_on(draft, made.results))
    except GeneratorError:  # not one sample could be made, and nothing is left
        storage.remove_dataset()
        raise
    write_card(desk, _pictured(desk, whole, storage))
    state.publish()
    return StoredDataset(storage.url, whole, made.samples, made.seconds, lost_classes(desk, whole))


def _pictured(desk: Path, manifest: Manifest, storage: Storage) -> Dataset | None:
    """The shards that the picture of the card shows, brought here; None where nothing is pictured."""
    from synthmammo.dataset.index import read_index
    from synthmammo.dataset.reader import Dataset, listed_shards
    from synthmammo.dataset.show import shown_keys

    records = [record for record in manifest.shards if record.format == "parquet"]
    if not records:
        return None
    rows: list[dict[str, Any]] = read_index(desk).select(["key", "split", "label"]).to_pylist()
    owners = _owners(records, rows)
    wanted = {owners[key].name for key in shown_keys(rows)} | {records[0].name}
    shown = [record for record in records if record.name in wanted]
    storage.bring([record.name for record in shown], desk)
    return Dataset(desk, listed_shards(desk, replace(manifest, shards=tuple(shown))), manifest)


def _owners(records: Sequence[ShardRecord], rows: Sequence[dict[str, Any]]) -> dict[str, ShardRecord]:
    """The shard of each sample, by its key: the index has the samples of a split in the order of its shards."""
    owners, left = {}, {split: _one_by_one(records, split) for split in {record.split for record in records}}
    for row in rows:
        owners[row["key"]] = next(left[row["split"]])
    return owners


def _one_by_one(records: Sequence[ShardRecord], split: str) -> Iterator[ShardRecord]:
    for record in records:
        if record.split == split:
            yield from [record] * record.samples
