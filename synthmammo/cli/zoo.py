"""The command zoo: models that recipes name as `zoo/NAME`."""

from __future__ import annotations

import click

from synthmammo.cli.main import Commands


class Zoo(Commands):
    """What can be done with the zoo."""

    modules = {"list": "zoo:list_models", "show": "zoo:show_model", "add": "zoo:add_model"}


@click.group(cls=Zoo)
def zoo() -> None:
    """List the models that recipes name as zoo/NAME, show their cards, add some.

    Models that are added lie in the folder SYNTHMAMMO_ZOO, by default ~/.local/share/synthmammo/zoo; one of the same
    name takes the place of a model of the package.

    Example: synthmammo zoo list
    """


@click.command("list")
def list_models() -> None:
    """List what every model makes, its number of weights and its licence; `zoo show` says what it reached.

    Example: synthmammo zoo list
    """
    from rich.console import Console
    from rich.table import Table

    from synthmammo.models.names import zoo_folders
    from synthmammo.models.zoo import models

    found = models()
    if not found:
        folders = " nor in ".join(map(str, zoo_folders()))
        click.echo(f"No models, neither in {folders}. `synthmammo zoo add FILE` adds one.")
        return
    table = Table(box=None, header_style="bold")
    for column in ("name", "makes", "weights", "licence", "from"):
        table.add_column(column, no_wrap=column == "name")
    for model in found:
        described = model.description
        classes = f" ({', '.join(described.classes)})" if described.classes else ""
        weights, origin = f"{model.numbers / 1e6:.1f} M", "package" if model.shipped else "user"
        table.add_row(model.name, model.makes + classes, weights, described.licence, origin)
    Console().print(table)


@click.command("show")
@click.argument("model")
def show_model(model: str) -> None:
    """Print the card of MODEL: zoo/NAME, a file, or hf://ORG/REPO/FILE@REVISION.

    Example: synthmammo zoo show zoo/contextual-mass
    """
    from synthmammo.models.zoo import model as read

    click.echo(read(model).card, nl=False)


@click.command("add")
@click.argument("source")
@click.option("--name", help="To give it.  [default: the file's own]")
@click.option("--replace", is_flag=True, help="Take the place of a model of that name.")
def add_model(source: str, name: str | None, replace: bool) -> None:
    """Add the model SOURCE, a .safetensors file of this package, so that recipes can name it as zoo/NAME.

    Its generator is kept, in half precision: at most 8 million weights, which are 16 MB. A card beside it, SOURCE with
    the ending .md, comes along; else one is drafted. Published .pkl and .pt files go through `convert` first.

    Example: synthmammo zoo add runs/views/stylegan2-phantom-256.safetensors --name my-views
    """
    from synthmammo.models.zoo import add

    added = add(source, name, replace=replace)
    click.echo(f"{added.name}\n  model  {added.path}\n  card   {added.path.with_suffix('.md')}")
