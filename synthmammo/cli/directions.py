"""The group directions: fit, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthmammo.cli.main import Commands
from synthmammo.cli.options import DEVICE, FILE, MODEL, NumberRange

if TYPE_CHECKING:
    from rich.table import Table

    from synthmammo.editing.directions.fitted import Directions

_WIDTH = 110
"""Columns the tables need."""


@click.group(cls=Commands, modules={"fit": "directions", "show": "directions"})
def directions() -> None:
    """Find, measure and show the directions of a model.

    The samples of a StyleGAN2 can be moved along them.

    Example: synthmammo directions fit zoo/stylegan2-cbis-mass-128
    """


@click.command()
@MODEL
@click.option("--out", "path", type=FILE, help="Directions file to write.  [default: beside the model]")
@click.option(
    "--components",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Number of principal components to keep.",
)
@click.option(
    "--latents",
    type=click.IntRange(2),
    default=50_000,
    show_default=True,
    help="Number of latents that the components are computed from.",
)
@click.option(
    "--samples",
    type=click.IntRange(0),
    default=400,
    show_default=True,
    help="Number of samples on which attributes are measured; 0 leaves attributes out.",
)
@click.option(
    "--checks",
    type=click.IntRange(0),
    default=32,
    show_default=True,
    help="Number of further samples on which the directions are tested.",
)
@click.option(
    "--truncation",
    type=NumberRange(0),
    default=0.65,
    show_default=True,
    help="Truncation psi of the samples that are measured.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed for drawing latents and samples.",
)
@DEVICE
def fit(
    model: str,
    path: Path | None,
    components: int,
    latents: int,
    samples: int,
    checks: int,
    truncation: float,
    seed: int,
    device: str,
) -> None:
    """Find the directions of the StyleGAN2 MODEL.

    There is one direction per principal component of W, and one per attribute (breast area, density, view, ...) that
    is measured on samples. Recipes use the file by `edits: [{density: 1.5}, {component 7: [-2, 2]}]`.

    Example: synthmammo directions fit zoo/stylegan2-cbis-mass-128
    """
    from synthmammo.cli.progress import progress_bar
    from synthmammo.editing.directions.fit import Fitting, fit_directions

    fitting = Fitting(components, latents, samples, checks, truncation, seed, device)
    with progress_bar("directions") as update:
        written, found = fit_directions(model, fitting, path, progress=update)
    _print(found)
    click.echo(written)


@click.command()
@MODEL
@click.option("--file", "path", type=FILE, help="Directions file to read.  [default: beside the model]")
@click.option(
    "--components", type=click.IntRange(1), default=10, show_default=True, help="Number of components to list."
)
def show(model: str, path: Path | None, components: int) -> None:
    """Show what is known of the directions of MODEL.

    The tables list components, attributes, and how far each direction changes each attribute.

    Example: synthmammo directions show zoo/stylegan2-cbis-mass-128
    """
    from synthmammo.editing.directions.file import directions_file, read_directions
    from synthmammo.identity import file_digest
    from synthmammo.models.names import locate

    located = locate(model)
    _print(read_directions(path or directions_file(located), file_digest(located)), components)


def _print(found: Directions, components: int = 10) -> None:
    from rich.console import Console

    console = Console()
    console = Console(width=max(console.width, _WIDTH))
    console.print(_components(found, components))
    if found.attributes:
        console.print(_attributes(found))
    for name, correlation in found.facts.get("absent", {}).items():
        why = "was hardly measured" if correlation is None else f"is not predicted (correlation {correlation:.2f})"
        console.print(f"No direction for {name}: it {why}.")
    if found.facts.get("table"):
        console.print(_moves(found))


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=number == 0)
    return table


def _components(found: Directions, count: int) -> Table:
    correlations = found.facts.get("correlations", {})
    table = _table(
        f"{len(found.components)} components explain {found.explained.sum():.1%} of the variance",
        *("component", "explained", "deviation", "correlates with"),
    )
    for number in range(min(count, len(found.components))):
        strongest = sorted(correlations, key=lambda name: -abs(correlations[name][number]))[:3]
        text = ", ".join(f"{name} {correlations[name][number]:+.2f}" for name in strongest)
        table.add_row(str(number), f"{found.explained[number]:.1%}", f"{found.deviations[number]:.3f}", text)
    return table


def _attributes(found: Directions) -> Table:
    fitting = found.facts["fitting"]
    table = _table(
        f"Attributes of {fitting['samples']} images at truncation {fitting['truncation']:g}",
        *("attribute", "5 %", "median", "95 %", "a deviation moves it by", "predicted (correlation)"),
    )
    for name, attribute in found.attributes.items():
        low, middle, high = (f"{attribute.quantiles[place]:.3g}" for place in (5, 50, 95))
        table.add_row(name, low, middle, high, f"{attribute.slope:.3g}", f"{attribute.correlation:.2f}")
    return table


def _moves(found: Directions) -> Table:
    rows = found.facts["table"]
    names = list(found.attributes)
    table = _table(
        "A deviation along each direction (row) changes each attribute (column) by so many of its deviations; "
        "ratio: its own attribute's change over the others' root mean square",
        *("direction", *names, "ratio"),
    )
    for direction in (*names, "random"):
        changes = rows[direction]
        cells = ["-" if changes[name] is None else f"{changes[name]:+.2f}" for name in names]
        table.add_row(direction, *cells, _ratio(changes, direction))
    return table


def _ratio(changes: dict[str, float | None], wanted: str) -> str:
    """How much more the wanted attribute moves than the others do in the root mean square."""
    others = [change for name, change in changes.items() if name != wanted and change is not None]
    own = changes.get(wanted)
    if own is None or not others:
        return ""
    rest = (sum(change**2 for change in others) / len(others)) ** 0.5
    return f"{abs(own) / max(rest, 1e-9):.1f}"
