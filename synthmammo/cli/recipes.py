"""Commands that start from a recipe: build, plan, check, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthmammo.cli.options import FILE, FOLDER, WORKERS

if TYPE_CHECKING:
    from synthmammo.planning.plan import Plan
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

    RECIPE is a file, or the name of a shipped recipe. After an interruption the same command continues where it
    stopped. Samples that could not be made are listed in skipped.jsonl with the reason, and the exit code is then 3.

    Example: synthmammo build balanced_calc --size 100
    """
    import synthmammo

    loaded = synthmammo.check(recipe, settings=settings, size=size)
    out = out or Path("datasets") / loaded.name
    _make_hosts(loaded, workers)
    if dry_run:
        _print_plan(synthmammo.plan(loaded))
        click.echo(f"Nothing was made. Without --dry-run the dataset goes to {out}")
        return
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.layout import CARD, PICTURE

    with progress_bar(loaded.name, loaded.size, "samples") as update:
        made = synthmammo.build(loaded, out, workers=workers, overwrite=overwrite, progress=update)
    _print_built(made.manifest.samples, made.made, made.seconds)
    click.echo(f"  dataset  {out}\n  card     {out / CARD}")
    if (out / PICTURE).is_file():
        click.echo(f"  picture  {out / PICTURE}")
    if made.manifest.failed:
        from synthmammo.cli.main import DONE_WITH_SKIPS

        click.echo(f"{len(made.manifest.failed)} samples could not be made; see {out / 'skipped.jsonl'}", err=True)
        for label in made.lost_classes:
            click.secho(f"no sample of the class {label} could be made", fg="red", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


@click.command()
@_RECIPE
@_SIZE
@_SET
@click.option("--out", type=FILE, help="Parquet file to write the plan to.  [default: none]")
def plan(recipe: Path, size: int | None, settings: tuple[str, ...], out: Path | None) -> None:
    """Print what RECIPE would make.

    A plan makes every random draw of its dataset; `synthmammo build` makes no further ones.

    Example: synthmammo plan screening_prevalence --size 10000
    """
    import synthmammo

    loaded = synthmammo.load_recipe(recipe, [*settings, *([f"size={size}"] if size is not None else [])])
    _make_hosts(loaded)
    drawn = synthmammo.plan(loaded)
    _print_plan(drawn)
    if out:
        from synthmammo.cli.progress import progress_bar

        with progress_bar("plan", loaded.size, "rows") as update:
            drawn.write(out, update)
        click.echo(f"plan: {out}")


@click.command()
@click.argument("recipes", nargs=-1, required=True, type=FILE, metavar="RECIPE...")
def check(recipes: tuple[Path, ...]) -> None:
    """Check recipes.

    The fields of each RECIPE are checked, the names of its generators, and whether its models are there. Nothing is
    drawn, made or fetched, so that editors and pre-commit can run it on every change; the exit code is 1 when a recipe
    is wrong.

    Example: synthmammo check recipes/balanced_mass.yaml recipes/balanced_calc.yaml
    """
    import synthmammo
    from synthmammo.cli.main import print_error

    wrong = []
    for recipe in recipes:
        try:
            synthmammo.check(recipe)
        except synthmammo.SynthmammoError as error:
            print_error(error)
            wrong.append(recipe)
        else:
            click.echo(f"ok  {recipe}")
    if wrong:
        raise SystemExit(1)


@click.command()
def schema() -> None:
    """Print the JSON Schema of recipes.

    Editors complete and check recipes with it.

    Example: synthmammo schema > recipe.schema.json
    """
    import json

    from synthmammo.recipe import recipe_schema

    click.echo(json.dumps(recipe_schema(), indent=2))


def _make_hosts(recipe: Recipe, workers: int | None = None) -> None:
    if getattr(recipe.background, "ingest", None) is None:
        return
    import synthmammo
    from synthmammo.cli.progress import progress_bar

    with progress_bar("hosts") as update:
        summary = synthmammo.make_hosts(recipe, workers=workers, progress=update)
    if summary is None:
        return
    click.echo(f"hosts: {summary.manifest.samples} images ingested to {summary.path}", err=True)
    for skipped in summary.skipped:
        click.echo(f"skipped {skipped.path}: {skipped.reason}", err=True)


def _print_plan(plan: Plan) -> None:
    from rich.console import Console
    from rich.table import Table

    recipe, summary = plan.recipe, plan.summary
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
