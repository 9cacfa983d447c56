"""A dataset, or its plan, from whatever stands for a recipe: what other programs call, and the commands too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.arguments import a_choice, a_function, a_path
from synthmammo.building.asked import Asked
from synthmammo.building.engines import chosen_engine
from synthmammo.building.gate import check_gate, left_out, pass_gate
from synthmammo.errors import OutputError, RecipeError
from synthmammo.ingesting.hosts import ensure_hosts, missing_hosts
from synthmammo.progress import Progress, Steps, silent, stage
from synthmammo.recipe import Recipe, RecipeLike, as_recipe
from synthmammo.settings import Changes

if TYPE_CHECKING:
    from synthmammo.dataset.reader import MadeDataset
    from synthmammo.dataset.workers.base import Engine
    from synthmammo.generators.inputs import Inputs
    from synthmammo.ingesting.ingest import IngestSummary
    from synthmammo.models.devices import Computing
    from synthmammo.planning.plan import Plan


def build(
    recipe: RecipeLike,
    out: str | Path | None = None,
    *,
    size: int | None = None,
    settings: Changes = (),
    workers: int | None = 1,
    engine: str = "local",
    address: str | None = None,
    device: str = "cpu",
    batch: int | None = None,
    overwrite: bool = False,
    without: str | Path | Sequence[str] | None = None,
    progress: Progress = silent,
) -> MadeDataset:
    """Make the dataset of a recipe, with its card; real hosts that the recipe asks for are ingested first.

    After an interruption the same call goes on where it was, and of a finished dataset it makes nothing again. With a
    larger size the dataset that is there grows: what it has stays, byte for byte, and until the larger one is finished
    it stays whole. What it
    took is noted in the folder that SYNTHMAMMO_CACHE names, by default `~/.cache/synthmammo`, for `Plan.estimate`.

    Args:
        recipe: Path of a recipe, name of a shipped one, mapping of its keys, or a `Recipe`.
        out: Directory of the dataset; None for `datasets/NAME` in the current folder.
        size: Number of samples in place of the recipe's; None for the recipe's own.
        settings: Values to change, by dotted key (`{"emit.shard_size": 16}`) or as `KEY=VALUE` texts.
        workers: Number of processes; None for one per core. A script that asks for more than one starts its work below
            `if __name__ == "__main__":`, since each of them imports the script. None is all that
            a Ray has room for.
        engine: "local", or "ray" for the workers of a Ray, on one machine or on many that share the directory's disk;
            the bytes are the same.
        address: Address of a Ray that runs, as "HOST:6379", or "auto" for the one on this machine; None for the one
            that RAY_ADDRESS names, or one that is started for the build.
        device: Device of the networks: "cpu", "cuda", "cuda:1", "mps", or "auto" for the best that there is here.
            Equal bytes are promised for the same class of device, batch and precision, which belong to the digest and
            cannot change in the middle. With several workers the device has one process with the networks, and the
            workers compose and write; each worker of a Ray has a device of its own.
        batch: Number of images or lesions that a network makes together; None for 32 on a device, and on the processor
            for the generator's own. A larger batch is faster and takes more memory.
        overwrite: True to remove the dataset that is there, finished or not, and begin anew.
        without: Keys of samples to leave out, or the path of a file of them: one per line, or the `audit.json` or
            `not_releasable.json` of the dataset as it was; None leaves out those that the recipe names. It is another
            dataset then, and its recipe and card say what was left out.
        progress: Function that is called with the number of samples done and that of all samples.

    Returns:
        The finished dataset. `manifest.failed` lists the samples that could not be made, `made` and `seconds` say what
        this run did. `unmet` says what the audit that the recipe demands (`quality.audit`) did not let pass; the
        dataset is then marked as not releasable, and `publish` refuses it.

    Raises:
        RecipeError: The recipe cannot be read or understood, or an argument is of the wrong kind.
        GeneratorError: A generator is unknown, lacks its model, or cannot do what is asked.
        SourceError: The archive of real hosts cannot be used.
        OutputError: The directory holds something else, or cannot be written; or no Ray answers.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"]}
        >>> dataset = sm.build("balanced_mass", "masses", size=3, settings=small)
        >>> dataset
        Dataset(balanced_mass: 3 samples, 3 train)
        >>> dataset["balanced_mass-0000001"]
        Sample(balanced_mass-0000001, 115 x 115 of 12 bits, 2 mm, L MLO, benign, 1 finding)
        >>> dataset["balanced_mass-0000001"].findings[0].box.height < 30
        True
    """
    checked = as_recipe(recipe, settings, size)
    if without is not None:
        keys = {*checked.quality.without, *left_out(without, checked)}
        checked = as_recipe(checked, {"quality.without": sorted(keys)})
    asked = Asked.of(device, batch)
    work = chosen_engine(engine, workers, address, asked.device)
    directory = Path("datasets") / checked.name if out is None else a_path(out, "out", OutputError)
    overwrite = a_choice(overwrite, "overwrite", RecipeError)
    steps = Steps(a_function(progress, "progress", RecipeError), checked.size)
    from synthmammo.building.inputs import refuse_unsupported
    from synthmammo.building.sizes import check_sizes
    from synthmammo.dataset.card import card
    from synthmammo.planning.estimate import note_rate

    stage(steps, "planning")
    inputs = refuse_unsupported(checked)
    check_gate(checked)
    make_hosts(checked, workers=workers)
    check_sizes(checked, inputs)
    computing = asked.settled(inputs)
    made = _made_or_grown(checked, directory, work, overwrite, inputs, computing, steps)
    if checked.quality.audit:
        stage(steps, "auditing")
    made.unmet = tuple(pass_gate(checked, directory, silent))
    card(directory)
    bytes_ = sum(shard.bytes for shard in made.manifest.shards)
    note_rate(checked, seconds=made.seconds, samples=made.manifest.samples, bytes_=bytes_, inputs=inputs)
    return made


def _made_or_grown(
    recipe: Recipe,
    out: Path,
    engine: Engine,
    overwrite: bool,
    inputs: Inputs,
    computing: Computing,
    steps: Steps,
) -> MadeDataset:
    """The dataset of a recipe: made, gone on with, or grown from a smaller one that is there."""
    from synthmammo.building.build import draft_manifest
    from synthmammo.building.build import make_dataset as make
    from synthmammo.building.grow import abandon, grow, settle, smaller
    from synthmammo.dataset.layout import MANIFEST
    from synthmammo.dataset.libraries import recipe_versions
    from synthmammo.dataset.workers.local import chosen

    abandon(out) if overwrite else settle(out)
    if not overwrite and (out / MANIFEST).is_file():
        draft = draft_manifest(recipe, inputs, computing)
        before = smaller(recipe, out, draft)
        if before:
            return grow(recipe, out, draft, before, recipe_versions(recipe), chosen(engine), steps, inputs, computing)
    return make(recipe, out, engine=engine, overwrite=overwrite, inputs=inputs, computing=computing, advance=steps)


def plan(
    recipe: RecipeLike,
    out: str | Path | None = None,
    *,
    size: int | None = None,
    settings: Changes = (),
    workers: int | None = 1,
    progress: Progress = silent,
) -> Plan:
    """Draw everything there is to draw of a recipe; real hosts that the recipe asks for are ingested first.

    Args:
        recipe: Path of a recipe, name of a shipped one, mapping of its keys, or a `Recipe`.
        out: Parquet file to write the plan to; None writes none.
        size: Number of samples in place of the recipe's; None for the recipe's own.
        settings: Values to change, by dotted key (`{"emit.shard_size": 16}`) or as `KEY=VALUE` texts.
        workers: Number of processes that ingest; None for one per core.
        progress: Function that is called with the number of rows written and that of all rows.

    Returns:
        The plan: its rows when iterated, a `pyarrow.Table` by `table()`, counts by `summary`.

    Raises:
        RecipeError: The recipe cannot be read or understood, or an argument is of the wrong kind.
        SourceError: The archive of real hosts cannot be used.
        DatasetError: The real hosts are absent, or none of them can be used.
        OutputError: The file cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> plan = sm.plan("balanced_mass", size=9)
        >>> plan
        Plan(balanced_mass: 9 samples on 9 backgrounds)
        >>> len(plan.table())
        9
    """
    checked = as_recipe(recipe, settings, size)
    a_function(progress, "progress", RecipeError)
    path = None if out is None else a_path(out, "out", OutputError)
    make_hosts(checked, workers=workers)
    from synthmammo.building.sizes import check_sizes
    from synthmammo.planning.plan import Plan

    check_sizes(checked)
    drawn = Plan(checked)
    if path is not None:
        drawn.write(path, progress)
    return drawn


def make_hosts(recipe: RecipeLike, *, workers: int | None = 1, progress: Progress = silent) -> IngestSummary | None:
    """Ingest the real hosts that a recipe asks for, with their card; `build` and `plan` do it by themselves.

    Args:
        recipe: Path of a recipe, name of a shipped one, mapping of its keys, or a `Recipe`.
        workers: Number of processes; None for one per core.
        progress: Function that is called with the number of images done and that of all images.

    Returns:
        What was ingested; None where the hosts are there, or the recipe asks for none or does not say from what.

    Raises:
        RecipeError: The recipe cannot be read or understood, or its options of `ingest` cannot.
        SourceError: The archive cannot be used.

    Example:
        >>> import synthmammo as sm
        >>> sm.make_hosts("balanced_mass") is None
        True
    """
    checked = as_recipe(recipe)
    from synthmammo.dataset.workers.local import local

    engine = local(workers, RecipeError)
    if missing_hosts(checked) is None:
        return None
    from synthmammo.dataset.card import card

    summary = ensure_hosts(checked, a_function(progress, "progress", RecipeError), engine=engine)
    card(summary.path)
    return summary
