"""The command that begins a recipe: init."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.kinds import recipe_names
from synthmammo.cli.options import OUT_FILE


@click.command()
@click.argument("name")
@click.option(
    "--like",
    metavar="RECIPE",
    shell_complete=recipe_names,
    help="Recipe to begin with: a file, or a shipped one.  [default: a short one of phantoms]",
)
@click.option("--out", type=OUT_FILE, help="File to write.  [default: NAME.yaml]")
@click.option("--overwrite", is_flag=True, help="Replace what is there: a file of the same name.")
def init(name: str, like: str | None, out: Path | None, overwrite: bool) -> None:
    """Write a recipe to begin with.

    NAME becomes the name of the dataset. The comments in the file say what each key means and what else it may be;
    beside it lies recipe.schema.json, with which editors complete and check the keys.

    Example: synthmammo init my_masses --like balanced_mass
    """
    import synthmammo

    written = synthmammo.write_recipe(name, out, like=like, overwrite=overwrite)
    click.echo(f"{written}\n  check  synthmammo check {written}\n  build  synthmammo build {written}")
