"""Commands that start from a recipe: build, plan, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthmammo.cli.options import FILE, FOLDER, WORKERS

if TYPE_CHECKING:
    from synthmammo.recipe import Recipe

_RECIPE = click.argument("recipe", type=FILE)
_SIZE = click.option("--size", type=int, help="Number of samples.  [default: the recipe's size]")
_SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Value of one key of the recipe, e.g. emit.shard_size=16; may be repeated.",
)


@click.command()
@_RECIPE
@click.option("--out", type=FOLDER, help="Dataset directory.  [default: the recipe's name, in the folder datasets]")
@_SIZE
@_SET
@WORKERS
@click.option("--overwrite", is_flag=True, help="Remove the dataset that is there, finished or not, and begin anew.")
@click.option("--dry-run", is_flag=True, help="Print what would be made, and make nothing.")
def build(
    recipe: Path,
    out: Path | None,
    size: int | None,
    settings: tuple[str, ...],
    workers: int | None,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Make the dataset of RECIPE.

    After an interruption the same command continues where it stopped. Samples that could not be made are listed in
    skipped.jsonl with the reason, and the exit code is then 3.

    Example: synthmammo build recipes/balanced_calc.yaml --size 100
    """
    from synthmammo.building.inputs import refuse_unsupported

    loaded = _load(recipe, settings, size)
    found = refuse_unsupported(loaded)
    out = out or Path("datasets") / loaded.name
    if dry_run:
        _print_plan(loaded)
        click.echo(f"Nothing was made. Without --dry-run the dataset goes to {out}")
        return
    from synthmammo.building.build import build as run
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.card import card
    from synthmammo.dataset.layout import PICTURE
    from synthmammo.dataset.workers.local import Local

    _ensure_hosts(loaded, workers)
    with progress_bar(loaded.name, loaded.size, "samples") as update:
        count = 0

        def advance(samples: int) -> None:
            nonlocal count
            count += samples
            update(count, None)

        built = run(loaded, out, engine=Local(workers), overwrite=overwrite, found=found, advance=advance)
    path = card(out)
    _print_built(built.manifest.samples, built.made, built.seconds)
    click.echo(f"  dataset  {out}\n  card     {path}")
    if (out / PICTURE).is_file():
        click.echo(f"  picture  {out / PICTURE}")
    if built.manifest.failed:
        from synthmammo.cli.main import DONE_WITH_SKIPS

        click.echo(f"{len(built.manifest.failed)} samples could not be made; see {out / 'skipped.jsonl'}", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


@click.command()
@_RECIPE
@_SIZE
@_SET
@click.option("--out", type=FILE, help="Parquet file to write the plan to.  [default: none]")
def plan(recipe: Path, size: int | None, settings: tuple[str, ...], out: Path | None) -> None:
    """Print what RECIPE would make.

    A plan makes every random draw of its dataset; `synthmammo build` makes no further ones.

    Example: synthmammo plan recipes/screening_prevalence.yaml --size 10000
    """
    loaded = _load(recipe, settings, size)
    _print_plan(loaded)
    if out:
        from synthmammo.cli.progress import progress_bar
        from synthmammo.planning.planner import plan as run

        with progress_bar("plan", loaded.size, "rows") as update:
            run(loaded, out, update)
        click.echo(f"plan: {out}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of recipes.

    Editors complete and check recipes with it.

    Example: synthmammo schema > recipe.schema.json
    """
    import json

    from synthmammo.recipe import recipe_schema

    click.echo(json.dumps(recipe_schema(), indent=2))


def _load(path: Path, settings: tuple[str, ...], size: int | None) -> Recipe:
    from synthmammo.recipe import load_recipe

    return load_recipe(path, [*settings, *([f"size={size}"] if size is not None else [])])


def _ensure_hosts(recipe: Recipe, workers: int | None = None) -> None:
    from synthmammo.ingesting.hosts import ensure_hosts, missing_hosts

    if missing_hosts(recipe) is None:
        return
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.card import card
    from synthmammo.dataset.workers.local import Local

    with progress_bar("hosts") as update:
        summary = ensure_hosts(recipe, update, engine=Local(workers))
    card(summary.path)
    click.echo(f"hosts: {summary.manifest.samples} images ingested to {summary.path}", err=True)
    for skipped in summary.skipped:
        click.echo(f"skipped {skipped.path}: {skipped.reason}", err=True)


def _print_plan(recipe: Recipe) -> None:
    from rich.console import Console
    from rich.table import Table

    from synthmammo.planning.summary import summarise

    _ensure_hosts(recipe)
    summary = summarise(recipe)
    table = Table(
        title=f"{recipe.name}: {summary.samples:,} samples on {summary.hosts:,} backgrounds", title_justify="left"
    )
    table.add_column("class")
    for split in summary.splits:
        table.add_column(split, justify="right")
    table.add_column("share", justify="right")
    for label, counts in summary.classes.items():
        table.add_row(label, *(f"{number:,}" for number in counts), f"{sum(counts) / summary.samples:.2%}")
    console = Console()
    console.print(table)
    for name, text in summary.lines:
        console.print(f"{name:>14}  {text}", highlight=False, soft_wrap=True)


def _print_built(samples: int, made: int, seconds: dict[str, float]) -> None:
    busy = sum(seconds.values())
    shares = ", ".join(f"{name} {value / busy:.0%}" for name, value in seconds.items()) if busy else ""
    click.echo(
        f"{samples:,} samples, {made:,} of them made now" + (f" ({shares} of the workers' time)" if shares else "")
    )
