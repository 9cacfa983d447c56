"""`build_part`: some of a plan's shards, on any number of machines; `merge` makes one dataset of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from synthmammo.arguments import a_choice, a_function, a_path, a_text
from synthmammo.building.asked import Asked
from synthmammo.building.portion import Part, Portion, Ranges
from synthmammo.errors import OutputError, RecipeError
from synthmammo.progress import Progress, Steps, silent
from synthmammo.recipe import Recipe, RecipeLike, as_recipe
from synthmammo.settings import Changes

if TYPE_CHECKING:
    from synthmammo.dataset.workers.base import Engine


@dataclass(frozen=True)
class MadePart:
    """What a machine made of a dataset.

    Attributes:
        path: Directory of the part, for `merge`.
        shards: Names of its shards.
        samples: Number of its samples.
        failed: Number of samples that could not be made.
        made: Number of samples made by this run; the others were there already.
        seconds: Processor time in seconds by activity.
    """

    path: Path
    shards: tuple[str, ...]
    samples: int
    failed: int
    made: int
    seconds: dict[str, float]


def build_part(
    recipe: RecipeLike,
    out: str | Path | None = None,
    *,
    part: str | None = None,
    shards: str | None = None,
    size: int | None = None,
    settings: Changes = (),
    workers: int | None = 1,
    device: str = "cpu",
    batch: int | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> MadePart:
    """Make some of the shards of a recipe's dataset; `merge` makes one dataset of all of them.

    Every machine draws the same plan, and makes its shards to the same bytes as a single build would. After an
    interruption the same call goes on where it was. Real hosts that the recipe asks for are ingested first; where
    machines share a disk, `make_hosts` does that once before.

    Args:
        recipe: Path of a recipe, name of a shipped one, mapping of its keys, or a `Recipe`.
        out: Directory of the part; None for one in `datasets`, named after the recipe and the part.
        part: Which part of how many, counted from 1, as "3/64".
        shards: Which shards instead, counted from 0 in the order of the plan, as "0-99" or "0-4,7".
        size: Number of samples of the whole dataset in place of the recipe's; None for the recipe's own.
        settings: Values to change, by dotted key (`{"emit.shard_size": 16}`) or as `KEY=VALUE` texts.
        workers: Number of processes; None for one per core.
        device: Device of the networks, as for `build`; the same class for all parts.
        batch: Number of images or lesions per batch, as for `build`; the same for all parts.
        overwrite: True to remove the part that is there and begin anew.
        progress: Function that is called with the number of samples done and that of all samples of the part.

    Returns:
        What was made.

    Raises:
        RecipeError: The recipe cannot be read or understood, or there is no such part.
        GeneratorError: A generator is unknown, lacks its model, or cannot do what is asked.
        OutputError: The directory holds something else, or cannot be written.

    Example:
        >>> import synthmammo as sm
        >>> small = {"background.spacing_mm": 2, "emit.formats": ["parquet"], "emit.shard_size": 2}
        >>> for number in 1, 2:
        ...     part = sm.build_part("balanced_mass", f"part{number}", part=f"{number}/2", size=6, settings=small)
        >>> part.shards, part.samples
        (('validation-00000', 'train-00002'), 2)
        >>> sm.merge(["part1", "part2"], "masses")
        Dataset(balanced_mass: 6 samples, 5 train, 1 validation)
    """
    portion = _portion(part, shards)
    checked = as_recipe(recipe, settings, size)
    name = f"{checked.name}-{str(portion).replace(' ', '-').replace(',', '_')}"
    directory = Path("datasets") / name if out is None else a_path(out, "out", OutputError)
    overwrite = a_choice(overwrite, "overwrite", RecipeError)
    a_function(progress, "progress", RecipeError)
    from synthmammo.building.recipes import make_hosts
    from synthmammo.dataset.workers.local import local

    engine = local(workers, RecipeError)
    make_hosts(checked, workers=workers)
    asked = Asked.of(device, batch)
    return make_part(checked, directory, portion, engine=engine, asked=asked, overwrite=overwrite, progress=progress)


def _portion(part: str | None, shards: str | None) -> Portion:
    if (part is None) == (shards is None):
        raise RecipeError("expected either a part or shards", where="part", hint="E.g. part='3/64' or shards='0-99'.")
    if part is not None:
        return Part.parse(a_text(part, "part", RecipeError))
    return Ranges.parse(a_text(shards, "shards", RecipeError))


def make_part(
    recipe: Recipe,
    out: Path,
    portion: Portion,
    *,
    engine: Engine | None = None,
    asked: Asked | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> MadePart:
    """Make some shards of a recipe's dataset.

    Args:
        recipe: The checked recipe.
        out: Directory of the part.
        portion: Which shards.
        engine: Engine that makes the shards, this process by default.
        asked: Device and batch that were asked for; None, the default, for the processor.
        overwrite: Whether what is there is removed first; False by default.
        progress: Function that is called with the number of samples done and that of all samples of the part.

    Raises:
        RecipeError: There is no such part.
        OutputError: The directory holds something else, or cannot be written.
        GeneratorError: A generator is unknown, lacks its model, or cannot do what a row asks.
    """
    from synthmammo.building.build import begin, make_shard, planned_shards, remove_dataset, write_inputs
    from synthmammo.building.inputs import refuse_unsupported
    from synthmammo.building.networks import served
    from synthmammo.building.sizes import check_sizes
    from synthmammo.dataset.layout import PLAN
    from synthmammo.dataset.shards import run_shards
    from synthmammo.dataset.unfinished import DRAFT, WORK
    from synthmammo.dataset.workers.local import chosen

    engine = chosen(engine)
    inputs = refuse_unsupported(recipe)
    check_sizes(recipe, inputs)
    if overwrite:
        remove_dataset(out)
    computing = (asked or Asked()).settled(inputs)
    draft, state = begin(recipe, out, inputs, computing)
    if state.manifest():
        raise OutputError("holds the whole dataset, finished", where=out, hint="Choose another directory for the part.")
    sizes = write_inputs(recipe, out)
    try:
        names = portion.of(list(sizes))
    except RecipeError:
        if not state.is_noted(WORK):
            remove_dataset(out)
        raise
    samples = sum(sizes[name] for name in names)
    state.note(DRAFT, asdict(draft))
    state.note(WORK, {"shards": len(names), "samples": samples, "portion": str(portion), "names": names})
    steps = Steps(progress, samples)
    with served(recipe, inputs, computing, engine) as given:
        make = partial(make_shard, recipe, out, state.digest, inputs=inputs, computing=given)
        made = run_shards(state, engine, make, planned_shards(out / PLAN, frozenset(names)), steps)
    rows, failed = (sum(len(getattr(result, what)) for result in made.results) for what in ("rows", "skipped"))
    return MadePart(out, tuple(names), rows, failed, made.samples, made.seconds)
