"""Commands that start from a recipe: build, schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from synthmammo.building.reasons import LEFT_OUT
from synthmammo.cli.options import FILE, OUT_FOLDER, RECIPE, SETTINGS, SIZE, WORKERS
from synthmammo.cli.plans import make_hosts, print_plan


@click.command()
@RECIPE
@click.option("--out", type=OUT_FOLDER, help="Dataset directory to write.  [default: datasets/NAME of the recipe]")
@SIZE
@SETTINGS
@WORKERS
@click.option("--overwrite", is_flag=True, help="Replace what is there: a dataset, finished or not.")
@click.option("--without", type=FILE, help="File of keys to leave out, e.g. not_releasable.json.  [default: none]")
@click.option("--dry-run", is_flag=True, help="Print what would be made, and make nothing.")
def build(
    recipe: Path,
    out: Path | None,
    size: int | None,
    settings: tuple[str, ...],
    workers: int | None,
    overwrite: bool,
    without: Path | None,
    dry_run: bool,
) -> None:
    """Make the dataset of RECIPE.

    RECIPE is a file, or the name of a shipped recipe. After an interruption the same command continues where it
    stopped. Samples that could not be made are listed in skipped.jsonl with the reason, and the exit code is then 3.
    Where the recipe demands an audit (quality.audit), a dataset that does not pass is marked as not releasable;
    --without builds anew without the samples to blame.

    Example: synthmammo build balanced_calc --size 100
    """
    import synthmammo

    loaded = synthmammo.check(recipe, settings=settings, size=size)
    out = out or Path("datasets") / loaded.name
    make_hosts(loaded, workers)
    if dry_run:
        drawn = synthmammo.plan(loaded)
        print_plan(drawn, drawn.estimate(workers))
        click.echo(f"Nothing was made. Without --dry-run the dataset goes to {out}")
        return
    from synthmammo.cli.progress import progress_bar
    from synthmammo.dataset.layout import CARD, PICTURE

    with progress_bar(loaded.name, loaded.size, "samples") as update:
        made = synthmammo.build(loaded, out, workers=workers, overwrite=overwrite, without=without, progress=update)
    _print_built(made.manifest.samples, made.made, made.seconds)
    click.echo(f"  dataset  {out}\n  card     {out / CARD}")
    if (out / PICTURE).is_file():
        click.echo(f"  picture  {out / PICTURE}")
    _print_gate(made.unmet, out)
    left_out = sum(failed["reason"] == LEFT_OUT for failed in made.manifest.failed)
    if left_out:
        click.echo(f"{left_out} samples were left out, as asked")
    if failed := len(made.manifest.failed) - left_out:
        from synthmammo.cli.main import DONE_WITH_SKIPS

        click.echo(f"{failed} samples could not be made; see {out / 'skipped.jsonl'}", err=True)
        for label in made.lost_classes:
            click.secho(f"no sample of the class {label} could be made", fg="red", err=True)
        raise SystemExit(DONE_WITH_SKIPS)


@click.command()
def schema() -> None:
    """Print the JSON Schema of recipes.

    Editors complete and check recipes with it.

    Example: synthmammo schema > recipe.schema.json
    """
    import json

    from synthmammo.recipe import recipe_schema

    click.echo(json.dumps(recipe_schema(), indent=2))


def _print_gate(unmet: Sequence[str], out: Path) -> None:
    """Say why a dataset is not releasable."""
    from synthmammo.dataset.layout import NOT_RELEASABLE

    if unmet:
        click.echo(f"not releasable, see {out / NOT_RELEASABLE}:")
    for reason in unmet:
        click.echo(f"  {reason}")


def _print_built(samples: int, made: int, seconds: dict[str, float]) -> None:
    busy = sum(seconds.values())
    shares = ", ".join(f"{name} {value / busy:.0%}" for name, value in seconds.items()) if busy else ""
    click.echo(
        f"{samples:,} samples, {made:,} of them made now" + (f" ({shares} of the workers' time)" if shares else "")
    )
