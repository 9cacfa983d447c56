"""The command explore."""

from __future__ import annotations

from pathlib import Path

import click

from synthmammo.cli.options import FOLDER, HOST, OUT_FOLDER, PORT, TOKEN, WHERE


@click.command()
@click.argument("what", metavar="[MODEL|DATASET]", default="zoo/stylegan2-phantom-256")
@HOST
@PORT
@TOKEN
@click.option("--open", "browser", is_flag=True, help="Open the page in the browser of this machine.")
@WHERE
@click.option(
    "--audit",
    type=FOLDER,
    help="Directory of an audit whose flags and nearest training images are shown.  [default: the dataset's own]",
)
@click.option(
    "--train", type=FOLDER, help="Dataset the generator was trained on, shown beside samples.  [default: none]"
)
@click.option(
    "--export-space",
    "space",
    type=OUT_FOLDER,
    metavar="DIR",
    help="Folder to write a Hugging Face Space of the model into, in place of serving it.  [default: none]",
)
def explore(
    what: str,
    host: str,
    port: int | None,
    token: str | None,
    browser: bool,
    where: str | None,
    audit: Path | None,
    train: Path | None,
    space: Path | None,
) -> None:
    """Steer a model, or look through a dataset, in a browser.

    A MODEL (default zoo/stylegan2-phantom-256) is sampled, edited and given lesions; what was done is saved as a recipe
    that `synthmammo build` makes. A DATASET, by its directory, is filtered and looked at. Needs gradio: pip install
    "synthmammo[app]". Nothing leaves the machine.

    Example: synthmammo explore datasets/balanced_mass --open
    """
    import synthmammo

    if space is not None:
        for path in synthmammo.export_space(what, space):
            click.echo(str(path))
        return
    synthmammo.explore(
        what,
        host=host,
        port=port,
        token=token,
        browser=browser,
        where=where,
        audit=audit,
        train=train,
        say=click.echo,
    )
